//! A change through the command line never overwrites what somebody else did since it looked: it says which seq it saw.

use super::program::{finish, program};
use support::{ReceivedMessage, Reply, scripted};

const APP: &str = r#"{"app":"hello","seq":41,"result":"done"}"#;
const ENDPOINTS: &str = r#"{"id":"apps/hello-1.0-80/containers","count":17,"endpoints":[]}"#;

/// The change that a router is sent when it shows seq 41.
fn change(words: &[&str]) -> ReceivedMessage {
    let answer = |body: &str| Reply::response("200 OK", &[("Content-Type", "application/json")], body);
    let router = scripted(move |request| match request.target().as_str() {
        "/api/v1/apps" => answer(&format!(r#"{{"apps":[{APP}],"default_app":"hello"}}"#)),
        "/api/v1/apps/hello/settings?effective=true" => answer(r#"{"pinseconds":600}"#),
        path if path.contains("/releases/") => answer(ENDPOINTS),
        _ => answer(APP),
    });
    let url = format!("http://{}", router.address);
    finish(program().args(words).env("ROLLING_ROUTER_ADMIN_URL", url).env("ROLLING_ROUTER_TOKEN", "secret"));
    let received = router.take();
    let change = received.iter().find(|message| !message.line().starts_with("GET "));
    change.unwrap_or_else(|| panic!("{words:?}: no change: {received:?}")).clone()
}

/// What it is sent as If-Match.
fn sent(words: &[&str]) -> Option<String> {
    change(words).header("if-match").map(str::to_owned)
}

#[test]
fn every_change_says_which_seq_was_seen() {
    for words in [
        "candidate set 1.1",
        "candidate set 1.1 --app hello",
        "candidate clear",
        "stable set 1.1",
        "blend 5",
        "sticky off",
        "promote",
        "abort",
        "lock --reason freeze",
        "lock --reason freeze --for 2h",
        "unlock",
        "drain finish",
        "drain endpoint 1.0 10.0.0.5:80",
        "app default hello",
        "app remove hello",
        "settings set hello pinseconds=60",
        "app add hello",
        "release prune --keep 5",
        "preview create",
        "preview revoke 5d0c2f6e8a41b7930e6d",
        "stable clear --force",
        "app default --none",
        "drain lift 1.0 10.0.0.5:80",
    ] {
        let words: Vec<&str> = words.split(' ').collect();
        assert_eq!(sent(&words).as_deref(), Some("\"41\""), "{words:?}");
    }
}

#[test]
fn every_change_of_endpoints_says_which_count_was_seen() {
    for words in [
        "endpoint add 1.0 10.0.0.5:80",
        "endpoint add 1.0 10.0.0.5:80 --container web-1 --app hello",
        "endpoint remove 1.0 web-1",
        "release remove 1.0",
    ] {
        let words: Vec<&str> = words.split(' ').collect();
        assert_eq!(sent(&words).as_deref(), Some("\"17\""), "{words:?}");
    }
    assert_eq!(sent(&["release", "remove", "1.0", "--if-match", "7"]).as_deref(), Some("\"7\""));
}

#[test]
fn a_seq_that_is_named_counts_before_the_one_that_was_seen() {
    assert_eq!(sent(&["unlock", "--if-match", "7"]).as_deref(), Some("\"7\""));
}

/// Whatever somebody else did in between, the bad release is to go.
#[test]
fn a_rollback_waits_for_nobody() {
    assert_eq!(sent(&["rollback"]), None);
    assert_eq!(sent(&["rollback", "--if-match", "41"]).as_deref(), Some("\"41\""));
}

/// Three hours between two clocks made a lock of two hours one of five, or none.
#[test]
fn a_lock_is_sent_as_how_long_it_holds() {
    let lock = change(&["lock", "--reason", "freeze", "--for", "2h"]);
    let body: serde_json::Value = serde_json::from_slice(&lock.body).expect("JSON");
    assert_eq!((&body["seconds"], body.get("until")), (&7_200.into(), None), "{body}");
}
