//! A store with another history: wherever that is shown, it is said what the store holds beside what this router serves, and
//! what to do about it.

use std::fs;
use std::process::Command;

use serde_json::json;

use support::receiver::{HookCall, Receiver, call, hook};
use support::router::{id, token};
use support::{Router, eventually, router};

/// What is said everywhere.
const PARTS: [&str; 4] = [
    "the store holds 1 app in ",
    "this router serves 1 app in ",
    "`rolling-router store restore`",
    "`rolling-router store accept`",
];

/// A router whose store went back to before a promote.
fn diverged() -> Router {
    let mut router = router().durable().stable("v1").candidate("v2").start();
    router.terminate();
    router.exit_code();
    fs::copy(router.path("store.redb"), router.path("older.redb")).expect("it can be copied");
    router.start_again();
    router.api().post("promote", &json!({ "release": "v2" })).expect(200);
    router.terminate();
    router.exit_code();
    fs::copy(router.path("older.redb"), router.path("store.redb")).expect("it can be copied");
    router.start_again();
    router
}

/// What the command line says, and its exit code.
fn cli(router: &Router, words: &[&str]) -> (String, Option<i32>) {
    cli_as("operator", router, words)
}

fn cli_as(role: &str, router: &Router, words: &[&str]) -> (String, Option<i32>) {
    let mut command = Command::new(support::binary());
    command.args(words).args(["--admin", &format!("http://{}", router.admin)]);
    let output = command.env("ROLLING_ROUTER_TOKEN", token(role)).output().expect("it can be run");
    (String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned(), output.status.code())
}

#[track_caller]
fn says_all(place: &str, text: &str) {
    for part in PARTS {
        assert!(text.contains(part), "{place}: no `{part}` in {text}");
    }
    assert!(!text.contains("its table") && !text.contains("that router"), "{place}: {text}");
}

#[test]
fn wherever_it_is_shown_it_says_what_the_store_holds_and_what_to_do() {
    let router = diverged();
    let facts = || router.api().call("GET", "/api/v1/router", None).expect(200).json();
    eventually("it is found", || facts()["store"]["state"] == "diverged");
    says_all("the API", facts()["store"]["detail"].as_str().expect("a detail"));
    says_all("readiness", &router.api().call("GET", "/readyz", None).expect(200).response.text());
    says_all("the log", &router.log());
    let refused = router.api().put("sticky", &json!({ "sticky": false })).expect(409);
    says_all("a refused command", &refused.response.text());
    let mut stream = router.api().stream("/api/v1/stream", "");
    says_all("the stream", &stream.next("router").data.to_string());
    for (words, code) in [
        (&["status"][..], 0),
        (&["status", "--app", "hello"], 0),
        (&["status", "--check"], 1),
        (&["promote"], 4),
        (&["blend", "5", "--json"], 4),
    ] {
        let (said, ended) = cli(&router, words);
        assert_eq!(ended, Some(code), "{words:?}: {said}");
        says_all(&words.join(" "), &said);
    }
}

/// What would become of each app is said before anything is decided.
#[test]
fn a_restore_that_is_only_tried_says_what_the_store_has_otherwise() {
    let router = diverged();
    let state =
        || router.api().call("GET", "/api/v1/router", None).expect(200).json()["store"]["state"].clone();
    eventually("it is found", || state() == "diverged");
    let tried = json!({ "dry_run": true });
    let tried = router.api_as("admin").call("POST", "/api/v1/store/restore", Some(&tried)).expect(200).json();
    let [one, two] = [id("v1"), id("v2")];
    let served = &tried["apps"][0]["served"];
    assert_eq!(
        (&tried["apps"][0]["app"], &served["stable"], &served["candidate"]),
        (&json!("hello"), &json!(two), &json!(null))
    );
    let stored = &tried["apps"][0]["stored"];
    assert_eq!((&stored["stable"], &stored["candidate"]), (&json!(one), &json!(two)), "{tried}");
    assert!(stored["seq"].as_u64() < served["seq"].as_u64(), "{tried}");
    let (said, code) = cli_as("admin", &router, &["store", "restore", "--dry-run"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains(&format!("hello: served with {two} on stable (change")), "{said}");
    assert!(
        said.contains(&format!("in the store with {one} on stable, {two} as candidate at 0 % (change")),
        "{said}"
    );
    assert_eq!(state(), "diverged", "nothing was decided");
}

/// A router that finds another store under its feet tells its hooks, too.
#[test]
fn a_hook_is_told_of_another_store_and_of_what_to_do() {
    let mut receiver = Receiver::start();
    let router = router().durable().stable("v1").start();
    hook(&router, &receiver, json!({}));
    let epoch = json!({"checks": [], "writes": [{"put": "rolling/router/epoch", "value": "YW5vdGhlcg=="}]});
    router.api_as("admin").call("POST", "/api/v1/store/commit", Some(&epoch)).expect(200);
    let is_told = |call: &HookCall| call.body["type"] == "store-diverged";
    let told = receiver.wait_for("the hook is told", |told| told.iter().any(is_told));
    let call = told.iter().find(|call| is_told(call)).expect("it is there");
    let text = call.body["text"].as_str().expect("a text");
    for part in &PARTS[2..] {
        assert!(text.contains(part), "no `{part}` in {text}");
    }
}

/// What a hook is told of a kind of alarm.
#[track_caller]
fn told_of(receiver: &mut Receiver, kind: &str) -> String {
    let is_told = |call: &HookCall| call.body["type"] == kind;
    let told = receiver.wait_for(kind, |told| told.iter().any(is_told));
    let found = told.iter().find(|call| is_told(call)).expect("it is there");
    found.body["text"].as_str().expect("a text").to_owned()
}

/// A router that starts and cannot follow its store reads no hooks there. It tells those that it knew, and no others.
#[test]
fn a_hook_is_told_by_a_router_that_starts_without_the_store_that_it_knew() {
    let (mut receiver, mut removed) = (Receiver::start(), Receiver::start());
    let mut router = router().durable().stable("v1").start();
    router.terminate();
    router.exit_code();
    fs::copy(router.path("store.redb"), router.path("older.redb")).expect("it can be copied");
    router.start_again();
    hook(&router, &removed, json!({}));
    call(&router, "DELETE", "/chat", None).expect(200);
    hook(&router, &receiver, json!({}));
    router.api().put("sticky", &json!({ "sticky": false })).expect(200);
    router.terminate();
    router.exit_code();
    fs::rename(router.path("store.redb"), router.path("newest.redb")).expect("it can be moved");
    fs::write(router.path("store.redb"), "this is no store").expect("it can be written");
    router.start_again();
    let text = told_of(&mut receiver, "store-stale");
    assert!(text.contains("move the store's file away"), "{text}");
    fs::rename(router.path("older.redb"), router.path("store.redb")).expect("it can be moved");
    let text = told_of(&mut receiver, "store-diverged");
    for part in &PARTS[2..] {
        assert!(text.contains(part), "no `{part}` in {text}");
    }
    // A router that starts with another store knows that from the beginning.
    router.terminate();
    router.exit_code();
    let before = receiver.told().len();
    router.start_again();
    receiver.wait_for("it is told again", |told| {
        told[before..].iter().any(|call| call.body["type"] == "store-diverged")
    });
    assert!(removed.told().iter().all(|call| call.body["type"] != "store-diverged"));
}

/// The file is in the way of a new one, and its name says which.
#[test]
fn a_damaged_file_is_to_be_moved_away_before_a_restore() {
    let mut router = router().durable().stable("v1").start();
    router.terminate();
    router.exit_code();
    let file = router.path("store.redb");
    fs::write(&file, "this is no store").expect("it can be written");
    router.start_again();
    let advice = ["move the store's file away, then `rolling-router store restore`", "damaged"];
    let facts = || router.api().call("GET", "/api/v1/router", None).expect(200).json();
    eventually("it is found", || facts()["store"]["state"] == "down");
    let detail = facts()["store"]["detail"].to_string();
    let refused = router.api().put("sticky", &json!({ "sticky": false })).expect(503).response.text();
    let (shown, _) = cli(&router, &["status"]);
    for (place, text) in [("the API", detail), ("a refused command", refused), ("status", shown)] {
        for part in advice.into_iter().chain([file.to_str().expect("a path")]) {
            assert!(text.contains(part), "{place}: no `{part}` in {text}");
        }
    }
    fs::rename(&file, router.path("damaged.redb")).expect("it can be moved");
    eventually("a new file is met", || facts()["store"]["state"] == "diverged");
    let (said, code) = {
        let mut command = Command::new(support::binary());
        command.args(["store", "restore", "--admin", &format!("http://{}", router.admin)]);
        let output = command.env("ROLLING_ROUTER_TOKEN", token("admin")).output().expect("it can be run");
        (String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned(), output.status.code())
    };
    assert_eq!(code, Some(0), "{said}");
    router.api().put("sticky", &json!({ "sticky": false })).expect(200);
}
