//! Whether the router's doors let an app become what a file says: asked before anything is written.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    super::{
        client::{Client, Request},
        exit::Failure,
    },
    file::Keyvalues,
    plan::Plan,
    stored::StoredEntry,
};
use crate::schema::store::{ReplacementRequest, ReplacementVerdict};

/// Whether refusals are overruled, and why.
#[derive(Debug)]
pub(super) struct Overrule {
    pub(super) force: bool,
    pub(super) reason: Option<String>,
}

/// Asks about each app that the plan would change. What is overruled becomes an event of the file's history, which tells who did
/// that; gives whether anything was.
pub(super) async fn admit(
    client: &Client,
    wanted: &mut Keyvalues,
    (plan, stored): (&Plan, &[StoredEntry]),
    overrule: &Overrule,
) -> Result<bool, Failure> {
    let mut is_overruled = false;
    for app in plan.apps().into_iter().filter(|app| has_record(stored, app)) {
        let request = request_of(wanted, &app, overrule);
        let call = Request::new(Method::POST, &["api", "v1", "store", "replacement"]).json(&request);
        let verdict: ReplacementVerdict = client.send(call).await?.read()?;
        if let Some(event) = verdict.event {
            is_overruled = true;
            tell(wanted, &app, &json!(event));
        }
    }
    Ok(is_overruled)
}

/// Whether the store has a record of an app. What it has lost is nobody's.
fn has_record(stored: &[StoredEntry], app: &str) -> bool {
    let key = record_key(app);
    stored.iter().any(|entry| entry.key == key)
}

fn record_key(app: &str) -> String {
    format!("rolling/{app}/rollout")
}

fn request_of(wanted: &Keyvalues, app: &str, overrule: &Overrule) -> ReplacementRequest {
    let json = |key: String| -> Option<Value> { serde_json::from_slice(wanted.get(&key)?).ok() };
    let record = json(record_key(app));
    let stable = record.as_ref().and_then(|record| record["stable"]["release"].as_str());
    let events = format!("rolling/{app}/events/");
    let told = wanted.range(events.clone()..).take_while(|(key, _)| key.starts_with(&events));
    let told = told.filter_map(|(_, event)| serde_json::from_slice::<Value>(event).ok());
    let stables: BTreeSet<String> =
        told.filter_map(|event| Some(event["record"]["stable"]["release"].as_str()?.to_owned())).collect();
    ReplacementRequest {
        app: app.to_owned(),
        endpoints: stable.map(|stable| endpoints_of(wanted, stable)),
        settings: json(format!("rolling/{app}/settings")),
        stables: Some(stables.into_iter().collect()),
        force: overrule.force.then_some(true),
        reason: overrule.reason.clone(),
        record,
    }
}

/// The addresses that a file gives a release: those of a set that is not written out yet, or else of its keys.
fn endpoints_of(wanted: &Keyvalues, release: &str) -> Vec<String> {
    let set = release.strip_suffix("/containers").and_then(|segment| wanted.get(&format!("{segment}/set")));
    let set: Value = set.and_then(|set| serde_json::from_slice(set).ok()).unwrap_or_default();
    if let Some(pending) = set["pending"]["endpoints"].as_object() {
        return pending.values().filter_map(Value::as_str).map(str::to_owned).collect();
    }
    let prefix = format!("{release}/");
    let keys = wanted.range(prefix.clone()..).take_while(|(key, _)| key.starts_with(&prefix));
    keys.map(|(_, address)| String::from_utf8_lossy(address).trim().to_owned()).collect()
}

/// Writes the event of an app into the file, and what it says of the record into that.
fn tell(wanted: &mut Keyvalues, app: &str, event: &Value) {
    let key = record_key(app);
    let record = wanted.get(&key).and_then(|record| serde_json::from_slice(record).ok());
    let Some(Value::Object(mut record)) = record else { return };
    for field in ["seq", "command", "actor", "reason", "at"] {
        record.insert(field.to_owned(), event[field].clone());
    }
    let told = json!({ "record": record, "changed": event["changed"] });
    let number = event["seq"].as_u64().unwrap_or_default();
    wanted.insert(format!("rolling/{app}/events/{number:012}"), told.to_string().into_bytes());
    wanted.insert(key, Value::Object(record).to_string().into_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(entries: &[(&str, &str)]) -> Keyvalues {
        entries.iter().map(|(key, value)| ((*key).to_owned(), value.as_bytes().to_vec())).collect()
    }

    #[test]
    fn what_is_asked_is_what_the_app_is_in_the_file() {
        let mut wanted = file(&[
            ("rolling/a/rollout", r#"{"seq":4,"stable":{"release":"apps/a-1-80/containers"},"new":7}"#),
            ("rolling/a/settings", r#"{"approvals":1}"#),
            (
                "rolling/a/events/000000000003",
                r#"{"record":{"stable":{"release":"apps/a-0-80/containers"}}}"#,
            ),
            (
                "rolling/ab/events/000000000003",
                r#"{"record":{"stable":{"release":"apps/ab-0-80/containers"}}}"#,
            ),
            ("apps/a-1-80/containers/c1", "10.0.0.1:80"),
            ("apps/a-1-80/containers2/c1", "10.0.0.9:80"),
        ]);
        let overrule = Overrule { force: true, reason: Some("because".into()) };
        let request = request_of(&wanted, "a", &overrule);
        assert_eq!(request.endpoints, Some(vec!["10.0.0.1:80".to_owned()]));
        assert_eq!(request.stables, Some(vec!["apps/a-0-80/containers".to_owned()]));
        assert_eq!(request.settings, Some(json!({ "approvals": 1 })));
        let event = json!({ "seq": 9, "command": "restore", "actor": "x", "reason": "because", "at": 5, "changed": {} });
        tell(&mut wanted, "a", &event);
        let read = |key: &str| -> Value { serde_json::from_slice(&wanted[key]).unwrap() };
        let record = read("rolling/a/rollout");
        assert_eq!(
            (&record["seq"], &record["command"], &record["new"]),
            (&json!(9), &json!("restore"), &json!(7))
        );
        assert_eq!(read("rolling/a/events/000000000009")["record"], record);
        assert_eq!(request_of(&wanted, "gone", &overrule).record, None);
    }
}
