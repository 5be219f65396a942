//! A store that fell back, was emptied or swapped: the last good table serves, and an operator decides.

use serde_json::json;
use std::fs;
use std::process::{Command, Output};
use support::router::token;
use support::{Router, Visitor, eventually, router};

/// A router that was promoted from `v1` to `v2`, with a client of each; and its store from before that, put aside.
fn promoted() -> (Router, [Visitor; 2]) {
    let mut router = router().durable().stable("v1").candidate("v2").start();
    let mut early = router.visitor();
    assert_eq!(early.release(), "v1");
    router.kill();
    fs::copy(router.path("store.redb"), router.path("older.redb")).unwrap();
    router.start_again();
    early.hang_up();
    router.api().post("promote", &json!({ "release": "v2" })).expect(200);
    let mut late = router.visitor();
    assert_eq!((early.release(), late.release()), ("v1".into(), "v2".into()));
    // What is served is kept within a second; a graceful end keeps it at once.
    router.terminate();
    assert_eq!(router.exit_code(), Some(0));
    (router, [early, late])
}

/// Both clients are where they were.
fn unmoved(visitors: &mut [Visitor; 2]) {
    let [early, late] = visitors;
    // The router may have been another process when they asked last.
    early.hang_up();
    late.hang_up();
    assert_eq!((early.release(), late.release()), ("v1".into(), "v2".into()));
}

/// Runs the command line as an admin.
fn store(router: &Router, arguments: &[&str]) -> Output {
    let mut command = Command::new(support::binary());
    command.arg("store").args(arguments).args(["--admin", &format!("http://{}", router.admin)]);
    command.env("ROLLING_ROUTER_TOKEN", token("admin")).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

/// The alarm: nothing moves, and no command is taken.
fn refuses_commands(router: &Router, visitors: &mut [Visitor; 2]) {
    unmoved(visitors);
    let refused = router.api().put("sticky", &json!({ "sticky": false })).expect(409);
    assert_eq!(refused.code(), "store_diverged");
}

/// All is as before the fall, also after a restart.
fn works_again(router: &mut Router, visitors: &mut [Visitor; 2]) {
    unmoved(visitors);
    assert_eq!(router.visitor().release(), "v2");
    router.api().put("sticky", &json!({ "sticky": true })).expect(200);
    router.start_again();
    unmoved(visitors);
    router.api().post("rollback", &json!({})).expect(200);
    eventually("the rollback is served", || router.visitor().release() == "v1");
}

#[test]
fn an_older_store_is_restored_to_the_last_good_state() {
    let (mut router, mut visitors) = promoted();
    fs::copy(router.path("older.redb"), router.path("store.redb")).unwrap();
    router.start_again();
    refuses_commands(&router, &mut visitors);
    for role in ["ci", "operator"] {
        router.api_as(role).call("POST", "/api/v1/store/restore", None).expect(403);
    }
    let shown = store(&router, &["restore", "--dry-run"]);
    assert!(shown.status.success() && said(&shown).contains("would be written"), "{}", said(&shown));
    refuses_commands(&router, &mut visitors);
    let restored = store(&router, &["restore"]);
    assert!(restored.status.success(), "{}", said(&restored));
    works_again(&mut router, &mut visitors);
    let again = store(&router, &["restore"]);
    assert_eq!(again.status.code(), Some(4), "there is nothing to restore: {}", said(&again));
}

#[test]
fn an_emptied_store_is_restored_to_the_last_good_state() {
    let (mut router, mut visitors) = promoted();
    fs::remove_file(router.path("store.redb")).unwrap();
    router.start_again();
    refuses_commands(&router, &mut visitors);
    let restored = store(&router, &["restore"]);
    assert!(restored.status.success(), "{}", said(&restored));
    works_again(&mut router, &mut visitors);
}

#[test]
fn an_older_store_that_is_accepted_counts() {
    let (mut router, _) = promoted();
    fs::copy(router.path("older.redb"), router.path("store.redb")).unwrap();
    router.start_again();
    let accepted = store(&router, &["accept"]);
    assert!(accepted.status.success(), "{}", said(&accepted));
    assert_eq!(router.visitor().release(), "v1");
    router.api().post("promote", &json!({ "release": "v2" })).expect(200);
}

#[test]
fn the_store_of_others_is_written_over_only_when_that_is_meant() {
    let (mut ours, mut visitors) = promoted();
    let mut theirs = router().durable().stable("v9").start();
    theirs.terminate();
    theirs.exit_code();
    fs::copy(theirs.path("store.redb"), ours.path("store.redb")).unwrap();
    ours.start_again();
    refuses_commands(&ours, &mut visitors);
    let refused = store(&ours, &["restore"]);
    assert_eq!(refused.status.code(), Some(4), "{}", said(&refused));
    assert!(said(&refused).contains("another epoch"), "{}", said(&refused));
    refuses_commands(&ours, &mut visitors);
    let restored = store(&ours, &["restore", "--replace"]);
    assert!(restored.status.success(), "{}", said(&restored));
    works_again(&mut ours, &mut visitors);
}
