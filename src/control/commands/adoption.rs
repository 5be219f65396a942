//! Adoption: what a script wrote to the old keys in the store itself becomes part of the record.

use std::{collections::BTreeSet, sync::atomic::Ordering};

use keyvalues::Revision;

use super::{
    commit::{Commit, Plan},
    gate::GateQuestion,
    raw_gate::{GateVerdict, RawStable},
    stored::{EndpointsOfReleases, StoredApp, registered_endpoints},
    transact::transact_as_stored,
};
use crate::{
    control::{
        limits::GATE_REPEATS_MAX,
        shared::{
            core::Core,
            error::{ApiError, Kind},
        },
    },
    rollout::{
        adopt::{Adoption, OldKeys, adopt, is_mirrored},
        app::AppName,
        command::{Asker, Background, Decision, Role},
        commit::of_adoption,
        record::{HistoryEvent, Record},
        release::ReleaseId,
    },
};

/// The actor of a change that nobody made through the API.
const OUTSIDE: &str = "keyvalues";

/// The actor of the first event of an app that a router's keyvalues file set up.
const SET_UP: &str = "rolling-router";

/// What has become of the old keys of an app.
enum Step {
    /// They are adopted, at this revision of the app, or wait.
    Done(Revision),
    /// Endpoints have to be asked first.
    Ask(GateQuestion),
}

/// Adopts what the old keys say, or writes mirrored keys back that were deleted. Gives the store revision of the app
/// after that.
pub async fn adopt_raw_writes(core: &Core, app: &AppName) -> Result<Revision, ApiError> {
    let mut verdict = None;
    for _ in 0..=GATE_REPEATS_MAX {
        match attempt(core, app, verdict.as_ref()).await? {
            Step::Done(revision) => return Ok(revision),
            // Asked while the app is not locked, so that nobody waits for these endpoints.
            Step::Ask(question) => verdict = Some(GateVerdict::of(core, question).await),
        }
    }
    let message = format!("the endpoints of `{app}` keep changing while they are asked; try again");
    Err(ApiError::new(Kind::Contended, message))
}

async fn attempt(core: &Core, app: &AppName, verdict: Option<&GateVerdict>) -> Result<Step, ApiError> {
    transact_as_stored(core, app, move |stored, _| async move {
        // A lost record is written back first, and one of a newer version is for its members.
        if stored.is_absent() || stored.is_lost || stored.is_unreadable {
            return Ok(Plan::Nothing(Step::Done(0)));
        }
        let PlannedAdoption { adoption, raw } = plan_adoption(core, &stored, verdict).await?;
        if let Some(question) = raw.as_ref().and_then(RawStable::question) {
            return Ok(Plan::Nothing(Step::Ask(question.clone())));
        }
        RawStable::note(raw.as_ref(), core, &stored, &adoption);
        Ok(match adoption_commit(&stored, &adoption) {
            Some(commit) => Plan::write(commit, Step::Done),
            None => Plan::Nothing(Step::Done(stored.revision())),
        })
    })
    .await
}

/// What the old keys of an app mean.
pub struct PlannedAdoption {
    pub adoption: Adoption,
    /// The release that `stable/id` would make stable in the place of another one. It counts as one that does not pass while
    /// it was not asked.
    pub raw: Option<RawStable>,
}

/// Decides what the old keys mean.
pub async fn plan_adoption(
    core: &Core,
    stored: &StoredApp,
    verdict: Option<&GateVerdict>,
) -> Result<PlannedAdoption, ApiError> {
    let old = stored.old_keys();
    if stored.record.as_ref().is_some_and(|record| is_mirrored(record, &old)) {
        // Usually the keys mirror the record, and nothing else has to be read.
        return Ok(PlannedAdoption { adoption: Adoption::nothing(), raw: None });
    }
    let named = named_endpoints(core, &old, stored.record.as_ref()).await?;
    let count = |release: &ReleaseId| named.get(release).map_or(0, BTreeSet::len);
    let raw = RawStable::find(core, stored, (&old, stored.stable_written()), &named, verdict);
    let background = Background {
        endpoints: named.clone(),
        unfit: raw.as_ref().and_then(RawStable::unfit),
        ..stored.background(core, false).await?
    };
    let asker = outside_asker(core, stored.record.is_none());
    let adoption = adopt(stored.record.as_ref(), &old, &asker, &background, &count);
    Ok(PlannedAdoption { adoption, raw })
}

/// The commit of an adoption; none if it writes nothing.
pub fn adoption_commit(stored: &StoredApp, adopted: &Adoption) -> Option<Commit> {
    let plan = of_adoption(&stored.name, stored.record.as_ref(), adopted);
    (!plan.is_empty()).then(|| stored.commit(event_of(adopted), plan, Vec::new()))
}

/// The event that an adoption makes, if it changes the record.
pub fn event_of(adopted: &Adoption) -> Option<&HistoryEvent> {
    match &adopted.decision {
        Decision::Change(event) => Some(event),
        Decision::Unchanged => None,
    }
}

/// Which endpoints the releases have that old keys name, and those on the tracks.
pub async fn named_endpoints(
    core: &Core,
    old: &OldKeys,
    record: Option<&Record>,
) -> Result<EndpointsOfReleases, ApiError> {
    let named = [&old.stable, &old.candidate].into_iter().flatten();
    let named = named.filter_map(|id| ReleaseId::parse_nullable(id).ok().flatten());
    let on_tracks = record.into_iter().flat_map(|record| record.stable.iter().chain(&record.candidate));
    let mut releases: Vec<ReleaseId> = named.chain(on_tracks.map(|stay| stay.release.clone())).collect();
    releases.sort();
    releases.dedup();
    registered_endpoints(core, &releases).await
}

/// Who adopts: nobody by name, since the store does not tell who wrote the keys.
fn outside_asker(core: &Core, is_first: bool) -> Asker {
    let by_router = is_first && core.replica.has_set_up.load(Ordering::Relaxed);
    let (actor, reason) = match (by_router, is_first) {
        (true, _) => (SET_UP, "the router set the app up from its keyvalues file"),
        (false, true) => (OUTSIDE, "the app was set up by keyvalues in the store"),
        (false, false) => (OUTSIDE, "the old keys were changed in the store, by a script or by hand"),
    };
    Asker {
        actor: actor.to_owned(),
        token: String::new(),
        role: Role::Admin,
        reason: reason.to_owned(),
        at: core.clock.wall_ms(),
        if_match: None,
    }
}
