//! The lock that a pipeline takes for itself.

use std::process::{Child, Stdio};

use serde_json::{Value, json};

use super::program::{ask, program};
use support::receiver::{Receiver, hook};
use support::router::{id, token};
use support::{Api, Router, echo, eventually, router};

const OTHER: &str = "test-other-0123456789abcdef0123456789abcdef";

/// A router with two `ci` tokens.
fn two_pipelines() -> (Router, Api, Api) {
    let router =
        router().stable("v1").candidate("v2").blend(10).token(&format!("{OTHER} ci-other ci")).start();
    let (own, other) = (router.api_as("ci"), router.api().with_token(OTHER));
    (router, own, other)
}

fn lock(holder: &str, seconds: u64) -> Value {
    json!({ "reason": "build 77", "seconds": seconds, "holder": holder })
}

#[test]
fn one_pipeline_keeps_the_others_out_at_every_door() {
    let (router, own, other) = two_pipelines();
    let seq = router.api().state()["seq"].clone();
    let state = own.put("lock", &lock("run 1", 60)).expect(200).json();
    assert_eq!((&state["lock"]["by"], &state["lock"]["holder"]), (&json!("ci-main"), &json!("run 1")));
    let until = state["lock"]["until"].clone();
    let refused = other.put("blend", &json!({ "percent": 20, "release": "v2" })).expect(423);
    assert_eq!(refused.code(), "locked");
    assert_eq!(refused.json()["error"]["until"], until);
    let third = echo("v2");
    let register = format!("releases/v2/endpoints/{}", third.address);
    assert_eq!(other.put(&register, &json!({})).status(), 423);
    assert_eq!(other.kv_put("rolling/hello/blendpercent", "20").status(), 423);
    assert_eq!(other.kv_put("rolling/hello/pipeline-lock", "{}").status(), 403);
    for (api, holder) in [(&other, "run 1"), (&own, "run 2")] {
        assert_eq!(api.put("lock", &lock(holder, 60)).expect(423).code(), "locked");
    }
    assert_eq!(other.delete("lock").expect(423).code(), "locked");
    own.put("lock", &lock("run 1", 120)).expect(200);
    assert!(router.api().state()["lock"]["until"].as_u64() > until.as_u64());
    assert_eq!(router.api().state()["seq"], seq, "no seq that somebody has seen is stale");
    // It holds back neither its own pipeline nor operators, and nobody from stopping.
    own.put("blend", &json!({ "percent": 20, "release": "v2" })).expect(200);
    router.api().put("blend", &json!({ "percent": 30 })).expect(200);
    other.post("abort", &json!({ "release": "v2" })).expect(200);
    own.delete("lock").expect(200);
    other.put("candidate", &json!({ "id": id("v2") })).expect(200);
}

#[test]
fn an_operators_lock_and_word_come_first() {
    let (router, own, other) = two_pipelines();
    own.put("lock", &lock("run 1", 60)).expect(200);
    router.api().put("lock", &json!({ "reason": "incident", "seconds": 60 })).expect(200);
    assert_eq!(own.put("lock", &lock("run 1", 60)).expect(423).code(), "locked");
    assert_eq!(own.put("blend", &json!({ "percent": 20, "release": "v2" })).status(), 423);
    assert_eq!(router.api().state()["lock"]["reason"], "incident");
    router.api().delete("lock").expect(200);
    assert_eq!(router.api().state()["lock"], Value::Null, "an operator's word ends both");
    other.put("lock", &lock("run 9", 60)).expect(200);
    assert_eq!(router.api().delete("lock").expect(200).json()["result"], "done");
    own.put("blend", &json!({ "percent": 20, "release": "v2" })).expect(200);
    // A rollback locks out whoever gave it, whatever lock it has.
    own.put("lock", &lock("run 1", 60)).expect(200);
    own.post("promote", &json!({ "release": "v2" })).expect(200);
    own.post("rollback", &json!({})).expect(200);
    assert_eq!(own.put("candidate", &json!({ "id": id("v2") })).status(), 423);
}

#[test]
fn what_is_no_such_lock_is_refused_by_field() {
    let (router, own, _) = two_pipelines();
    assert_eq!(own.put("lock", &json!({ "reason": "mine" })).expect(403).code(), "forbidden");
    for (body, field) in [
        (json!({ "reason": "x", "seconds": 0 }), "seconds"),
        (json!({ "reason": "x", "seconds": 90_000 }), "until"),
        (json!({ "reason": "x", "seconds": 5, "until": 1 }), "seconds"),
        (json!({ "reason": "x", "seconds": 5, "holder": "" }), "holder"),
        (json!({ "reason": " ", "seconds": 5 }), "reason"),
    ] {
        let refused = own.put("lock", &body).expect(422).json();
        assert_eq!(refused["error"]["field"], field, "{body}");
    }
    let operator = router.api();
    assert_eq!(operator.put("lock", &json!({ "reason": "x", "wait": 1 })).expect(422).code(), "value");
    operator.call("DELETE", "/api/v1/apps/hello/lock", Some(&json!({ "holder": "nobody" }))).expect(404);
    router.api_as("viewer").put("lock", &lock("run", 5)).expect(403);
    own.if_match(99).put("lock", &lock("run", 5)).expect(412);
}

#[test]
fn a_pipeline_queues_until_the_other_one_is_done() {
    let (router, own, other) = two_pipelines();
    own.put("lock", &lock("run 1", 60)).expect(200);
    let queued = std::thread::spawn(move || {
        let body = json!({ "reason": "build 78", "seconds": 60, "wait": 30 });
        other.put("lock", &body).expect(200).json()["lock"]["by"].clone()
    });
    own.put("blend", &json!({ "percent": 20, "release": "v2" })).expect(200);
    own.delete("lock").expect(200);
    assert_eq!(queued.join().expect("the queue moves"), "ci-other");
    let late = ask(&router, "ci", &["lock", "--reason", "late", "--for", "1m", "--wait", "1s"]).expect(4);
    assert!(late.err.contains("locked by ci-other") && late.err.contains("waiting:"), "{}", late.err);
}

#[test]
fn those_who_wait_get_it_in_the_order_in_which_they_came() {
    let (router, own, other) = two_pipelines();
    own.put("lock", &lock("run 1", 60)).expect(200);
    let mut waiting = Vec::new();
    for number in 2..5_usize {
        let api = if number % 2 == 0 { other.clone() } else { own.clone() };
        let body = json!({ "reason": "build", "seconds": 60, "holder": format!("run {number}"), "wait": 30 });
        waiting.push(std::thread::spawn(move || {
            api.put("lock", &body).expect(200);
            api.call("DELETE", "/api/v1/apps/hello/lock", Some(&json!({ "holder": body["holder"] })))
                .expect(200);
        }));
        let queue = || router.api().state()["lock_queue"].as_array().map_or(0, Vec::len);
        eventually("it has its place", || queue() == number - 1);
    }
    let status = ask(&router, "viewer", &["status"]).expect(0).out;
    assert!(status.contains("3 runs wait for the lock, first run 2 of ci-other"), "{status}");
    own.delete("lock").expect(200);
    // Whoever comes without a place waits behind those who have one.
    waiting.into_iter().for_each(|run| run.join().expect("each gets it"));
    let history = router.api().get("history?limit=1").json()["events"].clone();
    let locks = history.as_array().expect("a list").iter().filter(|event| event["command"] == "lock");
    let holders: Vec<&str> =
        locks.filter_map(|event| event["changed"]["lock"][1]["holder"].as_str()).collect();
    assert_eq!(holders, ["run 4", "run 3", "run 2", "run 1"], "newest first");
    assert_eq!(router.api().state()["lock_queue"], json!([]));
}

#[test]
fn a_run_that_stopped_waiting_holds_up_the_next_one_only_for_seconds() {
    let (_router, own, other) = two_pipelines();
    own.put("lock", &lock("run 1", 60)).expect(200);
    let gave_up = json!({ "reason": "x", "seconds": 60, "holder": "gone", "wait": 1 });
    assert_eq!(other.put("lock", &gave_up).expect(423).code(), "locked");
    own.delete("lock").expect(200);
    let refused = own.put("lock", &lock("run 2", 60)).expect(423);
    assert!(refused.json()["error"]["message"].to_string().contains("wait for the lock"), "{refused:?}");
    let patient = json!({ "reason": "x", "seconds": 60, "holder": "run 2", "wait": 30 });
    assert_eq!(own.put("lock", &patient).expect(200).json()["lock"]["holder"], "run 2");
}

#[test]
fn who_has_the_lock_is_in_the_history_and_told_to_hooks() {
    let (router, own, _) = two_pipelines();
    let mut receiver = Receiver::start();
    hook(&router, &receiver, json!({ "events": ["lock", "unlock"] }));
    own.put("lock", &lock("run 1", 60)).expect(200);
    own.put("lock", &lock("run 1", 90)).expect(200);
    router.api().delete("lock").expect(200);
    let told = receiver.wait_for("both", |told| told.len() >= 2);
    let said: Vec<&Value> = told.iter().map(|call| &call.body["text"]).collect();
    assert_eq!(
        said,
        [
            "hello: ci-main locked the app for itself: “build 77”",
            "hello: maria unlocked the app: pipelines may act again"
        ]
    );
    let history = router.api().get("history").json()["events"].clone();
    let history = history.as_array().expect("a list");
    let of = |command: &str| history.iter().filter(|event| event["command"] == command).collect::<Vec<_>>();
    let (locks, unlocks) = (of("lock"), of("unlock"));
    assert_eq!((locks.len(), unlocks.len()), (1, 1), "to renew is no event");
    assert_eq!(
        (&locks[0]["actor"], &locks[0]["changed"]["lock"][1]["holder"]),
        (&json!("ci-main"), &json!("run 1"))
    );
    assert_eq!((&unlocks[0]["actor"], &unlocks[0]["changed"]["lock"][1]), (&json!("maria"), &Value::Null));
    assert_eq!(locks[0]["seq"], router.api().state()["seq"]);
    // A change of endpoints right after it is an event of its own.
    let third = echo("v2");
    own.put(&format!("releases/v2/endpoints/{}", third.address), &json!({})).expect(200);
    let history = router.api().get("history").json()["events"].clone();
    let commands: Vec<&Value> =
        history.as_array().expect("a list").iter().map(|event| &event["command"]).collect();
    assert_eq!(commands[..3], ["change-endpoints", "unlock", "lock"]);
}

/// The command line with a command under a lock of a second, which ends when a file is there, or with the folder of the test:
/// nothing else ends it once the command line was killed.
fn hold(router: &Router, file: &str) -> Child {
    let script = format!("while [ ! -e {file} ] && [ -d \"$(dirname {file})\" ]; do sleep 0.05; done");
    program()
        .args(["lock", "--reason", "build 77", "--for", "1s", "--", "sh", "-c", &script])
        .env("ROLLING_ROUTER_ADMIN_URL", format!("http://{}", router.admin))
        .env("ROLLING_ROUTER_TOKEN", token("ci"))
        .stdout(Stdio::null())
        .spawn()
        .expect("the binary can be run")
}

#[test]
fn a_lock_is_renewed_while_a_command_runs_and_ends_with_it() {
    let (router, _, other) = two_pipelines();
    let until = || router.api().state()["lock"]["until"].as_u64();
    let file = router.path("done");
    let mut running = hold(&router, &file.to_string_lossy());
    eventually("the lock is taken", || until().is_some());
    let first = until();
    eventually("it is renewed beyond its length", || until() > first.map(|first| first + 1_000));
    assert_eq!(other.put("lock", &lock("run", 60)).status(), 423);
    std::fs::write(&file, "").expect("a file can be written");
    assert_eq!(running.wait().expect("it ends").code(), Some(0));
    assert_eq!(until(), None, "it is given back at once");
    let failed = ask(&router, "ci", &["lock", "--reason", "x", "--", "sh", "-c", "exit 7"]).expect(1);
    assert!(failed.err.contains("exit status: 7"), "{}", failed.err);
    ask(&router, "ci", &["lock", "--reason", "x", "--", "/no/such/program"]).expect(1);
    assert_eq!(until(), None);
}

#[test]
fn the_lock_of_a_pipeline_that_died_ends_by_itself() {
    let (router, _, other) = two_pipelines();
    let file = router.path("done");
    let mut running = hold(&router, &file.to_string_lossy());
    eventually("the lock is taken", || router.api().state()["lock"]["by"] == "ci-main");
    running.kill().expect("it runs");
    running.wait().expect("it was killed");
    let body = json!({ "reason": "build 78", "seconds": 60, "wait": 30 });
    assert_eq!(other.put("lock", &body).expect(200).json()["lock"]["by"], "ci-other");
    std::fs::write(&file, "").expect("what ran under the lock ends too");
}
