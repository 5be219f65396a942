//! Endpoints whose keys vanished, noted in the rollout record: so every router of the fleet, and every restart, knows that
//! they serve on, and since when (docs/design.md section 3, "Loss is not an order").
//!
//! Each router finds them by itself and serves them at once. The first one notes them, and the first one that finds something
//! against one of them takes it out again; both are held to the record.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use keyvalues::Revision;

use super::{
    commit::Plan,
    stored::{StoredApp, endpoints_of},
    transact::transact_app,
};
use crate::{
    control::shared::{core::Core, entries::entry, error::ApiError},
    rollout::{
        address::Address,
        app::AppName,
        command::{Asker, Role},
        commit::of_command,
        record::Record,
        release::ReleaseId,
        unregistered::UnregisteredEndpoint,
        unregistered_change::note,
    },
};

/// What one router found about the endpoints of an app that are registered nowhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnregisteredFindings {
    /// Those whose keys vanished: the release and its container; the address, and for how long.
    pub lost: BTreeMap<(ReleaseId, String), (Address, Duration)>,
    /// Those that are served no longer, each with the reason.
    pub gone: BTreeMap<(ReleaseId, String), String>,
}

impl UnregisteredFindings {
    /// What of it the record does not say yet.
    pub fn beyond(mut self, record: &Record) -> Self {
        let noted: BTreeSet<(&ReleaseId, &str)> =
            record.unregistered.iter().map(|known| (&known.release, known.container.as_str())).collect();
        let is_noted =
            |(release, container): &(ReleaseId, String)| noted.contains(&(release, container.as_str()));
        self.lost.retain(|key, _| !is_noted(key) && record.routed().any(|(routed, _)| *routed == key.0));
        self.gone.retain(|key, _| is_noted(key));
        self
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.lost.is_empty() && self.gone.is_empty()
    }
}

/// Writes it into the record, unless that says so already.
pub async fn write(
    core: &Core,
    app: &AppName,
    findings: &UnregisteredFindings,
) -> Result<Revision, ApiError> {
    transact_app(core, app, move |stored, _| async move {
        let Some(record) = &stored.record else { return Ok(Plan::Nothing(stored.revision())) };
        let UnregisteredFindings { mut lost, gone } = findings.clone().beyond(record);
        let releases: BTreeSet<ReleaseId> = lost.keys().map(|(release, _)| release.clone()).collect();
        let listing = endpoints_of(core, &releases.into_iter().collect::<Vec<_>>()).await?;
        // One whose key is back is lost no more.
        lost.retain(|(release, container), _| entry(&listing, &format!("{release}/{container}")).is_none());
        Ok(plan(core, &stored, record, UnregisteredFindings { lost, gone }))
    })
    .await
}

fn plan(
    core: &Core,
    stored: &StoredApp,
    record: &Record,
    UnregisteredFindings { lost, gone }: UnregisteredFindings,
) -> Plan<Revision> {
    let at = core.clock.wall_ms();
    let added = lost.into_iter().map(|((release, container), (address, held))| {
        let since = at.saturating_sub(u64::try_from(held.as_millis()).unwrap_or(u64::MAX));
        UnregisteredEndpoint { release, container, address, since }
    });
    let reasons: BTreeSet<&str> = gone.values().map(String::as_str).collect();
    let reason = match reasons.is_empty() {
        true => "their keys vanished, and nobody ordered that".to_owned(),
        false => reasons.into_iter().collect::<Vec<_>>().join("; "),
    };
    let asker = Asker {
        actor: "rolling-router".to_owned(),
        token: String::new(),
        role: Role::Admin,
        reason,
        at,
        if_match: None,
    };
    let is_gone =
        |known: &UnregisteredEndpoint| gone.contains_key(&(known.release.clone(), known.container.clone()));
    match note(record, added.collect(), is_gone, &asker) {
        None => Plan::Nothing(stored.revision()),
        Some(event) => {
            let commit = stored.commit(Some(&event), of_command(&stored.name, &event), Vec::new());
            Plan::write(commit, |revision| revision)
        }
    }
}
