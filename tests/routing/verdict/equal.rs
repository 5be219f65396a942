//! Equal releases: whatever is looked at how often, hardly any of them is aborted, or called slower (docs/verdict.md).

use std::time::Duration;

use serde_json::{Value, json};
use support::router::id;
use support::{
    ReceivedMessage, Reply, Router,
    clock::{Deadline, pause},
    count,
    draws::Draws,
    eventually, router,
};

use super::crowd::{Crowd, is_dropped, verdict};

/// Clients of one rollout.
const CLIENTS: usize = 1_000;
/// One of so many meets a failure, whichever release it was drawn to.
const FAILING: usize = 200;

/// What an endpoint of either release answers: one page fails.
fn answer(release: &str, request: &ReceivedMessage) -> Reply {
    let status = if request.target() == "/bad" { "500 Internal Server Error" } else { "200 OK" };
    Reply::response(status, &[("X-Release", release)], "so")
}

/// Whether an equal candidate is aborted within a rollout at blend 10.
fn is_aborted(router: &Router, draws: &mut Draws) -> bool {
    let candidate = json!({ "id": id("v2"), "blend": 10 });
    router.api().put("candidate", &candidate).expect(200);
    let mut crowd = Crowd::of(router);
    for _ in 0..CLIENTS {
        crowd.come(1, if draws.below(FAILING) == 0 { &["/bad"] } else { &["/"] });
    }
    let requests = |said: &Value| {
        let of = |arm: &str| said[arm]["requests"].as_u64().unwrap_or(0);
        of("candidate_sessions") + of("control_sessions")
    };
    // Whoever shares a network with one that failed is counted no more.
    let looked = CLIENTS as u64 * 9 / 10;
    eventually("all are looked at", || is_dropped(router) || requests(&verdict(router)) >= looked);
    let aborted = is_dropped(router);
    if !aborted {
        let reason = json!({ "reason": "the next one" });
        router.api().call("DELETE", "/api/v1/apps/hello/candidate", Some(&reason)).expect(200);
    }
    aborted
}

#[test]
fn equal_candidates_are_hardly_ever_aborted() {
    let settings = json!({ "verdict": { "on_worse": "abort" } }).to_string();
    let router = router().stable("v1").deployed("v2").key("rolling/hello/settings", &settings).start();
    for release in ["v1", "v2"] {
        router.endpoint(release).script(move |request| answer(release, request));
    }
    let mut draws = Draws::start();
    let runs = count(10, 200);
    let aborted = (0..runs).filter(|_| is_aborted(&router, &mut draws)).count();
    // One in a hundred is promised; of ten one may be, and more than five of 200 are beyond chance.
    assert!(aborted <= if runs < 100 { 1 } else { 5 }, "{aborted} of {runs}, seed {}", draws.seed);
}

/// How long a rollout is looked at: a dozen blocks and more, in which a candidate that is slower would be named.
const LOOKED_AT: Duration = Duration::from_secs(80);
/// Between two bunches of clients.
const BETWEEN: Duration = Duration::from_millis(50);

/// Whether an equal candidate is ever called slower, or looks so, while clients come one after the other. What a busy machine does to
/// both releases is the same.
fn is_called_slower(blend: u32) -> bool {
    let settings = json!({ "verdict": { "on_slower": "abort" } }).to_string();
    let builder = router().stable("v1").candidate("v2").blend(blend);
    let router = builder.key("rolling/hello/settings", &settings).start();
    let mut crowd = Crowd::of(&router);
    let over = Deadline::after(LOOKED_AT);
    while !over.passed() {
        crowd.come(50, &["/"]);
        pause(BETWEEN);
        if is_dropped(&router) {
            return true;
        }
    }
    let compared = verdict(&router)["latency"]["thresholds"][0]["candidate"]["compared"].as_u64();
    assert!(compared >= Some(50), "{}", verdict(&router));
    false
}

#[test]
fn equal_candidates_are_hardly_ever_called_slower() {
    let blends = if count(1, 2) == 1 { vec![10] } else { [10, 25, 50, 75].repeat(5) };
    let called = blends.iter().filter(|blend| is_called_slower(**blend)).count();
    assert!(called <= blends.len() / 10, "{called} of {}", blends.len());
}
