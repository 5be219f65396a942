//! Commands that halt an app, and the one that lets its requests go on.

use super::{
    case::{Case, Effect},
    draft::Draft,
    refusal::Refusal,
};
use crate::rollout::halt::{Halt, HaltKind, MESSAGE_BYTES_MAX, PAUSE_SECONDS_MAX};

/// `pause`. To repeat it changes nothing while it lasts; another length, or another asker, begins the time anew.
pub(super) fn pause(case: &Case<'_>, draft: &mut Draft<'_>, seconds: u32) -> Result<Effect, Refusal> {
    case.check_if_match()?;
    if !(1..=PAUSE_SECONDS_MAX).contains(&seconds) {
        let message = format!("{seconds} is not a whole number of seconds from 1 to {PAUSE_SECONDS_MAX}");
        return Err(Refusal::Value { field: "seconds", message });
    }
    if draft.next.halt.as_ref().is_some_and(|halt| !halt.is_pause()) {
        return Err(Refusal::state("stopped", "the app is stopped: `resume` it first"));
    }
    let repeats = |halt: &Halt| {
        let lasts = case.asker.at < halt.at.saturating_add(halt.length_ms());
        halt.seconds == seconds && halt.by == case.asker.actor && lasts
    };
    if draft.next.halt.as_ref().is_some_and(repeats) {
        return Ok(Effect::Unchanged);
    }
    let (by, at) = (case.asker.actor.clone(), case.asker.at);
    draft.next.halt = Some(Halt { kind: HaltKind::Pause, seconds, message: String::new(), by, at });
    Ok(Effect::Changed)
}

/// `stop`. Requests that wait in a pause are answered.
pub(super) fn stop(case: &Case<'_>, draft: &mut Draft<'_>, message: &str) -> Result<Effect, Refusal> {
    case.check_if_match()?;
    if message.len() > MESSAGE_BYTES_MAX {
        let message = format!("{} bytes long, at most {MESSAGE_BYTES_MAX} are allowed", message.len());
        return Err(Refusal::Value { field: "message", message });
    }
    if draft.next.halt.as_ref().is_some_and(|halt| !halt.is_pause() && halt.message == message) {
        return Ok(Effect::Unchanged);
    }
    let (by, at) = (case.asker.actor.clone(), case.asker.at);
    draft.next.halt = Some(Halt { kind: HaltKind::Stop, seconds: 0, message: message.to_owned(), by, at });
    Ok(Effect::Changed)
}

/// `resume`.
pub(super) fn resume(case: &Case<'_>, draft: &mut Draft<'_>) -> Result<Effect, Refusal> {
    let Some(halt) = &draft.next.halt else { return Ok(Effect::Unchanged) };
    if !halt.is_pause() {
        super::admission::check_role(case.asker.role, super::role::Role::Operator)?;
    }
    case.check_if_match()?;
    draft.next.halt = None;
    Ok(Effect::Changed)
}
