//! `docs/openapi.json` describes every setting: its default and its range are those that are enforced. The GUI makes
//! its controls from that description.

use serde_json::{Map, Value, json};

use super::{Settings, SettingsError};

fn described() -> Map<String, Value> {
    let page: Value = serde_json::from_str(include_str!("../../../docs/openapi.json")).unwrap();
    page["components"]["schemas"]["Settings"]["properties"].as_object().unwrap().clone()
}

/// Every single setting with its description: `health.fall` and what is said of it.
fn leaves(prefix: &str, properties: &Map<String, Value>) -> Vec<(String, Value)> {
    let leaf = |(name, schema): (&String, &Value)| {
        let path = format!("{prefix}{name}");
        match schema["properties"].as_object() {
            Some(inner) => leaves(&format!("{path}."), inner),
            None => vec![(path, schema.clone())],
        }
    };
    properties.iter().flat_map(leaf).collect()
}

/// Settings with one of them set.
fn with(path: &str, value: &Value) -> Vec<u8> {
    let document = path.rsplit('.').fold(value.clone(), |inner, name| json!({ name: inner }));
    serde_json::to_vec(&document).unwrap()
}

#[test]
fn every_setting_is_described_with_its_default() {
    let defaults = serde_json::to_value(Settings::default()).unwrap();
    let said = leaves("", &described());
    let default = |path: &str| path.split('.').fold(&defaults, |value, name| &value[name]).clone();
    for (path, schema) in &said {
        assert_eq!(schema["default"], default(path), "{path}");
        assert!(schema["title"].is_string() && schema["description"].is_string(), "{path}");
    }
    let count = |value: &Value| value.as_object().map_or(1, Map::len);
    let all: usize = defaults.as_object().unwrap().values().map(count).sum();
    assert_eq!(said.len(), all, "described: {:?}", said.iter().map(|(path, _)| path).collect::<Vec<_>>());
}

#[test]
fn ranges_and_choices_are_the_enforced_ones() {
    let mut checked = 0;
    for (path, schema) in leaves("", &described()) {
        let accepts = |value: Value| Settings::parse(&with(&path, &value)).is_ok();
        if let (Some(least), Some(most)) = (schema["minimum"].as_i64(), schema["maximum"].as_i64()) {
            assert!(
                !accepts(json!(least - 1)) && !accepts(json!(most + 1)),
                "{path}: beyond {least} to {most}"
            );
            // What another setting bounds further is valid with that one at its end.
            let refused = |value: i64| Settings::parse(&with(&path, &json!(value))).err();
            for end in [least, most] {
                let error = refused(end);
                let other =
                    |message: &str| message.contains("which is") || message.contains("drainmaxseconds");
                assert!(error.as_ref().is_none_or(|error| other(&error.message)), "{path}: {end}: {error:?}");
            }
            checked += 1;
        }
        for choice in schema["enum"].as_array().into_iter().flatten() {
            let refused = Settings::parse(&with(&path, choice)).err();
            // Some choices need another setting beside them.
            let other = |message: &str| message.contains("secure") || message.contains("as well");
            assert!(refused.is_none_or(|error| other(&error.message)), "{path}: {choice}");
            checked += 1;
        }
        if schema["enum"].is_array() {
            assert!(!accepts(json!("something-else")), "{path}");
        }
    }
    assert!(checked > 15, "{checked}");
}

/// A bad number was told in the words of the reader of JSON, which name neither the setting nor its range.
#[test]
fn every_setting_of_a_wrong_type_or_out_of_range_is_told_in_our_words() {
    let huge = json!(u64::MAX);
    let wrong = [
        json!(null),
        json!(true),
        json!(-1),
        json!(0.5),
        json!(1e300),
        json!(""),
        json!("\u{7}"),
        json!([]),
        json!([1]),
        json!([[]]),
        json!(["\u{7}"]),
        json!({}),
        json!({"a": 1}),
        json!({"keep": null}),
        huge,
    ];
    let theirs = ["invalid", "expected", "unknown", "missing", "at line", "variant"];
    let mut refused = std::collections::BTreeSet::new();
    for (path, schema) in leaves("", &described()) {
        for value in &wrong {
            let Err(error) = Settings::parse(&with(&path, value)) else { continue };
            let SettingsError { field, message } = &error;
            let list = format!("{path}[0]");
            assert!(
                *field == path || *field == list || field == "override.header",
                "{path} {value}: {error}"
            );
            assert!(theirs.iter().all(|word| !message.contains(word)), "{path} {value}: {error}");
            let allowed = message.split_once(" is not ").map(|(_, allowed)| allowed);
            for end in ["minimum", "maximum"] {
                let end = schema[end].as_i64().map(|end| end.to_string());
                let other = message.contains("drainmaxseconds") || message.contains("interval_ms");
                let said = |end: &String| allowed.is_some_and(|allowed| allowed.contains(end.as_str()));
                assert!(other || end.as_ref().is_none_or(said), "{path} {value}: {error} lacks {end:?}");
            }
            for choice in schema["enum"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                assert!(message.contains(choice), "{path} {value}: {error} lacks {choice}");
            }
            refused.insert(path.clone());
        }
    }
    assert_eq!(refused.len(), leaves("", &described()).len(), "each was refused something: {refused:?}");
}

/// The table of docs/settings.md has a row for each setting, and names every member of a group; the CHANGELOG names them too.
#[test]
fn the_settings_page_names_every_setting() {
    let page = include_str!("../../../docs/settings.md");
    let changelog = include_str!("../../../CHANGELOG.md");
    let row = |name: &str| page.lines().find(|line| line.starts_with(&format!("| `{name}` | ")));
    for (path, schema) in leaves("", &described()) {
        let (group, member) = path.split_once('.').unwrap_or((&path, &path));
        let row = row(group).unwrap_or_else(|| panic!("docs/settings.md has no row for `{group}`"));
        assert!(changelog.contains(&format!("`{group}`")), "the CHANGELOG does not name `{group}`");
        assert!(
            row.contains(&format!("`{member}`")),
            "the row of docs/settings.md for `{group}` lacks `{member}`"
        );
        for choice in schema["enum"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            let shown = group != path || row.contains(&format!("`{choice}`"));
            assert!(shown, "the row of docs/settings.md for `{path}` lacks `{choice}`");
        }
    }
}
