//! The effective settings of an app: every value, and where it comes from.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Every setting of an app with the value that counts now: the members are those of `Settings`, and these two.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct EffectiveSettings {
    /// Where each value comes from, by the setting's path, such as `health.fall`.
    pub sources: BTreeMap<String, SettingSource>,
    /// What would count if nothing of the app were set, in the form of `Settings`.
    #[cfg_attr(test, schema(value_type = super::document::Settings))]
    pub defaults: Map<String, Value>,
    /// The settings.
    #[serde(flatten)]
    #[cfg_attr(test, schema(value_type = std::collections::HashMap<String, Value>))]
    pub values: Map<String, Value>,
}

/// Where the value of a setting comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum SettingSource {
    /// It is set for the app.
    App,
    /// It is not set for the app, and is a limit of the router that was asked.
    Router,
    /// It is not set.
    Default,
}

impl SettingSource {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Router => "router",
            Self::Default => "default",
        }
    }
}

/// The single settings in a document, by their paths: `{"health": {"fall": 3}}` has `health.fall`.
pub fn by_path(document: &Map<String, Value>) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    collect("", document, &mut found);
    found
}

fn collect(prefix: &str, document: &Map<String, Value>, found: &mut BTreeMap<String, Value>) {
    for (name, value) in document {
        let path = format!("{prefix}{name}");
        match value {
            Value::Object(inner) => collect(&format!("{path}."), inner, found),
            value => drop(found.insert(path, value.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn settings_of_groups_are_found_by_their_path() {
        let document = json!({ "hosts": ["a"], "cookie": { "name": "x", "domain": null } });
        let found = by_path(document.as_object().unwrap());
        let expected = [("cookie.domain", json!(null)), ("cookie.name", json!("x")), ("hosts", json!(["a"]))];
        assert_eq!(found, expected.map(|(path, value)| (path.to_owned(), value)).into());
    }
}
