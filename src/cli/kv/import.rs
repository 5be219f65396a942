//! `kv import`: makes a store what a file says. An empty one, or with `--replace` any.
//!
//! Each app is one commit under the condition that nobody changed it since it was looked at, after its endpoints,
//! so that no router ever serves a part of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    super::{
        client::{Client, Request},
        exit::{Exit, Failure},
        printer::Printer,
    },
    file::{self, Keyvalues, read_input},
    stored::{self, StoredEntry, is_of_the_store},
};
use crate::schema::router::{Router, StoreState};

/// Writes of one commit; a store takes 100.
const BATCH: usize = 50;

/// What is asked for.
#[derive(Debug)]
pub(super) struct Import {
    pub(super) file: String,
    pub(super) replace: bool,
    pub(super) dry_run: bool,
}

/// One key that is to be changed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Change {
    key: String,
    /// `None`: deleted.
    value: Option<Vec<u8>>,
    /// When the key was last written, if it is there.
    modified: Option<u64>,
}

/// What an import does.
#[derive(Debug, Default, PartialEq, Eq)]
struct Plan {
    changes: Vec<Change>,
    unchanged: usize,
}

pub(super) async fn run(import: Import, client: &Client, printer: &Printer) -> Result<Exit, Failure> {
    let text = match import.file.as_str() {
        "-" => String::from_utf8_lossy(&read_input()?).into_owned(),
        file => fs::read_to_string(file)
            .map_err(|error| Failure::usage(format!("cannot read {file}: {error}")))?,
    };
    let wanted = file::parse(&text)?;
    let stored = stored::list(client).await?;
    if !import.replace {
        refuse_full(&stored)?;
    }
    let plan = Plan::of(wanted, &stored)?;
    show(&plan, import.dry_run, printer);
    if !import.dry_run {
        for changes in plan.commits() {
            commit(client, &changes).await?;
        }
        hint(client, printer).await?;
    }
    Ok(Exit::Done)
}

/// A store with an app or an endpoint is somebody's.
fn refuse_full(stored: &[StoredEntry]) -> Result<(), Failure> {
    let theirs = || stored.iter().filter(|entry| is_rollout(&entry.key) && entry.key != "rolling/null");
    let Some(first) = theirs().next() else { return Ok(()) };
    let (count, key) = (theirs().count(), &first.key);
    let message = format!(
        "the store already holds {count} keys, such as {key}; --replace replaces them by the file's, \
         --replace --dry-run shows what would change"
    );
    Err(Failure::new(Exit::Refused, message))
}

/// Below `apps/` or `rolling/`, and not the routers' own.
fn is_rollout(key: &str) -> bool {
    (key.starts_with("apps/") || key.starts_with("rolling/")) && !key.starts_with("rolling/router/")
}

impl Plan {
    fn of(wanted: Keyvalues, stored: &[StoredEntry]) -> Result<Self, Failure> {
        let now: BTreeMap<&str, &StoredEntry> =
            stored.iter().map(|entry| (entry.key.as_str(), entry)).collect();
        let mut plan = Self::default();
        let names: BTreeSet<String> = wanted.keys().cloned().collect();
        for (key, value) in wanted {
            let there = now.get(key.as_str());
            let same = match there {
                Some(entry) => entry.bytes()? == value,
                None => false,
            };
            if is_of_the_store(&key) || same {
                plan.unchanged += usize::from(same);
                continue;
            }
            let modified = there.map(|entry| entry.modified);
            plan.changes.push(Change { key, value: Some(value), modified });
        }
        let surplus = stored.iter().filter(|entry| is_rollout(&entry.key) && !names.contains(&entry.key));
        for entry in surplus {
            plan.changes.extend(end_mark(&entry.key, &entry.bytes()?));
            let value = without(&entry.key, &names);
            plan.changes.push(Change { key: entry.key.clone(), value, modified: Some(entry.modified) });
        }
        let is_back = |key: &str| {
            key.strip_prefix(ENDED).is_some_and(|app| names.contains(&format!("rolling/{app}/rollout")))
        };
        let stale = stored.iter().filter(|entry| is_back(&entry.key));
        plan.changes.extend(stale.map(|entry| Change {
            key: entry.key.clone(),
            value: None,
            modified: Some(entry.modified),
        }));
        Ok(plan)
    }

    fn deleted(&self) -> usize {
        self.changes.iter().filter(|change| change.value.is_none()).count()
    }

    /// In the order in which it is done: what apps rest on, each app as one, and what nothing rests on any more.
    fn commits(&self) -> Vec<Vec<Change>> {
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

/// What tells routers that the deletion of a record is an order: the mark of the app's end.
fn end_mark(key: &str, value: &[u8]) -> Option<Change> {
    let app = key.strip_prefix("rolling/")?.strip_suffix("/rollout")?;
    let record: Value = serde_json::from_slice(value).unwrap_or_default();
    let number = |field: &Value| field.as_u64().unwrap_or(0);
    let mark = json!({ "seq": number(&record["seq"]), "tenure": number(&record["tenures"]["last"]) });
    Some(Change { key: format!("{ENDED}{app}"), value: Some(mark.to_string().into_bytes()), modified: None })
}

/// What says that a key holds nothing, where its deletion would be a loss: routers serve on what they lose.
fn without(key: &str, wanted: &BTreeSet<String>) -> Option<Vec<u8>> {
    let settings = key.strip_prefix("rolling/").and_then(|rest| rest.strip_suffix("/settings"));
    let stays = |app: &str| wanted.contains(&format!("rolling/{app}/rollout"));
    match (key, settings) {
        ("rolling/default-app", _) => Some(b"-".to_vec()),
        (_, Some(app)) if stays(app) => Some(b"{}".to_vec()),
        _ => None,
    }
}

/// Where marks of an app's end are kept.
const ENDED: &str = "rolling/router/ended/";

/// The app whose routing a key is part of; events are not.
fn app_of(key: &str) -> Option<&str> {
    if let Some(app) = key.strip_prefix(ENDED) {
        return Some(app);
    }
    let (app, rest) = key.strip_prefix("rolling/")?.split_once('/')?;
    let is_event = rest.starts_with("events/") || rest.starts_with("endpoint-events/");
    (app != "router" && !is_event).then_some(app)
}

fn show(plan: &Plan, dry_run: bool, printer: &Printer) {
    let (deleted, unchanged) = (plan.deleted(), plan.unchanged);
    let marks = plan.changes.iter().filter(|change| change.key.starts_with(ENDED)).count();
    let written = plan.changes.len() - deleted - marks;
    if printer.is_json() {
        let keys = |deleted: bool| -> Vec<&str> {
            let of = plan.changes.iter().filter(|change| change.value.is_none() == deleted);
            of.map(|change| change.key.as_str()).collect()
        };
        let plan = json!({ "write": keys(false), "delete": keys(true), "unchanged": unchanged });
        return printer.line(plan);
    }
    if dry_run {
        for change in &plan.changes {
            let sign = match (&change.value, change.modified) {
                (None, _) => "delete",
                (Some(_), None) => "add   ",
                (Some(_), Some(_)) => "change",
            };
            printer.line(format!("{sign} {}", change.key));
        }
    }
    let verb = if dry_run { "would be " } else { "" };
    printer.line(format!("{written} keys {verb}written, {deleted} {verb}deleted, {unchanged} unchanged"));
}

async fn commit(client: &Client, changes: &[Change]) -> Result<(), Failure> {
    let check = |change: &Change| match change.modified {
        Some(modified) => json!({ "unchanged": change.key, "modified": modified }),
        None => json!({ "absent": change.key }),
    };
    let write = |change: &Change| match &change.value {
        Some(value) => json!({ "put": change.key, "value": STANDARD.encode(value) }),
        None => json!({ "delete": change.key }),
    };
    let request = Request::new(Method::POST, &["api", "v1", "store", "commit"]);
    let (checks, writes): (Vec<Value>, Vec<Value>) =
        (changes.iter().map(check).collect(), changes.iter().map(write).collect());
    let request = request.json(&json!({ "checks": checks, "writes": writes }));
    let outcome: Value = client.send(request).await?.read()?;
    if let Some(key) = outcome["conflict"].as_str() {
        let message = format!(
            "somebody else has just changed {key}; look at the store and import again with --replace"
        );
        return Err(Failure::new(Exit::Refused, message));
    }
    if let Some(why) = outcome["unknown"].as_str() {
        let message =
            format!("the store did not say whether it was written ({why}); import again with --replace");
        return Err(Failure::new(Exit::Unreachable, message));
    }
    Ok(())
}

/// A record that goes back to an earlier change looks like a store that fell.
async fn hint(client: &Client, printer: &Printer) -> Result<(), Failure> {
    let router: Router = client.send(Request::get(&["api", "v1", "router"])).await?.read()?;
    if router.store.state == StoreState::Diverged && !printer.is_json() {
        printer.line("the router takes this for a store that lost its newest changes; `store accept` accepts it as it is");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(entries: &[(&str, &str, u64)]) -> Vec<StoredEntry> {
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
    fn a_store_with_keys_of_a_rollout_is_full() {
        let own = [("rolling/router/epoch", "e", 1), ("rolling/null", "-", 2), ("other", "x", 3)];
        assert!(refuse_full(&stored(&own)).is_ok());
        let refused = refuse_full(&stored(&[("apps/a-1-80/containers/c1", "10.0.0.1:80", 1)])).unwrap_err();
        assert!(refused.exit == Exit::Refused && refused.message.contains("apps/a-1-80"), "{refused:?}");
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
        let plan = Plan::of(file, &there).unwrap();
        assert_eq!((plan.unchanged, plan.deleted()), (1, 2));
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
}
