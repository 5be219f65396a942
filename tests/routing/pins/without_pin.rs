//! Clients that never bring a pin back: what happens to them is counted, apart, and they count once.

use super::{ask, both, release};
use serde_json::{Value, json};
use support::{Router, eventually};

/// So many requests of a client that keeps no cookie, and how often it changed its release.
fn alternate(router: &Router, agent: &str, requests: usize) -> usize {
    let headers = format!("User-Agent: {agent}\r\n");
    let seen: Vec<String> = (0..requests).map(|_| release(&ask(router, "GET", &headers))).collect();
    seen.windows(2).filter(|pair| pair[0] != pair[1]).count()
}

/// A client of another origin got `v2 v1 v2 v1 v1 v2`, and moves and bounces said 0.
#[test]
fn a_client_that_alternates_without_ever_keeping_a_pin_bounces() {
    let router = both(1, 50).start();
    let moves = alternate(&router, "Keeps nothing", 64 * 8);
    assert!(moves >= 3, "{moves} moves in eight draws at blend 50");
    let metrics = router.api().metrics();
    assert!((metrics.sum("rolling_bounces_total", &[("pin", "none")]) - 1.0).abs() < 0.5, "once a day");
    assert!((metrics.sum("rolling_bounces_total", &[]) - 1.0).abs() < 0.5, "and nobody else");
    eventually("the state says it", || router.api().state()["moves"]["bounces_without_pin"] == json!(1));
    assert_eq!(router.api().state()["moves"]["bounces"], json!(0));
}

/// A client that keeps no cookie was counted with each request, so that one script decided the drawn share.
#[test]
fn such_a_client_counts_once_in_the_share() {
    let router = both(1, 50).start();
    // A request that draws nothing, so that what is drawn after it is surely counted.
    ask(&router, "POST", "Origin: http://idp.example\r\nContent-Length: 0\r\n");
    let requests = |state: &Value| {
        let of = |track: &str| state[track]["activity"]["requests"].as_u64().unwrap_or_default();
        of("stable") + of("candidate")
    };
    eventually("the router looks", || requests(&router.api().state()) == 1);
    alternate(&router, "Keeps nothing", 64 * 4);
    for client in 0..3 {
        ask(&router, "GET", &format!("User-Agent: Client {client}\r\n"));
    }
    let mut state = json!(null);
    eventually("all requests were looked at", || {
        state = router.api().state();
        requests(&state) == 1 + 64 * 4 + 3
    });
    let drawn = state["shares"]["drawn"].as_f64().expect("somebody was drawn");
    assert!((drawn / 25.0).fract().abs() < 0.01, "{drawn} % of four clients");
}

#[test]
fn clients_that_keep_their_pin_do_not_bounce() {
    let router = both(1, 50).start();
    for client in 0..20 {
        let first = ask(&router, "GET", &format!("User-Agent: Client {client}\r\n"));
        let pin = support::visitor::pin_of(&first).expect("a first pin");
        for _ in 0..5 {
            let headers = format!("User-Agent: Client {client}\r\n{}", super::cookie(&pin));
            assert_eq!(release(&ask(&router, "GET", &headers)), release(&first));
        }
    }
    assert!(router.api().metrics().sum("rolling_bounces_total", &[]).abs() < 0.5);
    assert_eq!(router.api().state()["moves"], json!({ "total": 0, "bounces": 0, "reasons": {} }));
}
