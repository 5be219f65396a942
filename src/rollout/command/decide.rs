//! Deciding a command.

use super::{
    admission, approvals,
    asker::{Asker, Background},
    candidate,
    case::{Case, Effect},
    decision::Decision,
    draft::Draft,
    drain, endpoint, halt,
    kinds::Command,
    lock, plan, recycle,
    refusal::Refusal,
    stable, sticky,
};
use crate::rollout::{command_name::CommandName, record::Record, release::ReleaseId};

/// Decides a command on an app's record (`None`: the app has none yet).
///
/// The caller commits the outcome on the condition that the record has not changed since it was read.
///
/// # Errors
/// The command is refused: by role, lock, If-Match, a value, or the app's state.
pub fn decide(
    record: Option<&Record>,
    command: &Command,
    asker: &Asker,
    background: &Background,
) -> Result<Decision, Refusal> {
    admission::admit(record, command, asker, &background.holds)?;
    let mut draft = Draft::of(record, asker, background);
    admission::end_automatic_lock(&mut draft.next, command, asker);
    let case = Case { record, asker, background };
    let effect = match command {
        Command::SetCandidate { release, blend, replace, plan, .. } => {
            candidate::set(&case, &mut draft, release, (*blend, plan.as_deref()), replace.as_ref())
        }
        Command::SetBlend { blend, release } => {
            candidate::set_blend(&case, &mut draft, *blend, release.as_ref())
        }
        Command::Abort { release } => candidate::abort(&case, &mut draft, release.as_ref()),
        Command::SetSticky { sticky } => sticky::set(&case, &mut draft, *sticky),
        Command::Promote { release } => stable::promote(&case, &mut draft, release.as_ref()),
        Command::SetStable { release, .. } => stable::set(&case, &mut draft, release),
        Command::ClearStable { force } => stable::clear(&case, &mut draft, *force),
        // Only an app without a record is there to be made.
        Command::AddApp if record.is_none() => Ok(Effect::Changed),
        Command::AddApp | Command::SetFacts { .. } => Ok(Effect::Unchanged),
        Command::ChangeSettings { approvals } => change_settings(&case, &mut draft, *approvals),
        Command::Approve { subject } => approvals::approve(&case, &mut draft, subject),
        Command::WithdrawApproval { subject } => approvals::withdraw(&case, &mut draft, subject),
        Command::Rollback { to } => stable::rollback(&case, &mut draft, to.as_ref()),
        Command::Lock { reason, until } => lock::lock(&case, &mut draft, reason, *until),
        Command::Unlock => lock::unlock(&case, &mut draft),
        Command::Pause { seconds } => halt::pause(&case, &mut draft, *seconds),
        Command::Stop { message } => halt::stop(&case, &mut draft, message),
        Command::Resume => halt::resume(&case, &mut draft),
        Command::StartPlan { name } => plan::start(&case, &mut draft, name),
        Command::PausePlan => plan::pause(&case, &mut draft),
        Command::ResumePlan => plan::resume(&case, &mut draft),
        Command::AdvancePlan { from, .. } => plan::advance(&case, &mut draft, *from),
        Command::ApprovePlanStep => plan::approve(&case, &mut draft),
        Command::StopPlan => Ok(plan::stop(&mut draft)),
        Command::DrainEndpoint { release, address, seconds, softly } => {
            endpoint::drain(&case, &mut draft, (release, *address), *seconds, *softly)
        }
        Command::BeginRecycle { release, outgoing, ends_approvals } => {
            recycle::begin(&case, &mut draft, release, outgoing, *ends_approvals)
        }
        Command::ReplaceEndpoint { release, old, new } => {
            recycle::replace_endpoint(&case, &mut draft, release, *old, *new)
        }
        Command::EndRecycle { release } => recycle::end(&case, &mut draft, release),
        Command::UndrainEndpoint { release, address } => {
            endpoint::undrain(&case, &mut draft, (release, *address))
        }
        Command::FinishDrain { tenure, automatic } => drain::finish(&case, &mut draft, *tenure, *automatic),
    }?;
    conclude(&case, draft, command, effect)
}

/// What comes of a command that has done to its draft what it is about.
fn conclude(
    case: &Case<'_>,
    mut draft: Draft<'_>,
    command: &Command,
    effect: Effect,
) -> Result<Decision, Refusal> {
    let says_news = put_facts(&mut draft, command);
    Ok(match effect {
        Effect::Changed => {
            // The way back is never capped: what it leads to was stable before.
            if !matches!(command, Command::Rollback { .. }) {
                check_stable(case, draft.next.stable_release())?;
            }
            draft.finish(command.name())
        }
        Effect::Unchanged if says_news => {
            case.check_if_match()?;
            draft.finish(CommandName::SetFacts)
        }
        Effect::Unchanged => Decision::Unchanged,
    })
}

/// Puts down what a command says of its release, which it has put on a track or found there. Whether that is news.
fn put_facts(draft: &mut Draft<'_>, command: &Command) -> bool {
    match command {
        Command::SetCandidate { release, facts, .. }
        | Command::SetStable { release, facts }
        | Command::SetFacts { release, facts } => draft.put_facts(release, facts),
        _ => false,
    }
}

/// Refuses a release that may not be given to everybody.
fn check_stable(case: &Case<'_>, next: Option<&ReleaseId>) -> Result<(), Refusal> {
    let now = case.record.and_then(Record::stable_release);
    admission::check_stable_cap(case.asker.role, now, next, case.background)?;
    match next.filter(|next| now != Some(*next)) {
        Some(next) => approvals::check_approvals(case.record, next, case.asker, case.background),
        None => Ok(()),
    }
}

/// The caller compares the settings; here it is known that they differ.
fn change_settings(case: &Case<'_>, draft: &mut Draft<'_>, approvals: u8) -> Result<Effect, Refusal> {
    case.check_if_match()?;
    approvals::check_lowering(case, approvals)?;
    if approvals != case.background.approvals {
        // What was approved was approved of the value that it had.
        draft.next.lowerings.clear();
    }
    Ok(Effect::Changed)
}
