//! The log on standard error as JSON: one object a line, whatever is told.

use serde_json::Value;
use support::{eventually, router};

#[test]
fn each_entry_is_one_object_on_a_line_of_its_own() {
    let mut router =
        router().stable("v1").flag("--log-format=json").flag("--log=debug").flag("--grace-seconds=0").start();
    let tokens = router.path("tokens");
    let before = std::fs::read_to_string(&tokens).expect("the tokens are there");
    std::fs::write(&tokens, format!("{before}no \"token\"\n")).expect("the tokens can be written");
    router.signal("HUP");
    eventually("an error is told", || router.log().contains("\"level\":\"ERROR\""));
    router.terminate();
    assert_eq!(router.exit_code(), Some(0));
    let log = router.log();
    let entries: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    assert!(entries.len() > 5, "{log}");
    for entry in &entries {
        for field in ["timestamp", "level", "message"] {
            assert!(entry[field].is_string(), "no {field}: {entry}");
        }
    }
    let said =
        |text: &str| entries.iter().any(|entry| entry["message"].as_str().is_some_and(|m| m.contains(text)));
    assert!(said("GUI and API on http://") && said("ending: clients are asked to close"), "{log}");
}
