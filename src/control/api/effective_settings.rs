//! What counts for an app: what is set for it, the router's limits, and the defaults of everything else.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::{
    limits::Limits,
    rollout::settings::Settings,
    schema::settings::{EffectiveSettings, SettingSource, by_path},
};

/// The members of an answer that are no settings. Whoever changes what was read and sends it back sends them along.
pub(super) const NO_SETTINGS: [&str; 2] = ["sources", "defaults"];

/// The settings of an app as they count. `set` is what is stored of them, less what does not count.
pub(super) fn effective(settings: &Settings, set: &Map<String, Value>, limits: &Limits) -> EffectiveSettings {
    let (values, defaults) = (with_limits(settings, limits), with_limits(&Settings::default(), limits));
    let (set, usual) = (by_path(set), by_path(&defaults));
    let of_router: Vec<String> = limits_of(limits).map(|(name, _)| format!("timeouts.{name}")).into();
    let source = |path: &String, value: &Value| {
        // What was read last counts where what is stored cannot be read, and is set then, if it is no default.
        let is_set = set.get(path).is_some_and(|set| !set.is_null()) || usual.get(path) != Some(value);
        match (is_set, of_router.contains(path)) {
            (true, _) => SettingSource::App,
            (false, true) => SettingSource::Router,
            (false, false) => SettingSource::Default,
        }
    };
    let sources: BTreeMap<String, SettingSource> =
        by_path(&values).iter().map(|(path, value)| (path.clone(), source(path, value))).collect();
    EffectiveSettings { sources, defaults, values }
}

/// Settings as JSON, with the router's limits for the time-outs that are not set.
fn with_limits(settings: &Settings, limits: &Limits) -> Map<String, Value> {
    // Settings are a struct, which has a JSON form.
    let Ok(Value::Object(mut document)) = serde_json::to_value(settings) else { return Map::new() };
    if let Some(Value::Object(timeouts)) = document.get_mut("timeouts") {
        for (name, limit) in limits_of(limits) {
            let value = timeouts.entry(name).or_insert(Value::Null);
            if value.is_null() {
                *value = limit.into();
            }
        }
    }
    document
}

/// The limits that count where an app has no time-out of that name.
fn limits_of(limits: &Limits) -> [(&'static str, u64); 5] {
    [
        ("first_byte_ms", limits.first_byte_ms),
        ("between_bytes_ms", limits.between_bytes_ms),
        ("tunnel_idle_ms", limits.tunnel_idle_ms),
        ("body_rate_min", limits.body_rate_min),
        ("body_grace_ms", limits.body_grace_ms),
    ]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(set: &Value) -> EffectiveSettings {
        let limits = Limits { first_byte_ms: 7_000, ..Limits::default() };
        let settings = Settings::parse(set.to_string().as_bytes()).unwrap();
        effective(&settings, set.as_object().unwrap(), &limits)
    }

    #[test]
    fn each_value_says_where_it_comes_from() {
        let found = of(&json!({ "pinseconds": 86_400, "health": { "fall": 5 }, "cookie": { "domain": null },
                                "timeouts": { "tunnel_idle_ms": 1_000 } }));
        let source = |path: &str| (found.sources[path], by_path(&found.values)[path].clone());
        assert_eq!(source("pinseconds"), (SettingSource::App, json!(86_400)), "set to its default");
        assert_eq!(source("health.fall"), (SettingSource::App, json!(5)));
        assert_eq!(source("health.rise"), (SettingSource::Default, json!(1)));
        assert_eq!(source("cookie.domain"), (SettingSource::Default, json!(null)));
        assert_eq!(source("timeouts.first_byte_ms"), (SettingSource::Router, json!(7_000)));
        assert_eq!(source("timeouts.tunnel_idle_ms"), (SettingSource::App, json!(1_000)));
        assert_eq!(source("timeouts.paths"), (SettingSource::Default, json!([])));
        assert_eq!(found.defaults["timeouts"]["tunnel_idle_ms"], Limits::default().tunnel_idle_ms);
    }

    #[test]
    fn every_setting_has_a_source() {
        let found = of(&json!({}));
        let paths = |document| by_path(document).into_keys().collect::<Vec<_>>();
        assert_eq!(paths(&found.values), found.sources.keys().cloned().collect::<Vec<_>>());
        assert_eq!(found.values, found.defaults);
        assert!(found.sources.values().all(|source| *source != SettingSource::App));
    }
}
