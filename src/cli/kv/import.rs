//! `kv import`: makes a store what a file says. An empty one, or with `--replace` any.
//!
//! Each app is one commit under the condition that nobody changed it since it was looked at, after its endpoints,
//! so that no router ever serves a part of it. Before anything is written, the router is asked whether its apps may become that. What replaces more than that is followed by no router before all of it is there.

use std::fs;

use serde_json::json;

use super::{
    super::{
        client::Client,
        exit::{Exit, Failure},
        printer::Printer,
    },
    admission::{Overrule, admit},
    beside::{Backup, files_of, warning_of_pins},
    file::{self, read_input},
    plan::{Change, Plan, is_rollout},
    replacement::{Committed, commit, replace},
    stored::{self, StoredEntry},
};

/// What is asked for.
#[derive(Debug)]
pub(super) struct Import {
    pub(super) file: String,
    pub(super) replace: bool,
    pub(super) dry_run: bool,
    pub(super) overrule: Overrule,
}

pub(super) async fn run(import: Import, client: &Client, printer: &Printer) -> Result<Exit, Failure> {
    let text = match import.file.as_str() {
        "-" => String::from_utf8_lossy(&read_input()?).into_owned(),
        file => fs::read_to_string(file)
            .map_err(|error| Failure::usage(format!("cannot read {file}: {error}")))?,
    };
    let mut wanted = file::parse(&text)?;
    let backup = Backup::take(&mut wanted);
    let stored = stored::list(client).await?;
    if !import.replace {
        refuse_full(&stored)?;
    }
    let mut plan = Plan::of(&wanted, &stored)?;
    let is_overruled = admit(client, &mut wanted, (&plan, &stored), &import.overrule).await?;
    if is_overruled {
        plan = Plan::of(&wanted, &stored)?;
    }
    let mut notes: Vec<String> =
        warning_of_pins(&wanted).filter(|_| !import.replace).map(str::to_owned).into_iter().collect();
    notes.extend(backup.lines_with(&files_of(client).await?));
    if import.dry_run {
        return Ok(show(&plan, &notes, true, printer));
    }
    // The history of what is overruled becomes another one, which looks like a store that fell.
    let is_followed_on = plan.is_one_commit() && !is_overruled;
    match import.replace && !is_followed_on && !plan.changes.is_empty() {
        true => replace(client, &wanted, &stored).await?,
        false => write(client, &plan).await?,
    }
    Ok(show(&plan, &notes, false, printer))
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

/// Writes the plan, one commit after the other.
async fn write(client: &Client, plan: &Plan) -> Result<(), Failure> {
    for changes in plan.commits().iter().filter(|changes| !changes.is_empty()) {
        let (checks, writes) =
            (changes.iter().map(Change::check).collect(), changes.iter().map(Change::write).collect());
        if let Committed::Conflict(key) = commit(client, checks, writes).await? {
            let message = format!(
                "somebody else has just changed {key}, and what follows it was not written; look at the store and import again \
                 with --replace"
            );
            return Err(Failure::new(Exit::Refused, message));
        }
    }
    Ok(())
}

/// Says what was done, or would be.
fn show(plan: &Plan, notes: &[String], dry_run: bool, printer: &Printer) -> Exit {
    let ((written, deleted), unchanged) = (plan.counts(), plan.unchanged);
    let own = || plan.changes.iter().filter(|change| !change.is_mark());
    if printer.is_json() {
        let keys = |deleted: bool| -> Vec<&str> {
            own()
                .filter(|change| change.value.is_none() == deleted)
                .map(|change| change.key.as_str())
                .collect()
        };
        let plan =
            json!({ "write": keys(false), "delete": keys(true), "unchanged": unchanged, "notes": notes });
        printer.line(plan);
        return Exit::Done;
    }
    if dry_run {
        for change in own() {
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
    notes.iter().for_each(|note| printer.line(note));
    Exit::Done
}

#[cfg(test)]
mod tests {
    use super::{super::plan::tests::stored, *};

    #[test]
    fn a_store_with_keys_of_a_rollout_is_full() {
        let own = [("rolling/router/epoch", "e", 1), ("rolling/null", "-", 2), ("other", "x", 3)];
        assert!(refuse_full(&stored(&own)).is_ok());
        let refused = refuse_full(&stored(&[("apps/a-1-80/containers/c1", "10.0.0.1:80", 1)])).unwrap_err();
        assert!(refused.exit == Exit::Refused && refused.message.contains("apps/a-1-80"), "{refused:?}");
    }
}
