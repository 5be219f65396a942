//! The commit plan: the keys that one change writes, all together or not at all (docs/design.md section 3).
//!
//! Pure lists of writes; the caller adds its checks (the record and whatever else it read has not changed) and
//! commits once. At most seven writes, far below what any store takes.

use super::{
    adopt::{Adoption, OldKey, mirror},
    app::AppName,
    command::Decision,
    command_name::CommandName,
    keys,
    record::{HistoryEvent, Record},
};
use crate::limits::EVENTS_MAX;

/// One write: the key, and its new value or `None` for a deletion. A plan names no key twice.
pub type Write = (String, Option<Vec<u8>>);

/// The writes of a command: the record, its event, the four old keys that mirror it, and the deletion of the event that is
/// one too many. What changes neither a track nor a lock does not write the old keys: a raw write that still waits must not be
/// undone.
pub fn of_command(app: &AppName, event: &HistoryEvent) -> Vec<Write> {
    let beside = matches!(
        event.record.command,
        CommandName::Retire
            | CommandName::SetFacts
            | CommandName::ChangeSettings
            | CommandName::Approve
            | CommandName::WithdrawApproval
            | CommandName::PausePlan
            | CommandName::ApprovePlanStep
            | CommandName::StopPlan
            | CommandName::DrainEndpoint
            | CommandName::UndrainEndpoint
            | CommandName::BeginRecycle
            | CommandName::ReplaceEndpoint
            | CommandName::EndRecycle
            | CommandName::HoldEndpoints
            | CommandName::DropEndpoints
    );
    let mirror: &[OldKey] = if beside { &[] } else { &OldKey::ALL };
    of_change(app, event, mirror)
}

/// The writes of an adoption. Without a change of the record they only repair the old keys: a deleted one is written back.
/// `record` is the record that was adopted into.
pub fn of_adoption(app: &AppName, record: Option<&Record>, adoption: &Adoption) -> Vec<Write> {
    match (&adoption.decision, record) {
        (Decision::Change(event), _) => of_change(app, event, &adoption.mirror),
        (Decision::Unchanged, Some(record)) => mirror_writes(app, record, &adoption.mirror),
        (Decision::Unchanged, None) => Vec::new(),
    }
}

/// The writes of a raw write through the API: those of its adoption, and the value itself, unless the adoption writes that
/// key already.
pub fn of_raw_write(
    app: &AppName,
    key: OldKey,
    value: Option<Vec<u8>>,
    record: Option<&Record>,
    adoption: &Adoption,
) -> Vec<Write> {
    let mut writes = of_adoption(app, record, adoption);
    let key = key.key(app);
    if writes.iter().all(|(written, _)| *written != key) {
        writes.push((key, value));
    }
    writes
}

fn of_change(app: &AppName, event: &HistoryEvent, old: &[OldKey]) -> Vec<Write> {
    let seq = event.record.seq;
    let mut writes =
        vec![(keys::record(app), Some(json(&event.record))), (keys::event(app, seq), Some(json(event)))];
    if seq > EVENTS_MAX {
        writes.push((keys::event(app, seq - EVENTS_MAX), None));
    }
    writes.extend(mirror_writes(app, &event.record, old));
    writes
}

fn mirror_writes(app: &AppName, record: &Record, old: &[OldKey]) -> Vec<Write> {
    let values = mirror(record);
    old.iter().map(|key| (key.key(app), values.get(*key).map(|value| value.as_bytes().to_vec()))).collect()
}

fn json<T: serde::Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).expect("records have text keys and finite numbers")
}
