//! Commands that set and end the lock.

use super::{
    admission,
    case::{Case, Effect},
    draft::Draft,
    refusal::Refusal,
};
use crate::rollout::record::Lock;

/// `lock`.
pub(super) fn lock(
    case: &Case<'_>,
    draft: &mut Draft<'_>,
    reason: &str,
    until: Option<u64>,
) -> Result<Effect, Refusal> {
    admission::check_reason("reason", reason)?;
    case.check_if_match()?;
    let asker = case.asker;
    if let Some(until) = until.filter(|until| *until <= asker.at) {
        let message = format!("{until} has passed already (now is {}, both in Unix ms)", asker.at);
        return Err(Refusal::Value { field: "until", message });
    }
    let stands = draft.next.lock.as_ref();
    if stands.is_some_and(|lock| lock.reason == reason && lock.until == until && lock.by == asker.actor) {
        return Ok(Effect::Unchanged);
    }
    let (reason, by) = (reason.to_owned(), asker.actor.clone());
    draft.next.lock = Some(Lock { reason, by, at: asker.at, until, automatic: false, holder: None });
    Ok(Effect::Changed)
}

/// `unlock`.
pub(super) fn unlock(case: &Case<'_>, draft: &mut Draft<'_>) -> Result<Effect, Refusal> {
    if case.record.is_none_or(|record| record.lock.is_none()) {
        return Ok(Effect::Unchanged);
    }
    case.check_if_match()?;
    draft.next.lock = None;
    Ok(Effect::Changed)
}
