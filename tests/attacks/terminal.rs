//! Texts that a terminal acts on: a reason with escape sequences retitled the operator's terminal and forged lines of the
//! history.

use serde_json::json;
use support::router;

use support::command::{ask, run};

/// Sets a title, clears the screen, forges a line, turns the order round, and hides.
const EVIL: &str =
    "ok\u{1b}]0;root@prod\u{7}\u{1b}[2J\n  8  promote   by root\r\u{9b}31m\u{202e}\u{2066}\u{200b}\u{7f}";

fn assert_harmless(what: &[&str], text: &str) {
    let hidden =
        |char: char| (char.is_control() && char != '\n') || "\u{202e}\u{2066}\u{200b}".contains(char);
    assert!(!text.contains(hidden), "{what:?}: {text:?}");
    assert!(!text.lines().any(|line| line.trim_start().starts_with("8  promote")), "{what:?}: {text}");
}

#[test]
fn no_text_of_others_is_acted_on_wherever_the_command_line_prints_it() {
    let router = router().stable("v1").candidate("v2").start();
    router.api_as("ci").put("blend", &json!({ "percent": 5, "release": "v2", "reason": EVIL })).expect(200);
    router.api().put("lock", &json!({ "reason": EVIL })).expect(200);
    router.api().post("previews", &json!({ "track": "stable", "note": EVIL })).expect(201);
    router.api_as("admin").kv_put("notes/x", EVIL).expect(200);
    for words in [
        &["history"][..],
        &["history", "--json"],
        &["status"],
        &["status", "--json"],
        &["status", "--app", "hello"],
        &["preview", "list"],
        &["fleet"],
        &["releases"],
        &["kv", "list", "notes/", "--values"],
        &["kv", "list", "notes/", "--values", "--json"],
    ] {
        let ran = ask(&router, "operator", words);
        assert_eq!(ran.code, 0, "{words:?}: {ran:?}");
        assert_harmless(words, &ran.out);
    }
    let shown = ask(&router, "operator", &["status"]).out;
    assert!(shown.contains("ok\\u{1b}]0;root@prod\\u{7}\\u{1b}[2J\\n  8  promote"), "{shown}");
    // A refusal quotes the reason of the lock.
    let refused = ask(&router, "ci", &["blend", "6"]);
    assert_eq!(refused.code, 4, "{refused:?}");
    assert_harmless(&["blend"], &refused.err);
    assert!(refused.err.contains("ok\\u{1b}"), "{refused:?}");
    // A pipeline may have taken a word of the command line from elsewhere.
    for words in
        [&["blend", EVIL][..], &["fly", EVIL], &["check", "--store", EVIL], &["status", "--admin", EVIL]]
    {
        let ran = run(words, &[]);
        assert_eq!(ran.code, 2, "{words:?}: {ran:?}");
        assert_harmless(words, &ran.err);
    }
}

#[test]
fn a_raw_value_goes_through_a_pipe_as_it_is() {
    let router = router().stable("v1").start();
    router.api_as("admin").kv_put("notes/x", EVIL).expect(200);
    assert_eq!(ask(&router, "viewer", &["kv", "get", "notes/x"]).out, EVIL);
}
