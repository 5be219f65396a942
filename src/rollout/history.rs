//! History: what the events of an app say about its earlier stable releases, and about one change.
//!
//! A rollback asks it for two things: whether its target was ever stable, and what was stable before that. The
//! answer to the second is what the record itself called `previous` at that time, so a release that was rolled back
//! from is never offered again as the way back. Only the newest [`crate::limits::EVENTS_MAX`] events are kept.

use serde_json::{Map, Value, json};

use super::{plan::RunningPlan, record::Record, release::ReleaseId};

/// A release that was stable at some time, and the way back from it as it was then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastStable {
    /// The release.
    pub release: ReleaseId,
    /// What `previous` was while it was stable.
    pub previous: Option<ReleaseId>,
}

/// The stable releases of a history, newest first, as [`super::command::Background::stables`] wants them. Takes the
/// records of the events, newest first.
pub fn stables<'a>(newest_first: impl IntoIterator<Item = &'a Record>) -> Vec<PastStable> {
    let mut stables: Vec<PastStable> = Vec::new();
    for record in newest_first {
        let Some(release) = record.stable_release().cloned() else { continue };
        let stable = PastStable { release, previous: record.previous.clone() };
        if stables.last() != Some(&stable) {
            stables.push(stable);
        }
    }
    stables
}

/// The release before `release` in the history: the newest one that was `previous` while `release` was stable, and
/// never `not`.
pub(super) fn before(
    stables: &[PastStable],
    release: &ReleaseId,
    not: Option<&ReleaseId>,
) -> Option<ReleaseId> {
    let while_stable = stables.iter().filter(|stable| stable.release == *release);
    let mut earlier = while_stable.filter_map(|stable| stable.previous.as_ref());
    earlier.find(|previous| *previous != release && Some(*previous) != not).cloned()
}

/// What changed between two records: field name to `[before, after]`; releases by their ids, since the record of the
/// event has the rest.
pub(super) fn changed(before: &Record, after: &Record) -> Map<String, Value> {
    let mut changed = fields(after);
    for (name, was) in fields(before) {
        let is = changed.remove(&name).unwrap_or_default();
        if was != is {
            changed.insert(name, json!([was, is]));
        }
    }
    changed
}

fn fields(record: &Record) -> Map<String, Value> {
    let draining: Vec<_> = record.draining.iter().map(|draining| &draining.release).collect();
    let drains = record.endpoint_drains.iter().map(|drain| format!("{}/{}", drain.release, drain.address));
    let recycles = record
        .recycles
        .iter()
        .flat_map(|recycle| recycle.outgoing.iter().map(|address| format!("{}/{address}", recycle.release)));
    let approvals = record.approvals.iter().flat_map(|approvals| {
        approvals.given.iter().map(|approval| format!("{}/{}", approvals.release, approval.by))
    });
    let lowerings = record.lowerings.iter().flat_map(|lowering| {
        lowering.given.iter().map(|approval| format!("{}/{}", lowering.to, approval.by))
    });
    let unregistered = record.unregistered.iter().map(|known| format!("{}/{}", known.release, known.address));
    let fields = json!({
        "approvals": approvals.collect::<Vec<_>>(),
        "lowerings": lowerings.collect::<Vec<_>>(),
        "endpoint_drains": drains.collect::<Vec<_>>(),
        "recycles": recycles.collect::<Vec<_>>(),
        "unregistered": unregistered.collect::<Vec<_>>(),
        "stable": record.stable_release(),
        "candidate": record.candidate_release(),
        "blend": record.blend,
        "sticky": record.sticky,
        "previous": record.previous,
        "draining": draining,
        "lock": record.lock,
        "halt": record.halt,
        "plan": record.plan.as_ref().map(RunningPlan::in_words),
    });
    match fields {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}
