//! Commands under load, and whether every client's path is one that the table allows.

use serde_json::{Value, json};
use std::time::Duration;
use support::clock::pause;
use support::router::id;
use support::traffic::{Life, Traffic};
use support::{Api, count, echo, eventually, long, router};

const HALF_A_MINUTE: Duration = Duration::from_secs(30);
const RELEASES: [&str; 3] = ["v1", "v2", "v3"];

/// A command that took its clients off some releases at once.
#[derive(Debug)]
struct ReleaseDrop {
    /// When the command was sent.
    sent: Duration,
    /// When it was answered; from then on nobody may be on `from`.
    answered: Duration,
    /// When a later command that routes `from` again was sent.
    until: Duration,
    from: String,
}

/// A release that was stable for a while.
struct Stable {
    release: String,
    /// When the command was sent that left it on stable.
    sent: Duration,
    /// When the next command was answered.
    until: Duration,
}

#[test]
fn commands_under_load_move_only_those_whom_the_table_moves() {
    let commands = u32::try_from(count(120, 1_000)).expect("it is small");
    let router =
        router().stable("v1").candidate("v2").blend(50).release("v3", vec![echo("v3")]).workers(2).start();
    let api = router.api();
    let traffic = Traffic::start(&router, 64);
    eventually("everybody is pinned", || traffic.answered() > 640);

    let mut drops: Vec<ReleaseDrop> = Vec::new();
    let mut stables: Vec<Stable> = Vec::new();
    let begun = traffic.now();
    for n in 0..commands {
        // The full count is spread over half a minute, so that clients ask in every state and not only in some.
        while long() && traffic.now() - begun < HALF_A_MINUTE * n / commands {
            pause(Duration::from_millis(1));
        }
        let before = api.state();
        let sent = traffic.now();
        let (command, after) = issue(&api, n as usize, &before);
        let answered = traffic.now();
        if let Some(last) = stables.last_mut() {
            last.until = answered;
        }
        let stable = after["stable"]["release"].as_str().expect("there is a stable").to_owned();
        stables.push(Stable { release: stable, sent, until: Duration::MAX });
        for release in RELEASES {
            if routed(&after, release) {
                let reopened = drops.iter_mut().filter(|d| d.from == release && d.until == Duration::MAX);
                reopened.for_each(|d| d.until = sent);
            } else if routed(&before, release) {
                assert!(matches!(command, "abort" | "rollback" | "candidate"), "{command} dropped {release}");
                drops.push(ReleaseDrop { sent, answered, until: Duration::MAX, from: release.to_owned() });
            }
        }
    }
    let answered = traffic.answered();
    let lives = traffic.stop();
    println!("{commands} commands, {answered} requests, {} releases dropped at once", drops.len());
    assert!(!drops.is_empty(), "some command must have moved somebody");
    for (number, life) in lives.iter().enumerate() {
        assert!(life.failures.is_empty(), "client {number}: {:?}", life.failures);
        assert_eq!(life.connects, 1, "client {number}: its connection was closed");
        check(number, life, &drops, &stables);
    }
    assert!(answered > commands as usize, "there was load: {answered} requests");
    // A third move of one client within the pin's move day is what the bounce counter is for; commands caused every move.
    let failed: f64 = api.metrics().sum("rolling_requests_total", &[("status", "5xx")]);
    assert!(failed.abs() < f64::EPSILON, "{failed} requests were answered 5xx");
}

/// The next command of a long working day, whatever state the app is in.
fn issue(api: &Api, n: usize, before: &Value) -> (&'static str, Value) {
    let stable = before["stable"]["release"].as_str().expect("there is a stable");
    let candidate = before["candidate"]["release"].as_str();
    let next = RELEASES
        .into_iter()
        .cycle()
        .skip(n % 3)
        .find(|r| *r != stable && Some(*r) != candidate)
        .expect("a third one");
    let percent = [10, 35, 60, 100, 5][n % 5];
    let (name, answer) = match (n % 10, candidate) {
        (0 | 5, _) => ("candidate", api.put("candidate", &json!({ "id": id(next), "blend": percent }))),
        (3, Some(_)) => ("promote", api.post("promote", &json!({}))),
        (8, Some(_)) => ("abort", api.post("abort", &json!({}))),
        (4, _) if !before["previous"].is_null() => ("rollback", api.post("rollback", &json!({}))),
        (_, Some(_)) => ("blend", api.put("blend", &json!({ "percent": percent }))),
        (_, None) => ("candidate", api.put("candidate", &json!({ "id": id(next), "blend": percent }))),
    };
    (name, answer.expect(200).json())
}

/// Whether pins of this release hold in this state.
fn routed(state: &Value, release: &str) -> bool {
    let draining = state["draining"].as_array().map(Vec::as_slice).unwrap_or_default();
    let tracks = [&state["stable"], &state["candidate"]];
    tracks.into_iter().chain(draining).any(|on| on["release"] == release)
}

fn check(number: usize, life: &Life, drops: &[ReleaseDrop], stables: &[Stable]) {
    for pair in life.seen.windows(2).filter(|pair| pair[0].release != pair[1].release) {
        let (from, to) = (&pair[0], &pair[1]);
        // Some command that dropped the one was under way or done between the two answers, and the other was stable
        // meanwhile: by that command, or by one behind it that dropped nobody.
        let allowed =
            drops.iter().any(|d| d.from == from.release && d.sent <= to.answered && d.answered >= from.sent);
        let target =
            stables.iter().any(|s| s.release == to.release && s.sent <= to.answered && s.until >= from.sent);
        assert!(allowed && target, "client {number} moved from {from:?} to {to:?} for no command");
    }
    for seen in &life.seen {
        let gone = drops
            .iter()
            .find(|d| d.from == seen.release && seen.sent > d.answered && seen.answered < d.until);
        assert!(gone.is_none(), "client {number} was still served by {seen:?} after {gone:?}");
    }
}
