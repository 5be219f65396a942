//! What another record may make of an app: one of a file that is imported, or the one that a router served before its store
//! became another one.
//!
//! That is a door like any other by which a release becomes stable, so it is held to the approvals of the record that is
//! there. Locks, caps and freezes hold back `ci`, which replaces nothing. Whoever overrules a refusal leaves an event.

use super::{
    approvals::{check_approvals, refuse_lowering},
    asker::{Asker, Background},
    refusal::Refusal,
};
use crate::{
    limits::SEQ_MAX,
    rollout::{
        approval::Approval,
        approval_standing::was_stable,
        command_name::CommandName,
        history,
        record::{DrainCause, HistoryEvent, Record},
        release::ReleaseId,
    },
};

/// What an app is to become.
#[derive(Debug, Clone, Copy)]
pub struct Replacement<'a> {
    /// None: it goes.
    pub record: Option<&'a Record>,
    /// Its setting `approvals` then.
    pub approvals: u8,
    /// The releases that its history calls stable then.
    pub stables: &'a [ReleaseId],
}

/// Refuses what would lead past the approvals. Of the background, `stables` are those of the present
/// history, `approvals` is the present setting, and `endpoints` are those that the next stable release has then.
///
/// # Errors
/// The refusal of the command that would have done the same.
pub fn check_replacement(
    present: &Record,
    replacement: &Replacement<'_>,
    asker: &Asker,
    background: &Background,
) -> Result<(), Refusal> {
    if background.approvals == 0 {
        return Ok(());
    }
    let Some(next) = replacement.record else {
        let needed = background.approvals;
        let message =
            format!("the setting `approvals` is {needed}: operators lower it to 0 before the app goes");
        return Err(Refusal::state("approvals_set", message));
    };
    refuse_lowering(Some(present), background.approvals, replacement.approvals, asker)?;
    let was_stable =
        |release: &ReleaseId| was_stable(present, release) || counts_as_stable(present, background, release);
    let stable = next.stable_release();
    if let Some(release) = stable.filter(|release| !was_stable(release)) {
        check_approvals(Some(present), release, asker, background)?;
    }
    // A rollback goes there without approvals.
    let drained = next.draining.iter().filter(|draining| draining.cause != DrainCause::Raw);
    let drained = drained.map(|draining| &draining.release);
    let mut ways_back = next.previous.iter().chain(drained).chain(replacement.stables);
    if let Some(release) = ways_back.find(|release| Some(*release) != stable && !was_stable(release)) {
        let message = format!(
            "{release} would count as stable before, and never was: this app needs approvals for that"
        );
        return Err(Refusal::state("approvals_missing", message));
    }
    refuse_new_approvals(present, next)
}

fn counts_as_stable(present: &Record, background: &Background, release: &ReleaseId) -> bool {
    present.previous.as_ref() == Some(release)
        || background.stables.iter().any(|stable| stable.release == *release)
}

/// Nobody brings approvals along: they are given by operators, in this app as it is.
fn refuse_new_approvals(present: &Record, next: &Record) -> Result<(), Refusal> {
    let of_releases = next.approvals.iter().find_map(|approvals| {
        let known = present.approvals.iter().find(|known| {
            known.release == approvals.release
                && known.tenure == approvals.tenure
                && known.endpoints == approvals.endpoints
        });
        new_one(&approvals.given, known.map(|known| known.given.as_slice()))
    });
    let of_lowerings = || {
        next.lowerings.iter().find_map(|lowering| {
            let known = present.lowerings.iter().find(|known| known.to == lowering.to);
            new_one(&lowering.given, known.map(|known| known.given.as_slice()))
        })
    };
    match of_releases.or_else(of_lowerings) {
        None => Ok(()),
        Some(approval) => {
            let message = format!("the record holds an approval of {} that was not given here", approval.by);
            Err(Refusal::state("approvals_missing", message))
        }
    }
}

fn new_one<'a>(given: &'a [Approval], known: Option<&[Approval]>) -> Option<&'a Approval> {
    given.iter().find(|approval| !known.unwrap_or_default().contains(approval))
}

/// The event by which an app becomes another record in spite of a refusal. Its seq is above both, so that nobody takes it for
/// either.
pub fn replace(present: &Record, next: Record, asker: &Asker) -> HistoryEvent {
    let seq = present.seq.max(next.seq).saturating_add(1).min(SEQ_MAX);
    let record = Record {
        seq,
        command: CommandName::Restore,
        actor: asker.actor.clone(),
        reason: asker.reason.clone(),
        at: asker.at,
        ..next
    };
    HistoryEvent { changed: history::changed(present, &record), record, receipt: None }
}
