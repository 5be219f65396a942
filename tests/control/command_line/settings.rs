//! `settings get|set|diff`: what counts for an app and where it comes from, changes that overwrite nobody's, and names that
//! are none.

use std::fs;

use serde_json::{Value, json};

use super::program::{Ran, ask};
use support::{Router, router};

fn settings(router: &Router, words: &[&str]) -> Ran {
    ask(router, "operator", &[&["settings"], words].concat())
}

/// The lines that begin with this name.
fn line<'a>(ran: &'a Ran, name: &str) -> &'a str {
    let mut lines = ran.out.lines().filter(|line| line.split_whitespace().next() == Some(name));
    lines.next().unwrap_or_else(|| panic!("no line {name}: {}", ran.out))
}

/// A line's words.
fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

#[test]
fn every_setting_is_shown_with_its_source() {
    let router = router().stable("v1").limit("first_byte_ms", 7_000).start();
    router.api().put("settings", &json!({ "pinseconds": 600, "health": { "fall": 5 } })).expect(200);
    let all = settings(&router, &["get", "hello"]).expect(0);
    assert_eq!(words(line(&all, "pinseconds")), ["pinseconds", "600", "app,", "default", "86400"]);
    assert_eq!(words(line(&all, "health.fall")), ["health.fall", "5", "app,", "default", "3"]);
    assert_eq!(words(line(&all, "health.rise")), ["health.rise", "1", "default"]);
    assert_eq!(words(line(&all, "timeouts.first_byte_ms")), ["timeouts.first_byte_ms", "7000", "router"]);
    let answer = router.api().get("settings?effective=true").expect(200).json();
    let sources = answer["sources"].as_object().expect("sources");
    assert_eq!(all.out.lines().count(), sources.len(), "a line for each");
    assert_eq!(answer["timeouts"]["first_byte_ms"], 7_000);
    assert_eq!((&sources["pinseconds"], &sources["health.rise"]), (&json!("app"), &json!("default")));
    assert_eq!(settings(&router, &["get", "hello", "--json"]).expect(0).json(), answer);

    let one = settings(&router, &["get", "hello", "pinseconds"]).expect(0);
    assert_eq!(one.out.lines().count(), 1, "{}", one.out);
    let group = settings(&router, &["get", "hello", "health", "--json"]).expect(0).json();
    assert_eq!(group["health.fall"], json!({ "value": 5, "source": "app", "default": 3 }));
    assert_eq!(group.as_object().map(serde_json::Map::len), Some(10), "{group}");
    ask(&router, "viewer", &["settings", "get", "hello"]).expect(0);
}

#[test]
fn what_was_read_can_be_sent_back() {
    let router = router().stable("v1").start();
    router.api().put("settings", &json!({ "pinseconds": 600 })).expect(200);
    let read = router.api().get("settings?effective=true").expect(200).json();
    router.api().put("settings", &read).expect(200);
    let kept = router.api().get("settings").expect(200).json();
    assert!(kept.get("sources").is_none() && kept.get("defaults").is_none(), "{kept}");
    assert_eq!(kept["pinseconds"], 600);
}

#[test]
fn some_settings_are_changed_and_all_others_stay() {
    let router = router().stable("v1").start();
    let stored = || router.api().get("settings").expect(200).json();
    router.api().put("settings", &json!({ "drainseconds": 60 })).expect(200);
    let words = ["set", "hello", "pinseconds=600", "hosts=B.example,a.example", "health.path=/up?a=b"];
    let done = settings(&router, &[&words[..], &["--reason", "shorter visits"]].concat()).expect(0);
    assert!(done.out.starts_with("pinseconds is 600, hosts is B.example,a.example"), "{}", done.out);
    let expected = json!({ "drainseconds": 60, "pinseconds": 600, "hosts": ["B.example", "a.example"],
                           "health": { "path": "/up?a=b" } });
    assert_eq!(stored(), expected);
    let page = router.api().get("history").expect(200).json();
    let event = &page["events"][0];
    assert_eq!((&event["command"], &event["reason"]), (&json!("change-settings"), &json!("shorter visits")));
    let shown = ask(&router, "viewer", &["history", "show", &event["seq"].to_string()]).expect(0).out;
    for line in
        ["settings.pinseconds: none -> 600", "settings.hosts: ", "settings.health.path: none -> /up?a=b"]
    {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    settings(&router, &["set", "hello", "pinseconds=", "hosts=", "health="]).expect(0);
    assert_eq!(stored(), json!({ "drainseconds": 60 }));
    let again = settings(&router, &["set", "hello", "drainseconds=60"]).expect(0);
    assert!(again.out.starts_with("nothing to do"), "{}", again.out);
}

#[test]
fn a_change_overwrites_nobodys() {
    let router = router().stable("v1").start();
    let seq = router.api().get("").seq();
    settings(&router, &["set", "hello", "pinseconds=600"]).expect(0);
    let stale = ["set", "hello", "pinseconds=700", "--if-match", &seq.to_string()];
    let refused = settings(&router, &stale).expect(4);
    assert!(refused.err.contains("seq"), "{}", refused.err);
    assert_eq!(router.api().get("settings").expect(200).json(), json!({ "pinseconds": 600 }));
    ask(&router, "ci", &["settings", "set", "hello", "pinseconds=700"]).expect(5);
}

#[test]
fn names_and_values_that_are_none_are_told_with_what_is_allowed() {
    let router = router().stable("v1").start();
    for (words, code, said) in [
        (&["get", "hello", "pinsecond"][..], 4, "there is no setting `pinsecond`; did you mean pinseconds?"),
        (&["get", "hello", "interval_ms"], 4, "did you mean health.interval_ms?"),
        (&["get", "hello", "weather"], 4, "allowed are abortseconds, "),
        (&["get", "helo"], 4, "no app helo; did you mean hello?"),
        (&["set", "helo", "pinseconds=60"], 4, "no app helo; did you mean hello?"),
        (&["set", "hello", "pinsecond=60"], 4, "did you mean pinseconds?"),
        (&["set", "hello", "pinseconds=60", "cookie.nam=x"], 4, "did you mean cookie.name?"),
        (
            &["set", "hello", "pinseconds=many"],
            4,
            "\"many\" is not a whole number of seconds from 60 to 34560000",
        ),
        (&["set", "hello", "cookie.samesite=lax"], 4, "\"lax\" is not `Lax`, `Strict`, `None` or null"),
        (&["set", "hello", "pinseconds"], 2, "allowed is NAME=VALUE"),
        (&["set", "hello"], 2, "NAME=VALUE"),
        (&["set", "hello", "pinseconds=60", "pinseconds=70"], 2, "`pinseconds` is given twice"),
        (&["set", "hello", "health.fall=2", "health={\"rise\":2}"], 2, "allowed is one of them"),
        (&["set", "hello", "pinseconds=60", "--wait", "5s"], 2, "allowed here is `fleet`"),
        (&["diff", "hello", "shop"], 4, "no app shop; the apps are hello, and no file of that name"),
        (&["diff", "hello", "./nothing.json"], 2, "cannot read the file ./nothing.json"),
    ] {
        let refused = settings(&router, words).expect(code);
        assert!(refused.err.contains(said), "{words:?}: {}", refused.err);
    }
    assert_eq!(router.api().get("settings").expect(200).json(), json!({}), "nothing was changed");
}

#[test]
fn what_differs_from_the_defaults_another_app_or_a_file_is_shown() {
    let router = router().stable("v1").start();
    let differs = |words: &[&str]| -> Value {
        settings(&router, &[words, &["--json"]].concat()).expect(0).json()["differs"].clone()
    };
    let same = settings(&router, &["diff", "hello"]).expect(0);
    assert_eq!(same.out.trim(), "the settings of hello are those of the defaults");
    router.api().put(
        "settings",
        &json!({ "pinseconds": 600, "drainseconds": 300, "hosts": ["b.example", "a.example"] }),
    );
    let shown = settings(&router, &["diff", "hello"]).expect(0);
    assert_eq!(words(line(&shown, "pinseconds")), ["pinseconds", "600", "86400"]);
    assert_eq!(words(line(&shown, "hosts")), ["hosts", "a.example,b.example", "none"]);
    assert_eq!(shown.out.lines().count(), 3, "what is set to its default is no difference: {}", shown.out);

    ask(&router, "operator", &["app", "add", "shop"]).expect(0);
    settings(&router, &["set", "shop", "health.fall=7"]).expect(0);
    assert_eq!(
        differs(&["diff", "hello", "shop"]),
        json!({ "pinseconds": [600, 86_400], "hosts": [["a.example", "b.example"], []], "health.fall": [3, 7] })
    );
    let file = router.path("settings.json");
    let path = file.to_str().expect("a path");
    fs::write(&file, r#"{"hosts": ["B.example", "a.example"], "cookie": {"name": "x", "domain": null}}"#)
        .unwrap();
    assert_eq!(
        differs(&["diff", "hello", path]),
        json!({ "pinseconds": [600, 86_400], "cookie.name": ["rolling_pin", "x"] })
    );
    let whole = settings(&router, &["get", "hello", "--json"]).expect(0).out;
    fs::write(&file, whole).unwrap();
    assert_eq!(differs(&["diff", "hello", path]), json!({}));
    fs::write(&file, r#"{"pinsecond": 5}"#).unwrap();
    assert!(settings(&router, &["diff", "hello", path]).expect(4).err.contains("did you mean pinseconds?"));
    fs::write(&file, "[]").unwrap();
    assert!(settings(&router, &["diff", "hello", path]).expect(2).err.contains("a JSON object of settings"));
}
