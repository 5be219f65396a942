//! Changes of endpoints by themselves: by a raw key, or by a call about the endpoints of a release.

use std::sync::Arc;

use keyvalues::{Revision, Write};

use super::{
    commit::{Commit, Plan},
    gate::{self, GateQuestion},
    quota::admit,
    registration::{self, PlannedRegistration, Registration, apps_naming},
    release_endpoints::ReleaseEndpoints,
    stored::StoredApp,
    transact::transact,
};
use crate::{
    control::shared::{
        core::Core,
        entries::own_key,
        error::{ApiError, Kind},
    },
    rollout::{endpoint_set::EndpointChange, record::Record, release::ReleaseId},
};

/// How a change of endpoints ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RegistrationOutcome {
    /// Whether anything was written.
    pub changed: bool,
    /// The store revision that holds the outcome.
    pub revision: Revision,
    /// How often the endpoints of the release were changed.
    pub count: u64,
}

/// Changes the endpoints of a release. If-Match is held against their own count.
pub async fn change_endpoints(
    core: &Core,
    release: &ReleaseId,
    registration: Registration<'_>,
) -> Result<RegistrationOutcome, ApiError> {
    core.replica.require_known_store().await?;
    let _lock = core.release_locks.lock(release).await;
    let what = format!("the endpoints of `{release}`");
    let (outcome, planned) = transact(&core.store, &what, move |_| async move {
        let plan = decide(core, release, registration).await?;
        admit(core, plan.writes()).await?;
        Ok::<_, ApiError>(plan)
    })
    .await?;
    if let Some(planned) = planned {
        planned.log(registration.asker);
    }
    Ok(outcome)
}

/// What a round gives: the outcome, and what is logged.
type RegistrationDecision = (RegistrationOutcome, Option<PlannedRegistration>);

async fn decide(
    core: &Core,
    release: &ReleaseId,
    registration: Registration<'_>,
) -> Result<Plan<RegistrationDecision>, ApiError> {
    let endpoints = ReleaseEndpoints::read(core, release).await?;
    let naming = apps_naming(core, &endpoints, None).await?;
    let naming: Vec<&StoredApp> = naming.iter().collect();
    let count = endpoints.set.count;
    if let Some(seen) = registration.asker.if_match.filter(|seen| *seen != count) {
        let message = format!(
            "the endpoints of `{release}` are at count {count}, but If-Match says {seen}: read them again, then repeat the call"
        );
        return Err(ApiError::new(Kind::Stale, message));
    }
    if *registration.change == EndpointChange::RemoveAll {
        refuse_named(release, &naming, registration.force)?;
    }
    let Some(planned) = registration::plan(core, &endpoints, &naming, registration).await? else {
        let outcome = RegistrationOutcome { changed: false, revision: endpoints.modified(), count };
        return Ok(Plan::Nothing((outcome, None)));
    };
    let is_plain = registration.app.is_none() && planned.apps.is_empty() && !endpoints.is_counted();
    if let (true, Some(write)) = (is_plain, raw_write(release, registration.change)) {
        return Ok(Plan::write(Commit::unchecked(vec![write]), move |revision| {
            (RegistrationOutcome { changed: true, revision, count }, None)
        }));
    }
    let is_overruled = gate::is_overruled(registration.force, registration.asker);
    if matches!(registration.change, EndpointChange::Replace { .. }) && !is_overruled {
        check_gate(core, &planned, &naming).await?;
    }
    let planned = planned.with_events(core, &naming, registration.asker, None).await?;
    let (commit, count) = (planned.commit.clone(), planned.count);
    Ok(Plan::write(commit, move |revision| {
        (RegistrationOutcome { changed: true, revision, count }, Some(planned))
    }))
}

/// A raw key of a release that no app names, and that was never changed otherwise, is just written: whoever sets up a
/// release by raw keys waits for nobody, and finds no other key beside his own.
fn raw_write(release: &ReleaseId, change: &EndpointChange) -> Option<Write> {
    match change {
        EndpointChange::PutRaw { container, address } => {
            Some(Write::put(own_key(&format!("{release}/{container}")), address.clone()))
        }
        EndpointChange::Remove { container } => {
            Some(Write::delete(own_key(&format!("{release}/{container}"))))
        }
        _ => None,
    }
}

/// New endpoints of a release that gets requests must be there.
async fn check_gate(
    core: &Core,
    planned: &PlannedRegistration,
    naming: &[&StoredApp],
) -> Result<(), ApiError> {
    let release = &planned.difference.release;
    let routes = |record: &Record| record.routed().any(|(routed, _)| routed == release);
    if let Some(stored) = naming.iter().find(|stored| stored.record.as_ref().is_some_and(routes)) {
        let endpoints = planned.difference.after.iter().cloned().collect();
        GateQuestion::new(release, endpoints, Arc::new(stored.settings.clone())).ask(core).await?;
    }
    Ok(())
}

/// A release goes when no app routes it; the way back of one goes only by force.
fn refuse_named(release: &ReleaseId, naming: &[&StoredApp], force: bool) -> Result<(), ApiError> {
    for stored in naming {
        let routes = |record: &Record| record.routed().any(|(routed, _)| routed == release);
        if stored.record.as_ref().is_some_and(routes) {
            let message = format!(
                "the app `{}` routes `{release}`; it can be removed once it has retired",
                stored.name
            );
            return Err(ApiError::new(Kind::Refused("still_routed"), message));
        }
        if !force {
            let message = format!(
                "a rollback of the app `{}` goes to `{release}`; send `force`: true to remove it anyway",
                stored.name
            );
            return Err(ApiError::new(Kind::Refused("way_back"), message));
        }
    }
    Ok(())
}
