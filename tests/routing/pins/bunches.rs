//! First requests that come in bunches are one client.

use super::{ask, ask_on, both, client_of, endpoint, release};
use std::collections::BTreeSet;
use std::thread;
use support::Response;

const TRUSTING: [&str; 2] = ["--trusted-networks", "127.0.0.0/8"];

fn places(answers: &[Response]) -> BTreeSet<(String, String, Vec<u8>)> {
    answers.iter().map(|answer| (release(answer), endpoint(answer), client_of(answer))).collect()
}

/// Six parallel first fetches of a page were six clients, at two releases and four endpoints, and the page ended where the
/// last answer said.
#[test]
fn parallel_first_requests_of_a_browser_are_one_client() {
    let router = both(2, 50).workers(2).start();
    for visitor in 0..20 {
        let headers = format!("User-Agent: Browser/{visitor}\r\nSec-Fetch-Dest: empty\r\n");
        let fetch = || ask(&router, "GET", &headers);
        // The first one has come a moment before, so that nobody has to say which of six is the first.
        let first = fetch();
        let others: Vec<Response> = thread::scope(|scope| {
            let fetches: Vec<_> = (0..6).map(|_| scope.spawn(fetch)).collect();
            fetches.into_iter().map(|fetch| fetch.join().expect("it is answered")).collect()
        });
        let all: Vec<Response> = others.into_iter().chain([first]).collect();
        assert_eq!(places(&all).len(), 1, "{:?}", places(&all));
    }
}

#[test]
fn a_connection_is_one_client_without_a_name() {
    let router = both(2, 50).start();
    let mut clients = BTreeSet::new();
    for _ in 0..20 {
        let mut wire = router.connect();
        let answers: Vec<Response> = (0..5).map(|_| ask_on(&mut wire, &router, "GET", "")).collect();
        assert_eq!(places(&answers).len(), 1, "{:?}", places(&answers));
        clients.extend(places(&answers));
    }
    assert_eq!(clients.len(), 20, "another connection is another client");
}

#[test]
fn other_browsers_and_other_addresses_are_others() {
    let router = both(1, 50).flag(TRUSTING[0]).flag(TRUSTING[1]).start();
    let ask = |address: usize, agent: usize| {
        let headers = format!("X-Forwarded-For: 198.51.100.{address}\r\nUser-Agent: Browser/{agent}\r\n");
        client_of(&ask(&router, "GET", &headers))
    };
    let clients: BTreeSet<Vec<u8>> = (0..5)
        .flat_map(|address| (0..5).map(move |agent| (address, agent)))
        .map(|(address, agent)| ask(address, agent))
        .collect();
    assert_eq!(clients.len(), 25);
    assert!(clients.contains(&ask(3, 3)), "the same again");
}

/// A proxy that says whose requests it sends on one connection sends those of many; one that does not say it, too.
#[test]
fn what_comes_through_a_trusted_proxy_is_told_apart_by_what_the_proxy_says() {
    let router = both(1, 50).flag(TRUSTING[0]).flag(TRUSTING[1]).start();
    let mut wire = router.connect();
    let mut on_one_connection = |headers: &str| {
        client_of(&ask_on(&mut wire, &router, "GET", &format!("User-Agent: Browser\r\n{headers}")))
    };
    let named: BTreeSet<_> =
        (1..9).map(|n| on_one_connection(&format!("X-Forwarded-For: 198.51.100.{n}\r\n"))).collect();
    assert_eq!(named.len(), 8);
    let unnamed: BTreeSet<_> = (0..8).map(|_| on_one_connection("")).collect();
    assert_eq!(unnamed.len(), 8, "anybody may be behind it");
    let unknown: BTreeSet<_> = (0..8).map(|_| on_one_connection("X-Forwarded-For: unknown\r\n")).collect();
    assert_eq!(unknown.len(), 8);
}

/// A whole office has one address, and its machines the same browser: a bunch ends after 64 requests.
#[test]
fn the_share_stays_true_behind_one_address() {
    let router = both(1, 50).start();
    let answers: Vec<Response> =
        (0..640).map(|_| ask(&router, "GET", "User-Agent: Browser of an office\r\n")).collect();
    // On a busy machine a bunch may also end with its ten seconds.
    assert!((10..20).contains(&places(&answers).len()), "{}", places(&answers).len());
    let candidates = answers.iter().filter(|answer| release(answer) == "v2").count();
    assert!((192..=448).contains(&candidates), "{candidates} of 640 at blend 50");
}
