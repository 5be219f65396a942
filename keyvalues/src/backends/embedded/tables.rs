//! The layout of the file: three redb tables, and the only code that reads and writes them.
//!
//! | table | key | value |
//! |---|---|---|
//! | `meta` | name | a number; `compacted`, `format`, `revision` |
//! | `id` | `file` | the file's random id, its epoch |
//! | `entries` | key | created, modified, lease (0 is none), value |
//! | `log` | revision, key | created, lease, value; or none for a deletion |
//!
//! Each function takes part in the caller's transaction, so a batch, its log and the revision stand or fall
//! together.

use std::collections::BTreeMap;

use bytes::Bytes;
use redb::{Database, ReadTransaction, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction};

use crate::{
    backends::local::{Log, State, random_id},
    contract::{Batch, Entry, Event, LeaseId, Revision},
    key::Key,
};

use super::error::DiskError;

/// The layout above. A file of another layout is refused, not guessed at.
const FORMAT: u64 = 1;

/// Created, lease, value; none for a deletion.
type LogRow<'a> = Option<(u64, u64, &'a [u8])>;

const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
const ID: TableDefinition<'_, &str, &str> = TableDefinition::new("id");
const ENTRIES: TableDefinition<'_, &str, (u64, u64, u64, &[u8])> = TableDefinition::new("entries");
const LOG: TableDefinition<'_, (u64, &str), LogRow<'_>> = TableDefinition::new("log");

/// Makes the tables of a new file, or checks the layout of an old one. Returns the file's id.
pub(super) fn prepare(database: &Database) -> Result<String, DiskError> {
    let transaction = database.begin_write()?;
    let id = {
        let mut meta = transaction.open_table(META)?;
        let format = meta.get("format")?.map(|found| found.value());
        match format {
            None => {
                for (name, value) in [("format", FORMAT), ("revision", 0), ("compacted", 0)] {
                    meta.insert(name, value)?;
                }
            }
            Some(FORMAT) => {}
            Some(other) => {
                return Err(DiskError::Corrupt(format!(
                    "the file has layout {other}; this version knows layout {FORMAT}"
                )));
            }
        }
        transaction.open_table(ENTRIES)?;
        transaction.open_table(LOG)?;
        let mut ids = transaction.open_table(ID)?;
        let stored = ids.get("file")?.map(|found| found.value().to_owned());
        match stored {
            Some(id) => id,
            None => {
                let id = random_id().map_err(|error| DiskError::Io(error.to_string()))?;
                ids.insert("file", id.as_str())?;
                id
            }
        }
    };
    transaction.commit()?;
    Ok(id)
}

/// The revision the file is at.
pub(super) fn revision(database: &Database) -> Result<Revision, DiskError> {
    number(&database.begin_read()?, "revision")
}

/// Reads everything.
pub(super) fn load(database: &Database) -> Result<State, DiskError> {
    let transaction = database.begin_read()?;
    let mut entries = BTreeMap::new();
    for row in transaction.open_table(ENTRIES)?.iter()? {
        let (name, row) = row?;
        let key = parse_key(name.value())?;
        let (created, modified, lease, value) = row.value();
        let value = Bytes::copy_from_slice(value);
        let lease = (lease != 0).then_some(LeaseId(lease));
        entries.insert(key.clone(), Entry { key, value, created, modified, lease });
    }
    Ok(State::restored(entries, load_log(&transaction)?))
}

fn load_log(transaction: &ReadTransaction) -> Result<Log, DiskError> {
    let compacted = number(transaction, "compacted")?;
    let revision = number(transaction, "revision")?;
    let mut batches = BTreeMap::<Revision, Vec<Event>>::new();
    for row in transaction.open_table(LOG)?.iter()? {
        let (name, row) = row?;
        let (modified, key) = name.value();
        let key = parse_key(key)?;
        let event = match row.value() {
            None => Event::Deleted { key },
            Some((created, lease, value)) => {
                let value = Bytes::copy_from_slice(value);
                let lease = (lease != 0).then_some(LeaseId(lease));
                Event::Put(Entry { key, value, created, modified, lease })
            }
        };
        batches.entry(modified).or_default().push(event);
    }
    let whole = batches.keys().copied().eq(compacted + 1..=revision);
    if !whole {
        return Err(DiskError::Corrupt(format!(
            "the change log does not cover revisions {} to {revision}",
            compacted + 1
        )));
    }
    let mut log = Log::starting_after(compacted);
    for (revision, events) in batches {
        log.push(Batch { revision, events });
    }
    Ok(log)
}

fn number(transaction: &ReadTransaction, name: &str) -> Result<u64, DiskError> {
    let found = transaction.open_table(META)?.get(name)?.map(|found| found.value());
    found.ok_or_else(|| DiskError::Corrupt(format!("`{name}` is missing from the file")))
}

fn parse_key(text: &str) -> Result<Key, DiskError> {
    Key::new(text)
        .map_err(|error| DiskError::Corrupt(format!("the stored key `{}`: {error}", text.escape_debug())))
}

/// Writes a batch and its log, and drops the log up to `compacted`.
pub(super) fn write(
    transaction: &WriteTransaction,
    batch: &Batch,
    compacted: Revision,
) -> Result<(), DiskError> {
    let mut entries = transaction.open_table(ENTRIES)?;
    let mut log = transaction.open_table(LOG)?;
    for event in &batch.events {
        let name = event.key().as_str();
        match event {
            Event::Put(entry) => {
                put(&mut entries, entry)?;
                let lease = entry.lease.map_or(0, |lease| lease.0);
                log.insert((batch.revision, name), Some((entry.created, lease, &*entry.value)))?;
            }
            Event::Deleted { .. } => {
                entries.remove(name)?;
                log.insert((batch.revision, name), None)?;
            }
        }
    }
    log.retain_in(..(compacted + 1, ""), |_, _| false)?;
    let mut meta = transaction.open_table(META)?;
    meta.insert("revision", batch.revision)?;
    meta.insert("compacted", compacted)?;
    Ok(())
}

/// Takes back the revision after `seen`, which nobody has read: its keys get the entries that `shown` returns.
pub(super) fn undo(
    transaction: &WriteTransaction,
    seen: Revision,
    shown: impl Fn(&str) -> Option<Entry>,
) -> Result<(), DiskError> {
    let mut log = transaction.open_table(LOG)?;
    let mut names = Vec::new();
    for row in log.range((seen + 1, "")..)? {
        names.push(row?.0.value().1.to_owned());
    }
    let mut entries = transaction.open_table(ENTRIES)?;
    for name in &names {
        match shown(name) {
            Some(entry) => put(&mut entries, &entry)?,
            None => drop(entries.remove(name.as_str())?),
        }
    }
    log.retain_in((seen + 1, "").., |_, _| false)?;
    let mut meta = transaction.open_table(META)?;
    let compacted = meta.get("compacted")?.map_or(0, |found| found.value());
    meta.insert("compacted", compacted.min(seen))?;
    meta.insert("revision", seen)?;
    Ok(())
}

type Entries<'t> = redb::Table<'t, &'static str, (u64, u64, u64, &'static [u8])>;

fn put(entries: &mut Entries<'_>, entry: &Entry) -> Result<(), DiskError> {
    let lease = entry.lease.map_or(0, |lease| lease.0);
    let row = (entry.created, entry.modified, lease, &*entry.value);
    entries.insert(entry.key.as_str(), row)?;
    Ok(())
}
