//! Commands about the stable release: promote, set it, roll back.

use super::{
    asker::Asker,
    case::{Case, Effect},
    draft::{Departure, Draft},
    refusal::Refusal,
};
use crate::rollout::{
    blend::Blend,
    command_name::CommandName,
    history,
    record::{DrainCause, LeaveReason, Lock, Record},
    release::ReleaseId,
};

/// `promote`.
pub(super) fn promote(
    case: &Case<'_>,
    draft: &mut Draft<'_>,
    release: Option<&ReleaseId>,
) -> Result<Effect, Refusal> {
    match (release, draft.next.candidate_release()) {
        (Some(named), None) if draft.next.stable_release() == Some(named) && made_stable(case) => {
            return Ok(Effect::Unchanged);
        }
        (Some(named), Some(candidate)) if named != candidate => {
            return Err(Refusal::other_candidate(named, candidate));
        }
        (Some(_), None) => return Err(Refusal::no_candidate()),
        _ => {}
    }
    case.check_if_match()?;
    move_candidate(draft)
}

/// Whether the last change of the tracks made a release stable, other than by a rollback.
fn made_stable(case: &Case<'_>) -> bool {
    let last = case.record.and_then(|record| record.last_move.as_ref());
    matches!(
        last.map(|last| &last.command),
        Some(CommandName::Promote | CommandName::SetStable | CommandName::Raw)
    )
}

fn move_candidate(draft: &mut Draft<'_>) -> Result<Effect, Refusal> {
    let candidate = draft.next.candidate_release().cloned();
    let candidate = candidate.ok_or_else(Refusal::no_candidate)?;
    draft.set_tracks(Some(candidate), None, Departure::Drain(DrainCause::Promote));
    draft.next.blend = Blend::ZERO;
    draft.set_previous();
    Ok(Effect::Changed)
}

/// `set stable`.
pub(super) fn set(case: &Case<'_>, draft: &mut Draft<'_>, release: &ReleaseId) -> Result<Effect, Refusal> {
    if draft.next.stable_release() == Some(release) {
        return Ok(Effect::Unchanged);
    }
    case.check_if_match()?;
    let candidate = draft.next.candidate_release().cloned();
    if candidate.as_ref() == Some(release) {
        return move_candidate(draft);
    }
    draft.set_tracks(Some(release.clone()), candidate, Departure::Drain(DrainCause::SetStable));
    draft.set_previous();
    Ok(Effect::Changed)
}

/// `clear stable`.
pub(super) fn clear(case: &Case<'_>, draft: &mut Draft<'_>, force: bool) -> Result<Effect, Refusal> {
    let Some(stable) = draft.next.stable_release() else { return Ok(Effect::Unchanged) };
    case.check_if_match()?;
    if let Some(candidate) = draft.next.candidate_release() {
        let message = format!("{candidate} is the candidate: abort it first, or promote it");
        return Err(Refusal::state("candidate_in_use", message));
    }
    if !force {
        let message = format!(
            "{stable} serves the app, and new clients would get 503 without it; send `force`: true to clear it anyway"
        );
        return Err(Refusal::state("still_routed", message));
    }
    draft.set_tracks(None, None, Departure::Drain(DrainCause::SetStable));
    draft.set_previous();
    Ok(Effect::Changed)
}

/// `rollback`.
pub(super) fn rollback(
    case: &Case<'_>,
    draft: &mut Draft<'_>,
    to: Option<&ReleaseId>,
) -> Result<Effect, Refusal> {
    let Some(record) = case.record else { return Err(Refusal::no_rollout()) };
    if repeats_rollback(record, to, case.asker) {
        return Ok(Effect::Unchanged);
    }
    case.check_if_match()?;
    let target = target(case, record, to)?;
    let from = record.stable_release();
    let previous = history::before(&case.background.stables, &target, from);
    draft.set_tracks(Some(target.clone()), None, Departure::Leave(LeaveReason::Rollback));
    draft.next.blend = Blend::ZERO;
    draft.next.previous = previous;
    draft.next.lock = Some(lock_out(case, record, &target));
    Ok(Effect::Changed)
}

/// Whether the last move was this rollback already. Without a target, a second rollback would go one release further back,
/// and nobody wants that from a click or a call that was only repeated. It does go back further for somebody who has seen the
/// outcome of the first one (If-Match), or who names a target.
pub(super) fn repeats_rollback(record: &Record, to: Option<&ReleaseId>, asker: &Asker) -> bool {
    let there = match to {
        Some(to) => record.stable_release() == Some(to),
        None => asker.if_match != Some(record.seq),
    };
    let last = record.last_move.as_ref().map(|last| &last.command);
    there && last == Some(&CommandName::Rollback) && record.candidate.is_none()
}

/// The release that a rollback goes to: `previous`, or any release that was stable before.
fn target(case: &Case<'_>, record: &Record, to: Option<&ReleaseId>) -> Result<ReleaseId, Refusal> {
    let Some(to) = to else {
        let none = "the app has no previous release to go back to: name a release of its history";
        return record.previous.clone().ok_or_else(|| Refusal::state("no_previous", none));
    };
    if record.stable_release() == Some(to) {
        let hint = if record.candidate.is_some() { ": abort drops the candidate" } else { "" };
        return Err(Refusal::state("release_is_stable", format!("{to} is the stable release already{hint}")));
    }
    let known = record.previous.as_ref() == Some(to)
        || case.background.stables.iter().any(|stable| stable.release == *to);
    if !known {
        let message =
            format!("{to} was never stable in this app's history: set it as candidate, or as stable");
        return Err(Refusal::state("not_in_history", message));
    }
    Ok(to.clone())
}

/// The lock that refuses `ci` after a rollback. A lock that a person set stays instead, and loses its end, since it now holds
/// for the rollback as well.
fn lock_out(case: &Case<'_>, record: &Record, target: &ReleaseId) -> Lock {
    let asker = case.asker;
    match record.lock_at(asker.at).filter(|lock| !lock.automatic) {
        Some(lock) => Lock { until: None, ..lock.clone() },
        None => Lock {
            reason: format!("rolled back to {target}; an operator's next command ends this lock"),
            by: asker.actor.clone(),
            at: asker.at,
            until: None,
            automatic: true,
            holder: None,
        },
    }
}
