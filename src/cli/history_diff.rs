//! What one change of the history changed, a line for each thing: before and after.

use serde_json::{Map, Value};

/// The lines of a change, `field: before -> after`; of lists what came (`+`) and went (`-`), of settings each one that differs.
pub(super) fn lines(changed: &Map<String, Value>) -> Vec<String> {
    let pairs = changed.iter().filter_map(|(field, pair)| Some((field, pair.get(0)?, pair.get(1)?)));
    pairs.flat_map(|(field, before, after)| difference(field, before, after)).collect()
}

fn difference(name: &str, before: &Value, after: &Value) -> Vec<String> {
    // Settings in a group that comes or goes as a whole are told one by one too.
    let is_group = |side: &Value| side.is_object() || side.is_null() && name.starts_with("settings");
    match (before, after) {
        _ if before == after => Vec::new(),
        _ if is_group(before) && is_group(after) => inner(name, before, after),
        (Value::Array(old), Value::Array(new)) => list(name, old, new),
        _ => vec![format!("{name}: {} -> {}", short(before), short(after))],
    }
}

fn inner(name: &str, before: &Value, after: &Value) -> Vec<String> {
    let sides = [before, after].into_iter().filter_map(Value::as_object);
    let mut names: Vec<&String> = sides.flat_map(Map::keys).collect();
    names.sort();
    names.dedup();
    let side = |side: &Value, inner: &str| side.get(inner).cloned().unwrap_or_default();
    let each = names
        .into_iter()
        .flat_map(|inner| difference(&format!("{name}.{inner}"), &side(before, inner), &side(after, inner)));
    each.collect()
}

fn list(name: &str, old: &[Value], new: &[Value]) -> Vec<String> {
    let only = |sign: char, these: &[Value], those: &[Value]| -> Vec<String> {
        let differ = these.iter().filter(|value| !those.contains(value));
        differ.map(|value| format!("{name}: {sign} {}", short(value))).collect()
    };
    [only('-', old, new), only('+', new, old)].concat()
}

/// A value in a word: a release by its id's segment, nothing as `none`.
pub(super) fn short(value: &Value) -> String {
    let text = match value {
        Value::Null => return "none".into(),
        Value::Object(stay) => match stay.get("release").and_then(Value::as_str) {
            Some(release) => release.to_owned(),
            None => value.to_string(),
        },
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let Some(rest) = text.strip_prefix("apps/") else { return text };
    match rest.split_once("/containers") {
        Some((segment, "")) => segment.to_owned(),
        Some((segment, below)) => format!("{segment}{below}"),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_thing_that_differs_is_a_line() {
        let changed = json!({
            "blend": [10, 0],
            "candidate": [{"release": "apps/hello-1.0.1-80/containers", "tenure": 2}, null],
            "endpoints": [
                ["apps/hello-1.0.1-80/containers/10.0.0.7:80", "apps/hello-1.0.1-80/containers/10.0.0.8:80"],
                ["apps/hello-1.0.1-80/containers/10.0.0.8:80", "apps/hello-1.0.1-80/containers/10.0.0.9:80"],
            ],
            "lock": [null, {"by": "maria", "reason": "freeze"}],
            "settings": [{"health": {"fall": 3, "rise": 2}, "cache": "trust"}, {"health": {"fall": 5, "rise": 2}, "verdict": {"at_least": 9}}],
            "sticky": [true, true],
            "odd": 7,
        });
        assert_eq!(
            lines(changed.as_object().unwrap()),
            [
                "blend: 10 -> 0",
                "candidate: hello-1.0.1-80 -> none",
                "endpoints: - hello-1.0.1-80/10.0.0.7:80",
                "endpoints: + hello-1.0.1-80/10.0.0.9:80",
                "lock: none -> {\"by\":\"maria\",\"reason\":\"freeze\"}",
                "settings.cache: trust -> none",
                "settings.health.fall: 3 -> 5",
                "settings.verdict.at_least: none -> 9",
            ]
        );
    }
}
