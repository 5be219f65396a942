//! Making an app before it has a release: its record, and the hosts that lead to it, in one commit.

use keyvalues::Write;
use serde_json::json;

use super::{
    command::{CommandOutcome, log},
    commit::Plan,
    stored::StoredApp,
    transact::transact_app,
};
use crate::{
    control::shared::{
        core::Core,
        entries::{as_read, own_key},
        error::{ApiError, Kind},
    },
    rollout::{
        app::AppName,
        command::{Asker, Command, Decision, decide},
        commit::of_command,
        keys,
    },
};

/// Makes an app that claims these hosts. One that is there already stays as it is, and then hosts are refused: they are
/// settings of it.
pub async fn add(
    core: &Core,
    app: &AppName,
    hosts: &[String],
    asker: &Asker,
) -> Result<CommandOutcome, ApiError> {
    let outcome = transact_app(core, app, move |stored, _| async move {
        let background = stored.background(core, false).await?;
        match decide(stored.record.as_ref(), &Command::AddApp, asker, &background)? {
            Decision::Change(event) => {
                let seq = event.record.seq;
                let writes = of_command(&stored.name, &event);
                let mut commit = stored.commit(Some(&event), writes, host_writes(&stored, hosts));
                if !hosts.is_empty() {
                    commit.checks.push(as_read(None, &keys::settings(&stored.name)));
                }
                Ok(Plan::write(commit, move |revision| CommandOutcome {
                    changed: true,
                    created: true,
                    revision,
                    seq,
                    routed: revision,
                }))
            }
            Decision::Unchanged if hosts.is_empty() => {
                let (revision, seq, routed) = (stored.revision(), stored.seq(), stored.routed());
                Ok(Plan::Nothing(CommandOutcome { changed: false, created: false, revision, seq, routed }))
            }
            Decision::Unchanged => {
                let message = format!("there is an app `{app}` already: change its hosts by its settings");
                Err(ApiError::new(Kind::Refused("app_exists"), message).field("hosts"))
            }
        }
    })
    .await?;
    if outcome.changed {
        log(app, &Command::AddApp, asker, outcome.seq);
    }
    Ok(outcome)
}

fn host_writes(stored: &StoredApp, hosts: &[String]) -> Vec<Write> {
    let settings = || json!({ "hosts": hosts }).to_string();
    let write = || Write::put(own_key(&keys::settings(&stored.name)), settings());
    (!hosts.is_empty()).then(write).into_iter().collect()
}
