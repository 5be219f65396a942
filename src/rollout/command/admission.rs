//! Admission: who may give a command at all, and when a lock or a cap refuses it.

use super::{
    asker::{Asker, Background},
    draft::Draft,
    holds::Holds,
    kinds::Command,
    refusal::Refusal,
    role::Role,
    stable,
};
use crate::{
    limits::REASON_BYTES_MAX,
    rollout::{blend::Blend, freeze::Freeze, record::Record, release::ReleaseId},
};

/// Checks whatever does not depend on what the command would change.
pub(super) fn admit(
    record: Option<&Record>,
    command: &Command,
    asker: &Asker,
    holds: &Holds,
) -> Result<(), Refusal> {
    check_role(asker.role, needs(command))?;
    check_reason("reason", &asker.reason)?;
    let is_own = repeats_own_rollback(record, command, asker) || ends_own_pause(record, command, asker);
    if !is_own && !is_stop(command) {
        check_lock(record, asker, holds)?;
        if !matches!(command, Command::Rollback { .. }) {
            check_freeze(asker, holds)?;
        }
    }
    check_named(command, asker)?;
    if record.is_none() && !may_be_first(command) {
        return Err(Refusal::no_rollout());
    }
    if record.is_some_and(Draft::is_exhausted) {
        let message = "the app has used up its numbers: start it anew under another name";
        return Err(Refusal::state("exhausted", message));
    }
    Ok(())
}

/// Refuses a role that is too low.
pub(in crate::rollout) fn check_role(role: Role, needs: Role) -> Result<(), Refusal> {
    if role < needs { Err(Refusal::Forbidden { role, needs }) } else { Ok(()) }
}

/// Refuses `ci` while a lock stands: the record's, or one that another pipeline took for itself.
pub(in crate::rollout) fn check_lock(
    record: Option<&Record>,
    asker: &Asker,
    holds: &Holds,
) -> Result<(), Refusal> {
    let others = holds.pipeline_lock_at(asker.at).filter(|lock| lock.by != asker.actor);
    match record.and_then(|record| record.lock_at(asker.at)).or(others) {
        Some(lock) if asker.role <= Role::Ci => Err(Refusal::locked(lock, asker.at)),
        _ => Ok(()),
    }
}

/// Refuses `ci` while a freeze window stands.
pub(in crate::rollout) fn check_freeze(asker: &Asker, holds: &Holds) -> Result<(), Refusal> {
    if asker.role > Role::Ci {
        return Ok(());
    }
    match holds.freeze_at(asker.at) {
        Some(Freeze { window, until }) => Err(Refusal::Frozen { window, until, now: asker.at }),
        None => Ok(()),
    }
}

/// Refuses `ci` a blend above its cap.
pub(in crate::rollout) fn check_blend_cap(
    role: Role,
    blend: Blend,
    cap: Option<Blend>,
) -> Result<(), Refusal> {
    match cap {
        Some(cap) if role <= Role::Ci && blend > cap => {
            let message = format!("{blend} is above {cap}, the most that a `ci` token may set for this app");
            Err(Refusal::Value { field: "blend", message })
        }
        _ => Ok(()),
    }
}

/// Refuses `ci` what would give a release to everybody, while the app caps what `ci` may give it to.
pub(in crate::rollout) fn check_stable_cap(
    role: Role,
    now: Option<&ReleaseId>,
    next: Option<&ReleaseId>,
    background: &Background,
) -> Result<(), Refusal> {
    let Background { ci_blend_max, ci_may_promote, .. } = background;
    match ci_blend_max {
        Some(cap) if role <= Role::Ci && !ci_may_promote && next.is_some() && next != now => {
            Err(Refusal::Capped { cap: *cap })
        }
        _ => Ok(()),
    }
}

/// A lock that a rollback set ends with the next command of an operator, so that a pipeline goes on only after a
/// person has looked.
pub(super) fn end_automatic_lock(next: &mut Record, command: &Command, asker: &Asker) {
    // Neither the router itself nor a change of settings nor a halt says that a person has looked at the release.
    let is_automatic = matches!(
        command,
        Command::FinishDrain { automatic: true, .. }
            | Command::ChangeSettings { .. }
            | Command::Pause { .. }
            | Command::Stop { .. }
            | Command::Resume
    );
    let looked = !is_automatic && !asker.is_engine();
    if asker.role >= Role::Operator && looked && next.lock.as_ref().is_some_and(|lock| lock.automatic) {
        next.lock = None;
    }
}

pub(super) fn check_reason(field: &'static str, reason: &str) -> Result<(), Refusal> {
    if reason.len() > REASON_BYTES_MAX {
        let message = format!("{} bytes long, at most {REASON_BYTES_MAX} are allowed", reason.len());
        return Err(Refusal::Value { field, message });
    }
    Ok(())
}

const fn needs(command: &Command) -> Role {
    match command {
        Command::Lock { .. }
        | Command::Unlock
        | Command::ClearStable { .. }
        | Command::Stop { .. }
        | Command::AdvancePlan { automatic: false, .. }
        | Command::ApprovePlanStep
        | Command::ChangeSettings { .. }
        | Command::Approve { .. }
        | Command::WithdrawApproval { .. }
        | Command::FinishDrain { automatic: false, .. } => Role::Operator,
        // The router itself gives this command, and no lock or role may keep a drain from ending.
        Command::FinishDrain { automatic: true, .. } => Role::Viewer,
        _ => Role::Ci,
    }
}

/// The commands for an app without a record: those that make it, and those that would stop something.
const fn may_be_first(command: &Command) -> bool {
    let begins =
        matches!(command, Command::SetCandidate { .. } | Command::SetStable { .. } | Command::AddApp);
    begins || matches!(command, Command::Abort { .. } | Command::Unlock | Command::FinishDrain { .. })
}

/// The commands that no lock refuses: abort, and the end of a drain.
const fn is_stop(command: &Command) -> bool {
    matches!(command, Command::Abort { .. } | Command::FinishDrain { automatic: true, .. })
}

/// A rollback locks `ci` out. The pipeline that gave it may have lost the answer; if it repeats the rollback, it gets the same
/// answer again.
fn repeats_own_rollback(record: Option<&Record>, command: &Command, asker: &Asker) -> bool {
    let (Some(record), Command::Rollback { to }) = (record, command) else { return false };
    let own = record.lock.as_ref().is_some_and(|lock| lock.automatic);
    own && stable::repeats_rollback(record, to.as_ref(), asker)
}

/// Who paused an app must be able to let it go on.
fn ends_own_pause(record: Option<&Record>, command: &Command, asker: &Asker) -> bool {
    let halt = record.and_then(|record| record.halt.as_ref());
    *command == Command::Resume && halt.is_some_and(|halt| halt.is_pause() && halt.by == asker.actor)
}

/// `ci` must name the release or the seq that it saw, where a mistake would release the wrong thing.
fn check_named(command: &Command, asker: &Asker) -> Result<(), Refusal> {
    let (Command::Promote { release } | Command::Abort { release } | Command::SetBlend { release, .. }) =
        command
    else {
        return Ok(());
    };
    if asker.role == Role::Ci && release.is_none() && asker.if_match.is_none() {
        return Err(Refusal::Precondition);
    }
    Ok(())
}
