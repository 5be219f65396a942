//! `kv import --replace`: a restore of many apps that go back to an earlier change is one command, all of it or nothing.

use std::process::{Command, Output};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::serving::beside;
use support::router::token;
use support::traffic::Traffic;
use support::{Router, eventually, router};

const APPS: usize = 50;

fn cli(router: &Router, arguments: &[&str]) -> Output {
    let mut command = Command::new(support::binary());
    command.args(arguments).args(["--admin", &format!("http://{}", router.admin)]);
    command.env("ROLLING_ROUTER_TOKEN", token("admin")).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

fn succeed(router: &Router, arguments: &[&str]) -> String {
    let output = cli(router, arguments);
    assert!(output.status.success(), "{}", said(&output));
    said(&output)
}

fn store(router: &Router) -> Value {
    router.api().call("GET", "/api/v1/router", None).expect(200).json()["store"].clone()
}

fn seqs(router: &Router) -> Vec<Option<u64>> {
    (0..APPS).map(|n| router.api().app(&format!("shop{n}")).get("").json()["seq"].as_u64()).collect()
}

fn first_release(router: &Router) -> Value {
    json!({ "release": "1", "endpoints": [router.endpoint("v1").address.to_string()] })
}

/// A router with one app that has users, and many others; and the file that has them all.
fn with_many_apps() -> (Router, String) {
    let router = router().stable("v1").candidate("v2").blend(50).start();
    for n in 0..APPS {
        router.api().app(&format!("shop{n}")).put("stable", &first_release(&router)).expect(200);
    }
    let file = router.path("backup.json").display().to_string();
    succeed(&router, &["kv", "export", &file, "--with-secrets"]);
    (router, file)
}

/// Every app changes, one ends and one is new.
fn change_all(router: &Router) {
    for n in 1..APPS {
        router.api().app(&format!("shop{n}")).put("sticky", &json!({ "sticky": false })).expect(200);
    }
    router.api().call("DELETE", "/api/v1/apps/shop0?force=true", None).expect(200);
    router.api().app("late").put("stable", &first_release(router)).expect(200);
    router.api().put("lock", &json!({ "reason": "an incident" })).expect(200);
}

#[test]
fn a_restore_of_fifty_apps_is_one_command_for_every_router() {
    let (first, file) = with_many_apps();
    let second = beside(&first);
    eventually("the second router serves", || seqs(&second) == seqs(&first));
    let before = (seqs(&first), first.api().state());
    let traffic = [Traffic::start(&first, 2), Traffic::start(&second, 2)];
    change_all(&first);
    assert_ne!(seqs(&first), before.0);

    let shown = succeed(&first, &["kv", "import", &file, "--replace", "--dry-run"]);
    assert!(shown.contains("delete rolling/late/rollout") && shown.contains("would be written"), "{shown}");
    assert_ne!(seqs(&first), before.0, "nothing was written yet");
    let told = succeed(&first, &["kv", "import", &file, "--replace"]);
    assert!(told.contains("keys written,"), "{told}");
    assert_eq!(store(&first)["state"], "current", "it is done when that is said");
    assert_eq!((seqs(&first), &first.api().state()["lock"]), (before.0.clone(), &Value::Null));
    assert_eq!(first.api().call("GET", "/api/v1/apps/late", None).status(), 404);
    eventually("the second router follows without being asked", || {
        store(&second)["state"] == "current" && seqs(&second) == before.0
    });
    for router in [&first, &second] {
        router.api().put("lock", &json!({ "reason": "again" })).expect(200);
        router.api().delete("lock").expect(200);
    }
    for life in traffic.into_iter().flat_map(Traffic::stop) {
        assert!(life.failures.is_empty(), "{:?}", life.failures);
        assert!(life.seen.iter().all(|seen| seen.release == life.seen[0].release), "a pin moved");
    }
    let again = succeed(&first, &["kv", "import", &file, "--replace", "--dry-run"]);
    assert!(again.contains("change rolling/hello/rollout"), "a lock came and went: {again}");
}

/// Begins a replacement and writes a part of it, as a command line does that is killed.
fn break_off(router: &Router) {
    let api = router.api_as("admin");
    let listed =
        api.call("POST", "/api/v1/store/list", Some(&json!({ "prefixes": ["rolling/"] }))).expect(200).json();
    let find = |key: &str| -> Value {
        let entries = listed["entries"].as_array().expect("entries").iter();
        entries.clone().find(|entry| entry["key"] == key).cloned().unwrap_or_default()
    };
    let epoch = find("rolling/router/epoch");
    let known = BASE64_STANDARD.decode(epoch["value"].as_str().expect("an epoch")).expect("base64");
    let order =
        json!({ "to": "another", "from": [String::from_utf8(known).expect("text")], "is_done": false });
    let put = |key: &str, value: &str| json!({ "put": key, "value": BASE64_STANDARD.encode(value) });
    let commit = json!({
        "checks": [{ "unchanged": "rolling/router/epoch", "modified": epoch["modified"] }],
        "writes": [
            put("rolling/router/epoch", "another"),
            put("rolling/router/succession", &order.to_string()),
            { "delete": "rolling/hello/rollout" },
        ],
    });
    let done = api.call("POST", "/api/v1/store/commit", Some(&commit)).expect(200).json();
    assert!(done["done"].as_u64().is_some(), "{done}");
    eventually("it is shown", || {
        store(router)["detail"].as_str().is_some_and(|detail| detail.contains("import --replace"))
    });
    assert_eq!(router.api().put("lock", &json!({ "reason": "no" })).expect(409).code(), "store_diverged");
    assert_eq!(router.visitor().get("/").response.status, 200, "users are served on");
}

#[test]
fn an_import_that_is_broken_off_is_done_again_or_undone() {
    let (router, file) = with_many_apps();
    let before = seqs(&router);
    change_all(&router);
    let (changed, state) = (seqs(&router), router.api().state()["seq"].clone());
    break_off(&router);
    succeed(&router, &["store", "restore"]);
    assert_eq!((store(&router)["state"].clone(), seqs(&router)), (json!("current"), changed));
    assert_eq!(router.api().state()["seq"], state);

    break_off(&router);
    succeed(&router, &["kv", "import", &file, "--replace"]);
    assert_eq!((store(&router)["state"].clone(), seqs(&router)), (json!("current"), before));
}
