//! A pipeline: image after image becomes the candidate by a plan, is promoted by it, and takes the place of the one before.

use super::Place;
use super::site::IMAGES;
use serde_json::{Value, json};
use std::time::Duration;
use support::clock::{Deadline, eventually, pause};
use support::{Answer, Api};

/// How long a plan may take. It waits for clients, for the verdict, and for the store.
const PLAN: Duration = Duration::from_secs(180);

/// Deploys until it is over; how many releases became stable, the first by a command and the others by plans.
pub fn deploy(api: &Api, soak: &Place) -> usize {
    let mut promoted = 0;
    while soak.goes_on() {
        let release = format!("d{promoted}");
        let mut ask = json!({ "image": IMAGES[promoted % IMAGES.len()], "release": release, "timeout": 120 });
        if promoted > 0 {
            ask["plan"] = json!("quick");
        }
        patiently(|| api.post("deployments", &ask), &[201, 409]);
        let id = format!("{}-{release}", super::site::DEPLOYED);
        reach(&format!("{id} serves"), || now(api, &id)["state"] == "serving");
        if promoted == 0 {
            patiently(|| api.post("promote", &json!({})), &[200, 409]);
        }
        // Without clients a plan stays where it is.
        reach(&format!("{id} is stable"), || is_stable(api, &release) || !soak.goes_on());
        if !is_stable(api, &release) {
            break;
        }
        if promoted > 0 {
            terminate(api, &format!("d{}", promoted - 1));
        }
        promoted += 1;
        soak.note_deployed();
        pause(Duration::from_millis(500));
    }
    promoted
}

fn now(api: &Api, id: &str) -> Value {
    let answer = api.get(&format!("deployments/{id}")).json();
    assert_ne!(answer["state"], "failed", "{answer}");
    answer
}

fn is_stable(api: &Api, release: &str) -> bool {
    let state = api.state();
    state["stable"]["release"] == release || !is_on_its_way(&state, release) && panic_with(api, release)
}

/// Whether a release is the candidate, as one is until its plan promotes it.
fn is_on_its_way(state: &Value, release: &str) -> bool {
    state["candidate"]["release"] == release
}

fn panic_with(api: &Api, release: &str) -> bool {
    let events = api.get("history?limit=5").json();
    panic!("{release} is no candidate any more, and not stable: {} {events}", api.state());
}

/// Ends the drain of a release, and its containers.
fn terminate(api: &Api, release: &str) {
    let id = format!("{}-{release}", super::site::DEPLOYED);
    patiently(|| api.post("drain/finish", &json!({})), &[200, 409]);
    patiently(|| api.delete(&format!("deployments/{id}")), &[200, 202, 404]);
    eventually(&format!("{id} is gone"), || api.get(&format!("deployments/{id}")).status() == 404);
}

/// Asks again while the store is away. What was answered `outcome_unknown` may be done, which the next answer says.
fn patiently(ask: impl Fn() -> Answer, good: &[u16]) -> Answer {
    let mut answer = ask();
    eventually("the store takes a command", || {
        if answer.status() == 503 {
            pause(Duration::from_millis(100));
            answer = ask();
        }
        answer.status() != 503
    });
    assert!(good.contains(&answer.status()), "{} {}", answer.status(), answer.response.text());
    answer
}

fn reach(what: &str, mut so: impl FnMut() -> bool) {
    let patience = Deadline::after(PLAN);
    while !so() {
        assert!(!patience.passed(), "not so after {PLAN:?}: {what}");
        pause(Duration::from_millis(100));
    }
}
