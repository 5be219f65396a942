//! Commands about the candidate: put it there, set its blend, drop it.

use super::{
    admission::check_blend_cap,
    case::{Case, Effect},
    draft::{Departure, Draft},
    plan,
    refusal::Refusal,
    role::Role,
};
use crate::rollout::{blend::Blend, command_name::CommandName, record::LeaveReason, release::ReleaseId};

/// `set candidate`.
pub(super) fn set(
    case: &Case<'_>,
    draft: &mut Draft<'_>,
    release: &ReleaseId,
    (blend, plan): (Option<Blend>, Option<&str>),
    replace: Option<&ReleaseId>,
) -> Result<Effect, Refusal> {
    if blend.is_some() && plan.is_some() {
        let message = "a plan has blends of its own; send either `blend` or `plan`".to_owned();
        return Err(Refusal::Value { field: "plan", message });
    }
    if draft.next.candidate_release() == Some(release) {
        if let Some(plan) = plan {
            return plan::start(case, draft, plan);
        }
        return match blend {
            Some(blend) if blend != draft.next.blend => change_blend(case, draft, blend),
            _ => Ok(Effect::Unchanged),
        };
    }
    if was_promoted(case, draft, release) {
        return Ok(Effect::Unchanged);
    }
    check_replace(case, draft, release, replace)?;
    case.check_if_match()?;
    if draft.next.stable_release() == Some(release) {
        let message = format!("{release} is the stable release already");
        return Err(Refusal::state("release_is_stable", message));
    }
    let blend = blend.unwrap_or(Blend::ZERO);
    check_cap(case, blend)?;
    let stable = draft.next.stable_release().cloned();
    draft.set_tracks(stable, Some(release.clone()), Departure::Leave(LeaveReason::Replaced));
    draft.next.blend = blend;
    if let Some(plan) = plan {
        plan::begin(case, draft, plan)?;
    }
    Ok(Effect::Changed)
}

/// Whether the last change of the tracks promoted this release. A pipeline that runs again sets as candidate what its first run
/// made stable; nothing is left to do then.
fn was_promoted(case: &Case<'_>, draft: &Draft<'_>, release: &ReleaseId) -> bool {
    let last = case.record.and_then(|record| record.last_move.as_ref());
    let is_promote = last.is_some_and(|last| last.command == CommandName::Promote);
    is_promote && draft.next.stable_release() == Some(release) && draft.next.candidate.is_none()
}

/// Refuses to replace another candidate than the one that is named. `ci` must name a candidate that serves clients.
fn check_replace(
    case: &Case<'_>,
    draft: &Draft<'_>,
    release: &ReleaseId,
    replace: Option<&ReleaseId>,
) -> Result<(), Refusal> {
    let Some(candidate) = draft.next.candidate_release() else { return Ok(()) };
    match replace {
        Some(named) if named != candidate => Err(Refusal::other_candidate(named, candidate)),
        None if case.asker.role <= Role::Ci && draft.next.blend > Blend::ZERO => {
            let blend = draft.next.blend;
            let message = format!(
                "{candidate} is the candidate, at blend {blend}: to replace it by {release}, \
                 send \"replace\": \"{candidate}\""
            );
            Err(Refusal::state("candidate_in_use", message))
        }
        _ => Ok(()),
    }
}

/// `set blend`.
pub(super) fn set_blend(
    case: &Case<'_>,
    draft: &mut Draft<'_>,
    blend: Blend,
    release: Option<&ReleaseId>,
) -> Result<Effect, Refusal> {
    match (release, draft.next.candidate_release()) {
        (Some(named), Some(candidate)) if named != candidate => {
            return Err(Refusal::other_candidate(named, candidate));
        }
        (Some(named), None) if was_promoted(case, draft, named) => return Ok(Effect::Unchanged),
        (Some(_), None) => return Err(Refusal::no_candidate()),
        (Some(_), Some(_)) if draft.next.blend == blend => return Ok(Effect::Unchanged),
        _ => {}
    }
    case.check_if_match()?;
    if draft.next.blend == blend {
        return Ok(Effect::Unchanged);
    }
    // Without a candidate a blend has no effect now, nor later: a candidate starts with a blend of its own.
    if draft.next.candidate.is_none() && blend > Blend::ZERO {
        return Err(Refusal::no_candidate());
    }
    change_blend(case, draft, blend)
}

fn change_blend(case: &Case<'_>, draft: &mut Draft<'_>, blend: Blend) -> Result<Effect, Refusal> {
    case.check_if_match()?;
    check_cap(case, blend)?;
    draft.next.blend = blend;
    Ok(Effect::Changed)
}

fn check_cap(case: &Case<'_>, blend: Blend) -> Result<(), Refusal> {
    check_blend_cap(case.asker.role, blend, case.background.ci_blend_max)
}

/// `abort`.
pub(super) fn abort(
    case: &Case<'_>,
    draft: &mut Draft<'_>,
    release: Option<&ReleaseId>,
) -> Result<Effect, Refusal> {
    if let Some(named) = release.filter(|named| draft.next.stable_release() == Some(*named)) {
        // "unchanged" would tell a pipeline that the release serves nobody, while it serves everyone.
        let message = format!("{named} is the stable release: roll back instead");
        return Err(Refusal::state("release_is_stable", message));
    }
    let Some(candidate) = draft.next.candidate_release() else { return Ok(Effect::Unchanged) };
    if let Some(named) = release.filter(|named| *named != candidate) {
        let last_move = case.record.and_then(|record| record.last_move.as_ref());
        let dropped = last_move.and_then(|last| last.dropped.as_ref());
        let refusal = Refusal::other_candidate(named, candidate);
        return if dropped == Some(named) { Ok(Effect::Unchanged) } else { Err(refusal) };
    }
    case.check_if_match()?;
    let stable = draft.next.stable_release().cloned();
    draft.set_tracks(stable, None, Departure::Leave(LeaveReason::Abort));
    draft.next.blend = Blend::ZERO;
    Ok(Effect::Changed)
}
