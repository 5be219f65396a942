//! What a newcomer and an operator are told: what is not known yet, what can never work, who did what first, and why an endpoint
//! is out.

use serde_json::json;

use super::program::{ask, finish, program};
use support::receiver::{HookCall, Receiver, hook};
use support::router::token;
use support::{Endpoint, Reply, Router, eventually, router, scripted};

fn set(router: &Router, track: &str, release: &str, endpoint: &Endpoint) -> super::program::Ran {
    let address = endpoint.address.to_string();
    ask(router, "operator", &[track, "set", release, "--endpoint", &address])
}

/// It was called healthy before anybody had asked it.
#[test]
fn an_endpoint_is_not_called_healthy_before_it_was_checked() {
    let health =
        json!({ "health": { "path": "/up", "timeout_ms": 3_000, "interval_ms": 3_000 } }).to_string();
    let router = router().stable("v1").key("rolling/hello/settings", &health).start();
    let starting = scripted(|_| Reply::Hang(Vec::new()));
    let answered = set(&router, "candidate", "2", &starting).expect(0);
    assert!(answered.out.contains("1 not checked yet"), "{}", answered.out);
    let status = || ask(&router, "viewer", &["status"]).expect(0).out;
    starting.always(Reply::ok("up"));
    eventually("it is checked", || !status().contains("not checked yet"));
    assert!(status().contains("candidate"), "{}", status());
    starting.stop();
    eventually("its last answer is told", || {
        status().contains(&format!("{} refused the connection", starting.address))
    });
}

/// A pipeline that tries again on 3 would have tried for ever.
#[test]
fn what_can_never_work_is_four() {
    let limited = router().limit("apps_max", 1).limit("endpoints_per_release_max", 1);
    let router = limited.stable("v1").start();
    let two = ["candidate", "set", "2", "--endpoint", "127.0.0.1:9001", "--endpoint", "127.0.0.1:9002"];
    for (words, said) in [
        (&["app", "add", "other"][..], "apps_max"),
        (&two, "endpoints_per_release_max"),
        (&["stable", "set", "9", "--app", "nowhere"], "no app nowhere"),
        (&["status", "--app", "nowhere"], "nowhere"),
        (&["promote"], "candidate"),
        (&["rollback", "--to", "9"], "9"),
        (&["candidate", "set", "2", "--endpoint", "169.254.169.254:80"], "169.254.169.254:80"),
        (&["release", "remove", "v1"], "v1"),
        (&["hook", "show", "nobody"], "nobody"),
        (&["preview", "revoke", "0123456789abcdef"], "preview"),
        (&["kv", "get", "no/such/key"], "no/such/key"),
        (&["store", "accept"], "admin"),
    ] {
        let refused = ask(&router, "operator", words);
        // Who may not do a thing may not do it later either, but with another token.
        let code = if words[0] == "store" { 5 } else { 4 };
        assert_eq!(refused.code, code, "{words:?}: {}{}", refused.out, refused.err);
        assert!(refused.err.contains(said), "{words:?}: no `{said}` in {}", refused.err);
    }
    assert_eq!(router.api().state()["candidate"], json!(null), "nothing was changed");
}

#[test]
fn a_keyvalues_file_that_sets_an_app_up_is_the_routers_doing() {
    let router = router().stable("v1").candidate("v2").start();
    let history = router.api().get("history").expect(200).json();
    let events = history["events"].as_array().expect("events");
    let first = events.last().expect("an event");
    assert_eq!((&first["command"], &first["actor"]), (&json!("adopt"), &json!("rolling-router")), "{first}");
    let shown = ask(&router, "viewer", &["history"]).expect(0).out;
    assert!(shown.contains("rolling-router, ") && !shown.contains("past the API"), "{shown}");
    router.api().kv_put("rolling/hello/blendpercent", "5");
    eventually("whoever wrote a key is told apart", || {
        router.api().state()["updated"]["actor"] != "rolling-router"
    });
}

#[test]
fn verbs_name_a_variable_that_nothing_reads_too() {
    let router = router().stable("v1").start();
    let mut status = program();
    status.arg("status").env("ROLLING_ROUTER_ADMIN_URL", format!("http://{}", router.admin));
    status.env("ROLLING_ROUTER_TOKEN", token("viewer")).env("ROLLING_ROUTER_TOKENS", "x");
    let ran = finish(&mut status).expect(0);
    assert!(ran.err.contains("ROLLING_ROUTER_TOKENS is not read by anything here"), "{}", ran.err);
    assert!(ran.err.contains("did you mean ROLLING_ROUTER_TOKEN?"), "{}", ran.err);
}

/// Nobody was told who changed which hosts lead to an app.
#[test]
fn a_change_of_settings_is_told_by_hooks_and_history() {
    let router = router().stable("v1").start();
    let mut receiver = Receiver::start();
    hook(&router, &receiver, json!({}));
    ask(&router, "operator", &["settings", "set", "hello", "pinseconds=600", "--reason", "shorter visits"])
        .expect(0);
    let is_it = |call: &HookCall| call.body["type"] == "change-settings";
    let told = receiver.wait_for("the change is told", |told| told.iter().any(is_it));
    let call = told.iter().find(|call| is_it(call)).expect("it is there");
    assert_eq!(
        (&call.body["actor"], &call.body["reason"]),
        (&json!("maria"), &json!("shorter visits")),
        "{}",
        call.body
    );
    let shown = ask(&router, "viewer", &["history"]).expect(0).out;
    let line = shown.lines().find(|line| line.contains("change-settings")).expect("it is in the history");
    assert!(line.contains("maria") && line.contains("shorter visits"), "{line}");
}
