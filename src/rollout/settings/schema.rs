//! `docs/openapi.json` describes every setting: its default and its range are those that are enforced. The GUI makes
//! its controls from that description.

use serde_json::{Map, Value, json};

use super::Settings;

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
            assert!(refused.is_none_or(|error| error.message.contains("secure")), "{path}: {choice}");
            checked += 1;
        }
        if schema["enum"].is_array() {
            assert!(!accepts(json!("something-else")), "{path}");
        }
    }
    assert!(checked > 15, "{checked}");
}
