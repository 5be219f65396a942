//! An admin who would make a release stable alone by writing the store anew: by an import, or by a restore. What the store has
//! lost comes back without a question.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use super::approvals::{TOKENS, approve, guarded};
use support::router::{id, token};
use support::{Router, echo, eventually, router};

/// What an admin says on the command line comes to this exit code, and prints this.
fn cli(router: &Router, words: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(support::binary());
    command.args(words).args(["--admin", &format!("http://{}", router.admin)]);
    let output = command.env("ROLLING_ROUTER_TOKEN", token("admin")).output().expect("it can be run");
    (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

fn succeed(router: &Router, words: &[&str]) -> String {
    let (code, said) = cli(router, words);
    assert_eq!(code, Some(0), "{words:?}: {said}");
    said
}

/// A file with the whole store, after this edit of a stored value.
fn file(router: &Router, name: &str, key: &str, edit: impl Fn(&mut Value)) -> String {
    let path = router.path(name).to_str().expect("a path").to_owned();
    if !fs::exists(&path).expect("it can be looked for") {
        succeed(router, &["kv", "export", &path, "--with-secrets"]);
    }
    let mut all: Value = serde_json::from_slice(&fs::read(&path).expect("it is there")).expect("JSON");
    let mut value: Value = serde_json::from_str(all[key].as_str().unwrap_or("null")).expect("JSON");
    edit(&mut value);
    match value {
        Value::Null => drop(all.as_object_mut().expect("an object").remove(key)),
        value => all[key] = json!(value.to_string()),
    }
    fs::write(&path, all.to_string()).expect("it can be written");
    path
}

const RECORD: &str = "rolling/hello/rollout";
const SETTINGS: &str = "rolling/hello/settings";

/// Another release is stable in it.
fn stable(release: &str) -> impl Fn(&mut Value) {
    let release = id(release);
    move |record| {
        record["seq"] = json!(record["seq"].as_u64().expect("a seq") + 1);
        record["stable"]["release"] = json!(release);
        if record["candidate"]["release"] == json!(release) {
            (record["candidate"], record["blend"]) = (Value::Null, json!(0));
        }
    }
}

/// A file in which another release is stable, in the record and in the old keys.
fn stable_file(router: &Router, name: &str, release: &str) -> String {
    let path = file(router, name, RECORD, stable(release));
    let mut all: Value = serde_json::from_slice(&fs::read(&path).expect("it is there")).expect("JSON");
    all["rolling/hello/stable/id"] = json!(id(release));
    if all["rolling/hello/candidate/id"] == json!(id(release)) {
        all["rolling/hello/candidate/id"] = json!("rolling/null");
    }
    fs::write(&path, all.to_string()).expect("it can be written");
    path
}

#[test]
fn an_import_is_no_way_past_the_approvals() {
    let (router, [alice, bob, _]) = guarded(1);
    let history = || alice.get("history").expect(200).json();
    let before = history();
    let forged = json!([{ "release": id("v2"), "tenure": 2, "endpoints": [],
        "given": [{ "by": "bob", "token": "x", "at": 1 }] }]);
    let files = [
        ("the candidate", stable_file(&router, "candidate.json", "v2")),
        ("another one", stable_file(&router, "other.json", "v3")),
        ("a way back", file(&router, "back.json", RECORD, |record| record["previous"] = json!(id("v3")))),
        ("approvals", file(&router, "forged.json", RECORD, |record| record["approvals"] = forged.clone())),
        ("a lower number", file(&router, "lower.json", SETTINGS, |set| set["approvals"] = json!(0))),
        ("no settings", file(&router, "none.json", SETTINGS, |set| *set = Value::Null)),
        ("no app", file(&router, "gone.json", RECORD, |record| *record = Value::Null)),
        (
            "a past",
            file(&router, "past.json", "rolling/hello/events/000000000001", |event| {
                event["record"]["stable"] = json!({ "release": id("v3"), "tenure": 1 });
            }),
        ),
    ];
    for (what, file) in &files {
        for words in [&["--dry-run"][..], &[]] {
            let (code, said) = cli(&router, &[&["kv", "import", file, "--replace"], words].concat());
            assert_eq!(code, Some(4), "{what}: {said}");
            assert!(said.contains("approv") && said.contains("--force --reason"), "{what}: {said}");
        }
        assert_eq!(history(), before, "{what}: nothing was written");
    }
    let other = &files[1].1;
    assert_eq!(cli(&router, &["kv", "import", other, "--replace", "--force"]).0, Some(2), "why?");
    let ask = json!({ "app": "hello", "force": true });
    let call = |role: &str| router.api_as(role).call("POST", "/api/v1/store/replacement", Some(&ask));
    assert_eq!((call("operator").status(), call("admin").status()), (403, 422));
    assert_eq!(router.visitor().release(), "v1");
    // What was approved may be imported as it may be promoted.
    approve(&bob).expect(200);
    let approved = stable_file(&router, "approved.json", "v2");
    succeed(&router, &["kv", "import", &approved, "--replace"]);
    eventually("it is stable", || router.visitor().release() == "v2");
}

#[test]
fn an_import_that_is_forced_says_who_did_that_and_why() {
    let (router, [alice, ..]) = guarded(2);
    let seq = alice.state()["seq"].as_u64().expect("a seq");
    let file = stable_file(&router, "other.json", "v3");
    succeed(&router, &["kv", "import", &file, "--replace", "--force", "--reason", "ticket 4711"]);
    eventually("it is stable", || router.visitor().release() == "v3");
    let events = alice.get("history").expect(200).json()["events"].clone();
    let newest = &events[0];
    assert_eq!(
        (&newest["command"], &newest["actor"], &newest["reason"], newest["seq"].as_u64()),
        (&json!("restore"), &json!("root"), &json!("ticket 4711"), Some(seq + 2))
    );
    assert_eq!(newest["changed"]["stable"], json!([id("v1"), id("v3")]));
    // The app goes on from there.
    alice.post("rollback", &json!({ "to": "v1" })).expect(200);
    assert_eq!(router.visitor().release(), "v1");
}

#[test]
fn an_import_makes_nothing_stable_that_does_not_serve() {
    let router = router().stable("v1").deployed("v3").durable().start();
    let gone = echo("v4");
    let address = gone.address.to_string();
    router.api().put("candidate", &json!({ "release": "v4", "endpoints": [address] })).expect(200);
    let file = stable_file(&router, "dead.json", "v4");
    drop(gone);
    let (code, said) = cli(&router, &["kv", "import", &file, "--replace"]);
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains(&address) && said.contains("pass the health check"), "{said}");
    assert_eq!(router.visitor().release(), "v1");
    succeed(&router, &["kv", "import", &file, "--replace", "--force", "--reason", "it starts later"]);
    eventually("it is stable", || router.api().state()["stable"]["id"] == id("v4"));
}

/// Stops a router, puts another file in the place of its store, and starts it again.
fn with_store(router: &mut Router, file: &std::path::Path) {
    router.terminate();
    router.exit_code();
    fs::copy(file, router.path("store.redb")).expect("it can be copied");
    router.start_again();
}

#[test]
fn a_restore_mends_a_loss_and_replaces_what_others_decided_only_by_force() {
    let (mut ours, _) = guarded(1);
    ours.terminate();
    ours.exit_code();
    fs::copy(ours.path("store.redb"), ours.path("older.redb")).expect("it can be copied");
    ours.start_again();
    approve(&ours.api().with_token(TOKENS[1])).expect(200);
    ours.api().with_token(TOKENS[0]).post("promote", &json!({})).expect(200);
    // A store that fell back lost a decision: that comes back.
    let older = ours.path("older.redb");
    with_store(&mut ours, &older);
    succeed(&ours, &["store", "restore"]);
    assert_eq!(ours.visitor().release(), "v2");
    // In the store of others people decided otherwise.
    let mut theirs = router().durable().stable("v7").start();
    theirs.api().call("PATCH", "/api/v1/apps/hello/settings", Some(&json!({ "approvals": 1 }))).expect(200);
    theirs.terminate();
    theirs.exit_code();
    let theirs = theirs.path("store.redb");
    with_store(&mut ours, &theirs);
    let (code, said) = cli(&ours, &["store", "restore", "--replace"]);
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains("0 of 1 approvals") && said.contains("--force --reason"), "{said}");
    assert_eq!(ours.api().put("sticky", &json!({ "sticky": false })).expect(409).code(), "store_diverged");
    assert_eq!(cli(&ours, &["store", "restore", "--replace", "--force"]).0, Some(2));
    succeed(&ours, &["store", "restore", "--replace", "--force", "--reason", "the file was mixed up"]);
    assert_eq!(ours.visitor().release(), "v2");
    let events = ours.api().get("history").expect(200).json()["events"].clone();
    assert_eq!(
        (&events[0]["command"], &events[0]["actor"], &events[0]["reason"]),
        (&json!("restore"), &json!("root"), &json!("the file was mixed up"))
    );
    ours.api().put("sticky", &json!({ "sticky": false })).expect(200);
}
