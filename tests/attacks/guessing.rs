//! Guessing tokens. A client got 5,805 answers a second while it was told 429, and nothing stood in the log.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use support::clock::Deadline;
use support::{count, eventually, router};

use crate::operator::{Times, at_once};

const HERE: [u8; 4] = [127, 0, 0, 1];

/// Guesses from one address on many connections at once, all of which wait for their answers; how many were answered.
fn guess(router: &support::Router, length: Duration, meanwhile: impl FnOnce()) -> usize {
    let (stop, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for guesser in 0..64 {
            let (stop, answered) = (&stop, &answered);
            scope.spawn(move || {
                for number in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    let token = format!("guess-{guesser:02}-{number:012}");
                    let request = format!(
                        "GET /api/v1/whoami HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}\r\n\r\n",
                        router.admin
                    );
                    let mut wire = support::Wire::open(router.admin).patience(length);
                    if wire.send(request).try_response("GET").is_ok() {
                        answered.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        meanwhile();
        stop.store(true, Ordering::Relaxed);
    });
    answered.into_inner()
}

#[test]
fn wrong_tokens_are_answered_ever_later_and_right_ones_at_once() {
    let router = router().stable("v1").candidate("v2").start();
    let length = Duration::from_secs(count(4, 30) as u64);
    let started = Deadline::after(length);
    let mut times = Times::default();
    let mut rounds = 0;
    let answered = guess(&router, length, || {
        while !started.passed() {
            times.round(&router, HERE);
            let asked = Deadline::after(at_once());
            router.api_as("viewer").get("").expect(200);
            assert!(asked.elapsed() < at_once(), "a right token is answered at once");
            rounds += 1;
        }
    });
    println!("{answered} guesses answered in {:?}, beside {rounds} rounds of an operator", started.elapsed());
    // Ten at once, then 1 / 0.01 s, 1 / 0.02 s ... towards one a second; the last 64 wait when it is over.
    assert!(answered < 40 + 5 * 64, "{answered} guesses were answered");
    times.assert_at_once("guessing");
    let said = "100 wrong tokens came from one address; its answers are delayed";
    eventually("the log tells", || router.log().contains(said));
    assert!(router.log().lines().filter(|line| line.contains("wrong tokens came")).count() < 5);
}

/// The line also names short tokens that work: they may be guessed.
#[test]
fn a_short_token_works_and_is_warned_of() {
    let router =
        router().stable("v1").environment(&[("OCCS_API_TOKEN", "short-one")]).store("memory").start();
    let who = router.api().with_token("short-one").call("GET", "/api/v1/whoami", None).expect(200);
    assert_eq!(who.json()["role"], "admin");
    let said = "OCCS_API_TOKEN: the token has 9 characters and may be guessed; new ones have at least 20";
    eventually("the log warns", || router.log().contains(said));
    assert!(!router.log().contains("short-one"));
}

#[test]
fn refused_calls_are_told_with_who_and_what_and_never_with_the_token() {
    let router = router().stable("v1").start();
    let wrong = "a-wrong-token-0123456789";
    router.api().with_token(wrong).call("GET", "/api/v1/apps?x=secret", None).expect(401);
    router.api_as("viewer").call("GET", "/api/v1/tokens", None).expect(403);
    eventually("the log tells of both", || {
        let log = router.log();
        let tells = |parts: [&str; 3]| log.lines().any(|line| parts.iter().all(|part| line.contains(part)));
        tells(["a call was refused", "/api/v1/apps", "401"]) && tells(["`guest`", "/api/v1/tokens", "403"])
    });
    assert!(!router.log().contains(wrong) && !router.log().contains("x=secret"));
    for _ in 0..200 {
        router.api_as("viewer").call("GET", "/api/v1/tokens", None).expect(403);
    }
    let told = router.log().lines().filter(|line| line.contains("a call was refused")).count();
    assert!(told < 100, "{told} lines");
    let counted = router.api().anonymous().raw("GET", "/metrics", None, "").expect(200).response.text();
    assert!(counted.contains("rolling_refused_calls_total{status=\"403\"} 201"), "{counted}");
}
