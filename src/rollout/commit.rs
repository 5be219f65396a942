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

/// What a command writes: the record, its event, the four old keys that mirror it, and the end of the event that is
/// one too many. A drain that ended by itself moves nothing and leaves the old keys alone, so that it takes back no
/// raw write that still waits for its endpoints.
pub fn of_command(app: &AppName, event: &HistoryEvent) -> Vec<Write> {
    let automatic = event.record.command == CommandName::Retire;
    let mirror: &[OldKey] = if automatic { &[] } else { &OldKey::ALL };
    of_change(app, event, mirror)
}

/// What an adoption writes; nothing if the plan is empty. Without a change that is what mends the old keys: one that
/// was deleted is written back from the record. `record` is the record that was adoption into.
pub fn of_adoption(app: &AppName, record: Option<&Record>, adoption: &Adoption) -> Vec<Write> {
    match (&adoption.decision, record) {
        (Decision::Change(event), _) => of_change(app, event, &adoption.mirror),
        (Decision::Unchanged, Some(record)) => mirror_writes(app, record, &adoption.mirror),
        (Decision::Unchanged, None) => Vec::new(),
    }
}

/// What a raw write through the API writes: what its adoption writes, and the value itself, unless the record has
/// already said what that key holds from now on.
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
