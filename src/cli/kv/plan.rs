//! What an import changes, and in which commits: each app is one, between what it rests on and what nothing rests on any more.

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{
    super::exit::Failure,
    file::Keyvalues,
    stored::{StoredEntry, is_of_the_store},
};

/// Writes of one commit; a store takes 100, and as many checks.
const BATCH: usize = 50;

/// Where marks of an app's end are kept.
const ENDED: &str = "rolling/router/ended/";

/// One key that is to be changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) key: String,
    /// `None`: deleted.
    pub(super) value: Option<Vec<u8>>,
    /// When the key was last written, if it is there.
    pub(super) modified: Option<u64>,
}

impl Change {
    /// That nobody has changed the key since it was looked at.
    pub(super) fn check(&self) -> Value {
        match self.modified {
            Some(modified) => json!({ "unchanged": self.key, "modified": modified }),
            None => json!({ "absent": self.key }),
        }
    }

    /// What is written.
    pub(super) fn write(&self) -> Value {
        match &self.value {
            Some(value) => json!({ "put": self.key, "value": STANDARD.encode(value) }),
            None => json!({ "delete": self.key }),
        }
    }

    /// Whether it is about an app's end, and no key of the file.
    pub(super) fn is_mark(&self) -> bool {
        self.key.starts_with(ENDED)
    }
}

/// What an import does.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) changes: Vec<Change>,
    pub(super) unchanged: usize,
    /// A record goes back to an earlier change, which looks like a store that fell.
    goes_back: bool,
}

/// Below `apps/` or `rolling/`, and not the routers' own.
pub(super) fn is_rollout(key: &str) -> bool {
    (key.starts_with("apps/") || key.starts_with("rolling/")) && !key.starts_with("rolling/router/")
}

impl Plan {
    pub(super) fn of(wanted: &Keyvalues, stored: &[StoredEntry]) -> Result<Self, Failure> {
        let now: BTreeMap<&str, &StoredEntry> =
            stored.iter().map(|entry| (entry.key.as_str(), entry)).collect();
        let mut plan = Self::default();
        let names: BTreeSet<&str> = wanted.keys().map(String::as_str).collect();
        for (key, value) in wanted.iter().filter(|(key, _)| !is_of_the_store(key)) {
            let there = now.get(key.as_str());
            let held = there.map(|entry| entry.bytes()).transpose()?;
            if held.as_ref() == Some(value) {
                plan.unchanged += 1;
                continue;
            }
            plan.goes_back |= key.ends_with("/rollout") && held.is_some_and(|held| seq(value) <= seq(&held));
            let modified = there.map(|entry| entry.modified);
            plan.changes.push(Change { key: key.clone(), value: Some(value.clone()), modified });
        }
        let is_back = |key: &str| {
            let app = key.strip_prefix(ENDED).filter(|_| !names.contains(key));
            app.is_some_and(|app| names.contains(format!("rolling/{app}/rollout").as_str()))
        };
        // A file without the routers' own keys has no deployments either, since their environments are secrets.
        let is_whole = names.iter().any(|key| key.starts_with("rolling/router/"));
        for entry in stored {
            let key = entry.key.as_str();
            if is_deployment(key) && !names.contains(key) {
                plan.changes.extend(if is_whole { removal(entry)? } else { None });
                continue;
            }
            if is_back(key) || is_rollout(key) && !names.contains(key) {
                plan.changes.extend(end_mark(key, &entry.bytes()?, &now));
                plan.changes.push(Change {
                    key: key.to_owned(),
                    value: None,
                    modified: Some(entry.modified),
                });
            }
        }
        Ok(plan)
    }

    /// How many keys are written, and how many deleted, the marks of an app's end apart.
    pub(super) fn counts(&self) -> (usize, usize) {
        let own = || self.changes.iter().filter(|change| !change.is_mark());
        let deleted = own().filter(|change| change.value.is_none()).count();
        (own().count() - deleted, deleted)
    }

    /// The apps that it changes in any way: what they are, their history, or where they are served.
    pub(super) fn apps(&self) -> BTreeSet<String> {
        let own = |change: &Change| {
            let (app, _) = change.key.strip_prefix("rolling/")?.split_once('/')?;
            (app != "router").then(|| app.to_owned())
        };
        self.changes.iter().filter_map(own).collect()
    }

    /// Whether it is one commit after which every router goes on as after any other.
    pub(super) fn is_one_commit(&self) -> bool {
        let deletes = self.changes.iter().any(|change| change.value.is_none());
        self.changes.len() <= BATCH && !deletes && !self.goes_back
    }

    /// In the order in which it is done: what apps rest on, each app as one, and what nothing rests on any more.
    pub(super) fn commits(&self) -> Vec<Vec<Change>> {
        if self.is_one_commit() {
            return vec![self.changes.clone()];
        }
        let mut before = Vec::new();
        let mut apps: BTreeMap<&str, Vec<Change>> = BTreeMap::new();
        let mut after = Vec::new();
        for change in &self.changes {
            match app_of(&change.key) {
                Some(app) => apps.entry(app).or_default().push(change.clone()),
                None if change.value.is_some() => before.push(change.clone()),
                None => after.push(change.clone()),
            }
        }
        let batches = |changes: Vec<Change>| -> Vec<Vec<Change>> {
            changes.chunks(BATCH).map(<[Change]>::to_vec).collect()
        };
        batches(before).into_iter().chain(apps.into_values()).chain(batches(after)).collect()
    }
}

/// The seq of a record; 0 when it has none.
fn seq(record: &[u8]) -> u64 {
    let record: Value = serde_json::from_slice(record).unwrap_or_default();
    record["seq"].as_u64().unwrap_or(0)
}

fn is_deployment(key: &str) -> bool {
    let rest = key.strip_prefix("rolling/").and_then(|rest| rest.split_once('/'));
    rest.is_some_and(|(app, rest)| app != "router" && rest.starts_with("deployments/"))
}

/// How a deployment goes that is not in the file: one that an engine runs takes its containers along, so it is told to go.
fn removal(entry: &StoredEntry) -> Result<Option<Change>, Failure> {
    let change = |value| Change { key: entry.key.clone(), value, modified: Some(entry.modified) };
    let Ok(Value::Object(mut deployment)) = serde_json::from_slice(&entry.bytes()?) else {
        return Ok(Some(change(None)));
    };
    if !deployment.get("run").is_some_and(Value::is_object) {
        return Ok(Some(change(None)));
    }
    let was = deployment.insert("desired".to_owned(), json!("removed"));
    let told = Value::Object(deployment).to_string().into_bytes();
    Ok((was != Some(json!("removed"))).then(|| change(Some(told))))
}

/// What tells routers that the deletion of a record is an order: the mark of the app's end.
fn end_mark(key: &str, value: &[u8], now: &BTreeMap<&str, &StoredEntry>) -> Option<Change> {
    let app = key.strip_prefix("rolling/")?.strip_suffix("/rollout")?;
    let record: Value = serde_json::from_slice(value).unwrap_or_default();
    let number = |field: &Value| field.as_u64().unwrap_or(0);
    let mark = json!({ "seq": number(&record["seq"]), "tenure": number(&record["tenures"]["last"]) });
    let key = format!("{ENDED}{app}");
    let modified = now.get(key.as_str()).map(|entry| entry.modified);
    Some(Change { key, value: Some(mark.to_string().into_bytes()), modified })
}

/// The app whose routing a key is part of; events and deployments are not.
fn app_of(key: &str) -> Option<&str> {
    if let Some(app) = key.strip_prefix(ENDED) {
        return Some(app);
    }
    let (app, rest) = key.strip_prefix("rolling/")?.split_once('/')?;
    let is_event = rest.starts_with("events/") || rest.starts_with("endpoint-events/");
    (app != "router" && !is_event && !is_deployment(key)).then_some(app)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// What a store would list: keys, values, and the revision of each one's last change.
    pub fn stored(entries: &[(&str, &str, u64)]) -> Vec<StoredEntry> {
        let entry = |(key, value, modified): &(&str, &str, u64)| {
            serde_json::from_value(
                json!({ "key": key, "value": STANDARD.encode(value), "modified": modified }),
            )
        };
        entries.iter().map(entry).collect::<Result<_, _>>().unwrap()
    }

    fn wanted(entries: &[(&str, &str)]) -> Keyvalues {
        entries.iter().map(|(key, value)| ((*key).to_owned(), value.as_bytes().to_vec())).collect()
    }

    #[test]
    fn apps_are_one_commit_each_between_what_they_rest_on_and_what_is_left() {
        let file = wanted(&[
            ("rolling/a/rollout", "new"),
            ("rolling/a/blendpercent", "0"),
            ("rolling/a/events/000000000001", "one"),
            ("rolling/b/rollout", "same"),
            ("rolling/router/pinkeys", "secret"),
            ("rolling/router/epoch", "another"),
            ("apps/a-1-80/containers/c1", "10.0.0.1:80"),
        ]);
        let there = stored(&[
            ("rolling/a/rollout", "old", 4),
            ("rolling/b/rollout", "same", 5),
            ("rolling/gone/rollout", "x", 6),
            ("rolling/router/epoch", "ours", 1),
            ("apps/z-1-80/containers/c1", "10.0.0.9:80", 7),
            ("other", "not ours", 8),
        ]);
        let plan = Plan::of(&file, &there).unwrap();
        assert_eq!((plan.unchanged, plan.counts()), (1, (5, 2)));
        let commits = plan.commits();
        let keys: Vec<Vec<&str>> =
            commits.iter().map(|commit| commit.iter().map(|change| change.key.as_str()).collect()).collect();
        assert_eq!(
            keys,
            [
                vec!["apps/a-1-80/containers/c1", "rolling/a/events/000000000001", "rolling/router/pinkeys"],
                vec!["rolling/a/blendpercent", "rolling/a/rollout"],
                vec!["rolling/router/ended/gone", "rolling/gone/rollout"],
                vec!["apps/z-1-80/containers/c1"],
            ]
        );
        assert_eq!(commits[1][1].modified, Some(4));
    }

    #[test]
    fn one_commit_is_what_no_router_could_take_for_a_loss_or_a_fall() {
        let there = stored(&[("rolling/a/rollout", r#"{"seq":4}"#, 4), ("rolling/null", "-", 1)]);
        let one = |seq: u64| {
            let record = format!(r#"{{"seq":{seq}}}"#);
            let file = wanted(&[("rolling/a/rollout", &record), ("rolling/null", "-")]);
            Plan::of(&file, &there).unwrap().is_one_commit()
        };
        assert_eq!((one(3), one(5)), (false, true));
        let fewer = wanted(&[("rolling/a/rollout", r#"{"seq":4}"#)]);
        assert!(!Plan::of(&fewer, &there).unwrap().is_one_commit());
        let many: Keyvalues =
            (0..60).map(|app| (format!("rolling/a{app}/rollout"), br#"{"seq":1}"#.to_vec())).collect();
        let plan = Plan::of(&many, &[]).unwrap();
        assert_eq!((plan.is_one_commit(), plan.commits().len()), (false, 60));
    }

    #[test]
    fn a_deployment_that_the_file_has_not_is_told_to_go_and_stays_where_the_file_has_no_secrets() {
        let there = stored(&[
            ("rolling/a/deployments/a-1", r#"{"desired":"serving","run":{"state":"serving"},"x":1}"#, 4),
            ("rolling/a/deployments/a-2", r#"{"desired":"removed","run":{"state":"draining"}}"#, 5),
            ("rolling/a/deployments/a-3", r#"{"desired":"serving"}"#, 6),
            ("rolling/a/deployments/a-4", "same", 7),
        ]);
        let bare = wanted(&[("rolling/a/rollout", r#"{"seq":1}"#)]);
        assert_eq!(Plan::of(&bare, &there).unwrap().counts(), (1, 0));
        let whole = wanted(&[("rolling/router/pinkeys", "secret"), ("rolling/a/deployments/a-4", "same")]);
        let plan = Plan::of(&whole, &there).unwrap();
        assert_eq!((plan.unchanged, plan.counts()), (1, (2, 1)));
        let told = plan.changes.iter().find(|change| change.key.ends_with("a-1")).unwrap();
        let told: Value = serde_json::from_slice(told.value.as_ref().unwrap()).unwrap();
        assert_eq!(told, json!({ "desired": "removed", "run": { "state": "serving" }, "x": 1 }));
    }

    #[test]
    fn an_app_that_is_back_has_not_ended() {
        let there = stored(&[("rolling/router/ended/a", "{}", 4), ("rolling/router/ended/b", "{}", 5)]);
        let plan = Plan::of(&wanted(&[("rolling/a/rollout", r#"{"seq":1}"#)]), &there).unwrap();
        let deleted = plan.changes.iter().filter(|change| change.value.is_none());
        assert_eq!(deleted.map(|change| change.key.as_str()).collect::<Vec<_>>(), ["rolling/router/ended/a"]);
        assert_eq!(plan.counts(), (1, 0));
    }
}
