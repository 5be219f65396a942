//! From the script's answers and the log's entries to the types of the contract.
//!
//! A key under the prefix that is no valid name (another tool's) is left out: it cannot be ours. Everything else
//! that does not read is damage and said so.

use bytes::Bytes;
use redis::Value;

use crate::{
    contract::{Batch, Entry, Event, LeaseId, Outcome, Revision, StoreError},
    key::Key,
};

/// A name, its value, and `created modified lease digest`.
pub(super) type Row = (Vec<u8>, Vec<u8>, String);

fn damaged(what: &str) -> StoreError {
    StoreError::Corrupt(format!("{what} does not read"))
}

fn key(name: &[u8]) -> Option<Key> {
    Key::new(std::str::from_utf8(name).ok()?).ok()
}

fn lease(id: u64) -> Option<LeaseId> {
    (id != 0).then_some(LeaseId(id))
}

pub(super) fn entries(rows: Vec<Row>) -> Result<Vec<Entry>, StoreError> {
    rows.into_iter().filter_map(|(name, value, meta)| Some(entry(key(&name)?, value, &meta))).collect()
}

fn entry(key: Key, value: Vec<u8>, meta: &str) -> Result<Entry, StoreError> {
    let mut numbers = meta.split(' ').map_while(|part| part.parse::<u64>().ok());
    let (Some(created), Some(modified), Some(id)) = (numbers.next(), numbers.next(), numbers.next()) else {
        return Err(damaged(&format!("what is kept about {key}")));
    };
    Ok(Entry { key, value: value.into(), created, modified, lease: lease(id) })
}

/// `done` and a revision, `conflict` and a name, or `ended` and a name.
pub(super) fn outcome((word, value): (String, Value)) -> Result<Outcome, StoreError> {
    match (word.as_str(), value) {
        ("done", Value::Int(revision)) => {
            Ok(Outcome::Done(u64::try_from(revision).map_err(|_| damaged("a revision"))?))
        }
        ("conflict", Value::BulkString(name)) => {
            key(&name).map(Outcome::Conflict).ok_or_else(|| damaged("the name in a conflict"))
        }
        ("ended", _) => Err(StoreError::LeaseEnded),
        _ => Err(damaged("the answer to a commit")),
    }
}

/// An entry of the log: its id `revision-1`, and its fields in pairs.
pub(super) fn batch((id, fields): (String, Vec<(Bytes, Bytes)>)) -> Result<Batch, StoreError> {
    let revision = id.split_once('-').and_then(|(revision, _)| revision.parse::<Revision>().ok());
    let revision = revision.ok_or_else(|| damaged("an id in the change log"))?;
    let changes = fields.into_iter().filter_map(|(name, change)| Some((key(&name)?, change)));
    let events = changes.map(|(key, change)| event(key, &change, revision)).collect::<Result<_, _>>()?;
    Ok(Batch { revision, events })
}

fn event(key: Key, change: &Bytes, modified: Revision) -> Result<Event, StoreError> {
    if &change[..] == b"d" {
        return Ok(Event::Deleted { key });
    }
    let bad = || damaged(&format!("a change of {key}"));
    let mut parts = change.strip_prefix(b"p").ok_or_else(bad)?.splitn(3, |byte| *byte == b' ');
    let mut number = || std::str::from_utf8(parts.next()?).ok()?.parse::<u64>().ok();
    let (created, id) = (number().ok_or_else(bad)?, number().ok_or_else(bad)?);
    let value = change.slice_ref(parts.next().ok_or_else(bad)?);
    Ok(Event::Put(Entry { key, value, created, modified, lease: lease(id) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logged(change: &[u8]) -> Result<Batch, StoreError> {
        let pair =
            |name: &[u8], change: &[u8]| (Bytes::copy_from_slice(name), Bytes::copy_from_slice(change));
        batch(("7-1".into(), vec![pair(b"/size", b"9"), pair(b"k", change)]))
    }

    #[test]
    fn a_logged_value_may_hold_spaces() {
        let batch = logged(b"p3 0 a b \xff").unwrap();
        let [Event::Put(entry)] = &batch.events[..] else { panic!("{batch:?}") };
        assert_eq!((&entry.value[..], entry.created, entry.modified), (&b"a b \xff"[..], 3, 7));
    }

    #[test]
    fn a_damaged_log_is_an_error_and_not_a_guess() {
        for change in [&b""[..], b"x", b"p", b"p1", b"p1 2", b"px 0 v"] {
            assert!(matches!(logged(change), Err(StoreError::Corrupt(_))), "{change:?}");
        }
    }

    #[test]
    fn another_tools_odd_key_is_left_out() {
        let rows =
            vec![(b"a//b".to_vec(), b"1".to_vec(), "1 1 0 ab".into()), (b"\xff".to_vec(), vec![], "".into())];
        assert_eq!(entries(rows).unwrap(), []);
    }
}
