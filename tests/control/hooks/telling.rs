//! What is told, in which order, and what becomes of a receiver that fails, is slow or is not there.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use support::receiver::{Receiver, call, hook, in_the_end, shown};
use support::{Deadline, Reply, eventually, router, scripted};

fn pairs(events: &[(&str, u64)]) -> Vec<(String, u64)> {
    events.iter().map(|(kind, seq)| ((*kind).to_owned(), *seq)).collect()
}

#[test]
fn every_change_is_told_in_order_with_what_came_of_it() {
    let router = router().stable("v1").candidate("v2").start();
    let mut receiver = Receiver::start();
    let before = router.api().state()["seq"].as_u64().unwrap();
    hook(&router, &receiver, json!({}));
    let api = router.api();
    api.put("blend", &json!({"percent": 25, "reason": "a try"})).expect(200);
    api.post("promote", &json!({"reason": "smoke tests <green>"})).expect(200);
    api.put("lock", &json!({"reason": "freeze"})).expect(200);
    let told = receiver.wait_for("three changes", |told| told.len() >= 3);
    let wanted = [("set-blend", before + 1), ("promote", before + 2), ("lock", before + 3)];
    assert_eq!(receiver.events(), pairs(&wanted), "what came before the hook is not told");
    let promote = &told[1].body;
    assert_eq!(
        promote["text"],
        "hello: maria promoted v2 to stable, in place of v1 (“smoke tests &lt;green&gt;”)"
    );
    assert_eq!((&promote["app"], &promote["actor"]), (&json!("hello"), &json!("maria")));
    assert_eq!(promote["record"]["stable"]["release"], "apps/hello-v2-80/containers");
    assert_eq!(promote["changed"]["stable"][1], "apps/hello-v2-80/containers");
    assert!(promote["at"].as_u64() > Some(1_600_000_000_000), "{promote}");
    eventually("all is told and counted", || {
        let metrics = api.metrics();
        let delivered =
            metrics.sum("rolling_hook_deliveries_total", &[("hook", "chat"), ("outcome", "delivered")]);
        let lag = metrics.sum("rolling_hook_lag_events", &[("hook", "chat")]);
        (delivered - 3.0).abs() < 0.1 && lag < 0.1 && metrics.has("rolling_hook_lag_events")
    });
    let now = shown(&router);
    assert_eq!((&now["state"], &now["waiting"]), (&json!("delivered"), &json!({})));
    let last = &now["deliveries"][0];
    assert_eq!((&last["type"], &last["status"], &last["attempt"]), (&json!("lock"), &json!(200), &json!(1)));
}

#[test]
fn a_hook_is_told_only_what_it_wants() {
    let router = router().stable("v1").candidate("v2").start();
    let (mut receiver, api) = (Receiver::start(), router.api());
    hook(&router, &receiver, json!({"apps": ["hello"], "events": ["promote", "abort"]}));
    let release = json!({"release": "w1", "endpoints": [router.endpoint("v1").address.to_string()]});
    api.app("other").put("stable", &release).expect(200);
    api.put("blend", &json!({"percent": 25})).expect(200);
    let seq = api.post("promote", &json!({})).expect(200).seq();
    receiver.wait_for("the promote", |told| !told.is_empty());
    assert_eq!(receiver.events(), pairs(&[("promote", seq)]));
    eventually("nothing waits", || shown(&router)["waiting"] == json!({}));

    // More apps: from now on, and not what happened before.
    hook(&router, &receiver, json!({"events": ["set-sticky"]}));
    let other = api.app("other").put("sticky", &json!({"sticky": false})).expect(200).seq();
    receiver.wait_for("the other app's change", |told| told.len() >= 2);
    assert_eq!(receiver.events()[1..], pairs(&[("set-sticky", other)]));

    // An app that came later is told from its first change.
    hook(&router, &receiver, json!({"events": ["set-stable"]}));
    api.app("late").put("stable", &release).expect(200);
    let told = receiver.wait_for("the new app", |told| told.len() >= 3);
    assert_eq!((&told[2].body["app"], &told[2].body["seq"]), (&json!("late"), &json!(1)));
}

#[test]
fn a_receiver_that_fails_twice_is_told_a_third_time() {
    let router = router().stable("v1").start();
    let asked = Arc::new(AtomicUsize::new(0));
    let mut receiver = Receiver::answering(move |_| match asked.fetch_add(1, Ordering::SeqCst) {
        0 | 1 => Reply::response("500 Internal Server Error", &[], "out of order"),
        _ => Reply::ok(""),
    });
    hook(&router, &receiver, json!({}));
    router.api().put("sticky", &json!({"sticky": false})).expect(200);
    router.api().put("sticky", &json!({"sticky": true})).expect(200);
    let told = receiver.wait_for("both changes", |told| told.len() >= 4);
    assert_eq!((&told[0].id, &told[1].id), (&told[2].id, &told[2].id), "one id for all attempts");
    assert_ne!(told[2].id, told[3].id, "the second change waits for the first");
    eventually("both are done", || shown(&router)["waiting"] == json!({}));
    let deliveries = shown(&router)["deliveries"].clone();
    let lines: Vec<Value> = deliveries
        .as_array()
        .unwrap()
        .iter()
        .rev()
        .map(|delivery| {
            json!([delivery["outcome"], delivery["attempt"], delivery["status"], delivery["error"]])
        })
        .collect();
    assert_eq!(lines[1], json!(["failed", 2, 500, "the receiver answered 500"]), "{lines:?}");
    assert_eq!(lines[2..], [json!(["delivered", 3, 200, null]), json!(["delivered", 1, 200, null])]);
    let failed = router.api().metrics().sum("rolling_hook_deliveries_total", &[("outcome", "failed")]);
    assert!((failed - 2.0).abs() < 0.1, "{failed}");
}

#[test]
fn what_happens_while_the_receiver_is_down_is_told_in_order() {
    let router = router().stable("v1").candidate("v2").start();
    let receiver = Receiver::start();
    hook(&router, &receiver, json!({}));
    receiver.endpoint.stop();
    let (api, mut seqs) = (router.api(), Vec::new());
    for percent in [10, 20, 30] {
        seqs.push(api.put("blend", &json!({ "percent": percent })).expect(200).seq());
    }
    eventually("it was tried", || shown(&router)["state"] == "failed");
    assert_eq!(shown(&router)["waiting"], json!({"hello": 3}));
    let mut receiver = receiver.again();
    receiver.wait_for("all three", |told| told.len() >= 3);
    let wanted: Vec<(&str, u64)> = seqs.iter().map(|seq| ("set-blend", *seq)).collect();
    assert_eq!(receiver.events(), pairs(&wanted));
}

#[test]
fn a_receiver_that_says_nothing_holds_up_nobody() {
    let router = router().stable("v1").start();
    let mut receiver = Receiver::answering(|_| Reply::Hang(Vec::new()));
    hook(&router, &receiver, json!({}));
    let began = Deadline::after(Duration::from_secs(60));
    for turn in 0..8 {
        router.api().put("sticky", &json!({"sticky": turn % 2 == 1})).expect(200);
    }
    assert!(!began.passed(), "each would have waited for ten seconds");
    in_the_end("it is given up for now", || shown(&router)["deliveries"][0]["outcome"] == "failed");
    assert_eq!(shown(&router)["deliveries"][0]["error"], "the receiver did not answer in time");
    receiver.endpoint.always(Reply::ok(""));
    receiver.endpoint.close_connections();
    receiver.wait_for("all eight", |told| {
        told.iter().map(|told| &told.id).collect::<std::collections::BTreeSet<_>>().len() >= 8
    });
}

#[test]
fn a_paused_hook_keeps_its_place() {
    let router = router().stable("v1").start();
    let mut receiver = Receiver::start();
    hook(&router, &receiver, json!({"paused": true}));
    let seq = router.api().put("sticky", &json!({"sticky": false})).expect(200).seq();
    eventually("it waits", || shown(&router)["waiting"] == json!({"hello": 1}));
    assert_eq!((shown(&router)["state"].clone(), receiver.told().len()), (json!("paused"), 0));
    hook(&router, &receiver, json!({"paused": false}));
    receiver.wait_for("the change", |told| !told.is_empty());
    assert_eq!(receiver.events(), pairs(&[("set-sticky", seq)]));
}

#[test]
fn a_redirect_is_not_followed() {
    let router = router().stable("v1").start();
    let elsewhere = scripted(|_| Reply::ok(""));
    let location = format!("http://{}/", elsewhere.address);
    let receiver = Receiver::answering(move |_| {
        Reply::response("307 Temporary Redirect", &[("Location", &location)], "")
    });
    hook(&router, &receiver, json!({"paused": true}));
    let answer = call(&router, "POST", "/chat/test", None).expect(200).json();
    assert_eq!((&answer["delivered"], &answer["status"]), (&json!(false), &json!(307)));
    assert_eq!(elsewhere.connections(), 0);
}

#[test]
fn an_app_that_is_removed_and_made_again_is_told_anew() {
    let router = router().stable("v1").start();
    let (mut receiver, api) = (Receiver::start(), router.api());
    hook(&router, &receiver, json!({}));
    for turn in 0..3 {
        api.put("sticky", &json!({"sticky": turn % 2 == 1})).expect(200);
    }
    receiver.wait_for("three changes", |told| told.len() >= 3);
    api.call("DELETE", "/api/v1/apps/hello?force=true", None).expect(200);
    let again = json!({"id": "apps/hello-v1-80/containers"});
    api.put("stable", &again).expect(200);
    let told = receiver.wait_for("its first change", |told| told.len() >= 4);
    // It goes on above its former life: one release, three changes, and this.
    assert_eq!(told[3].what(), ("set-stable".to_owned(), 5));
}

#[test]
fn it_is_told_when_the_endpoints_of_the_old_release_can_be_stopped() {
    let router = router().stable("v1").candidate("v2").start();
    let mut receiver = Receiver::start();
    hook(&router, &receiver, json!({"apps": ["hello"], "events": ["can-be-stopped"]}));
    router.api().post("promote", &json!({})).expect(200);
    let told = receiver.wait_for("nobody is left", |told| !told.is_empty());
    assert_eq!((told[0].body["app"].as_str(), &told[0].body["seq"]), (Some("hello"), &Value::Null));
    let text = "hello: nobody is left at v1: its endpoints can be stopped, but it is the way back: a rollback needs them";
    assert_eq!(told[0].body["text"], text);
}

#[test]
fn a_change_of_endpoints_is_told_once_nothing_more_is_joined_to_it() {
    let router = router().stable("v1").start();
    let mut receiver = Receiver::start();
    hook(&router, &receiver, json!({}));
    let seq = router.api().state()["seq"].as_u64().unwrap();
    for n in 1..=3 {
        let key = format!("apps/hello-v1-80/containers/r{n}");
        router.api().kv_put(&key, &format!("127.0.0.1:900{n}")).expect(200);
    }
    let told = receiver.wait_for("the change of endpoints", |told| !told.is_empty());
    assert_eq!(receiver.events(), pairs(&[("change-endpoints", seq)]));
    let text = told[0].body["text"].as_str().unwrap();
    assert!(text.contains("changed endpoints: added 127.0.0.1:9001 of v1, 127.0.0.1:9002 of v1"), "{text}");
    assert!(text.ends_with("removed nothing"), "{text}");
    eventually("it is kept as told", || shown(&router)["deliveries"][0]["type"] == "change-endpoints");
}
