//! `kill -9` in the middle of a command: what comes back is the state before it or the state after it.

use serde_json::{Value, json};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;
use support::clock::pause;
use support::router::id;
use support::{Api, Router, Visitor, count, router};

#[test]
fn a_router_killed_in_the_middle_comes_back_with_the_old_state_or_the_new() {
    let rounds = count(5, 40);
    let mut router = router().stable("v1").candidate("v2").blend(50).deployed("v3").durable().start();
    let mut visitors: Vec<Visitor> = (0..16).map(|_| router.visitor()).collect();
    for round in 0..rounds {
        visitors.iter_mut().for_each(|visitor| drop(visitor.get("/")));
        let last = kill_during_commands(&mut router, round);
        visitors.iter_mut().for_each(Visitor::hang_up);
        router.start_again();
        let state = router.api().state();
        assert_old_or_new(&state, &last, round);
        assert_mirrored(&router.api(), &state);
        for visitor in &mut visitors {
            let before = visitor.pin.clone();
            let visit = visitor.get("/");
            assert!(
                routed(&state).contains(&visit.release),
                "round {round}: {} is not routed in {state}",
                visit.release
            );
            if visitor.pin == before {
                continue;
            }
            // A pin changes only if its release is gone; one for a release that is routed was honoured.
            assert_eq!(
                visit.release,
                state["stable"]["release"].as_str().unwrap_or_default(),
                "round {round}"
            );
        }
    }
}

/// Lets commands run until the process is gone; the last state that was answered.
fn kill_during_commands(router: &mut Router, round: usize) -> Value {
    let api = router.api();
    let (tell, heard) = channel();
    let writer = thread::spawn(move || {
        for n in 0.. {
            let answer = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| write(&api, n)));
            let Ok(state) = answer else { return };
            if tell.send(state).is_err() {
                return;
            }
        }
    });
    let mut last = heard.recv().expect("the first command is answered");
    for _ in 0..round % 7 {
        last = heard.recv().expect("commands go on");
    }
    // Somewhere inside the next commands; where exactly is left to chance, round after round.
    pause(Duration::from_micros(700 * (round as u64 % 5)));
    router.kill();
    while let Ok(state) = heard.recv() {
        last = state;
    }
    let _ = writer.join();
    last
}

fn write(api: &Api, n: usize) -> Value {
    let before = api.state();
    let stable = before["stable"]["release"].as_str().unwrap_or_default().to_owned();
    let next = ["v1", "v2", "v3"].into_iter().cycle().skip(n % 3).find(|r| *r != stable).unwrap_or("v1");
    let answer = match n % 4 {
        0 => api.put("candidate", &json!({ "id": id(next), "blend": 40 })),
        1 => api.put("blend", &json!({ "percent": n % 100 })),
        2 => api.post("promote", &json!({})),
        _ => api.put("candidate", &json!({ "id": id(next), "blend": 20 })),
    };
    answer.expect(200).json()
}

/// What of a state must not be mixed.
fn essence(state: &Value) -> Value {
    let names = ["seq", "blend", "sticky", "lock", "updated"];
    let mut out: serde_json::Map<String, Value> =
        names.iter().map(|name| ((*name).to_owned(), state[name].clone())).collect();
    for track in ["stable", "candidate", "previous"] {
        out.insert(track.to_owned(), json!([state[track]["id"], state[track]["tenure"]]));
    }
    let draining = state["draining"].as_array().map(Vec::as_slice).unwrap_or_default();
    let drains: Vec<Value> =
        draining.iter().map(|d| json!([d["id"], d["tenure"], d["cause"], d["since"], d["until"]])).collect();
    out.insert("draining".to_owned(), Value::Array(drains));
    Value::Object(out)
}

fn assert_old_or_new(state: &Value, last: &Value, round: usize) {
    let (now, acknowledged) = (state["seq"].as_u64().expect("a seq"), last["seq"].as_u64().expect("a seq"));
    if now == acknowledged {
        assert_eq!(essence(state), essence(last), "round {round}");
    } else {
        assert_eq!(
            now,
            acknowledged + 1,
            "round {round}: what was answered is kept, and at most one more was under way"
        );
    }
}

/// The old keys say what the record says: one commit wrote both.
fn assert_mirrored(api: &Api, state: &Value) {
    let text = |key: &str| api.kv_get(&format!("rolling/hello/{key}"));
    assert_eq!(text("stable/id"), state["stable"]["id"].as_str().unwrap_or("rolling/null"));
    assert_eq!(text("candidate/id"), state["candidate"]["id"].as_str().unwrap_or("rolling/null"));
    assert_eq!(text("blendpercent").parse::<f64>().ok(), state["blend"].as_f64());
    let newest = api.get("history?limit=1").expect(200).json();
    assert_eq!(newest["events"][0]["seq"], state["seq"]);
}

fn routed(state: &Value) -> Vec<String> {
    let draining = state["draining"].as_array().map(Vec::as_slice).unwrap_or_default();
    let tracks = [&state["stable"], &state["candidate"]];
    tracks.into_iter().chain(draining).filter_map(|on| on["release"].as_str().map(str::to_owned)).collect()
}
