//! The newest entries of the audit, in memory: bounded in number and bytes.
//!
//! When it is full, the oldest entry of whoever has the most goes, so that nobody hides what others did, or an earlier act
//! of their own, behind calls that are refused.
//!
//! An entry is kept as the JSON of its line, beside the actor's other ones in a large block. Small blocks of their own would
//! stay for days between blocks that come and go, each of them keeping a page of these from going back to the system.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, VecDeque},
};

use bytes::{Bytes, BytesMut};

use crate::{
    control::limits::{AUDIT_ENTRIES_MAX, AUDIT_RING_BYTES_MAX},
    schema::audit::{AuditEntry, AuditOutcome},
};

/// What an actor's entries are written into, in bytes: so much is a mapping of its own, and only what is written to takes
/// memory.
const SHEET_BYTES: usize = 64 << 10;

/// The newest entries.
#[derive(Debug, Default)]
pub struct Ring {
    /// Each actor's, the oldest first; those without a known token are one actor.
    actors: BTreeMap<Option<String>, Shelf>,
    count: usize,
    bytes: usize,
}

/// The entries of one actor.
#[derive(Debug, Default)]
struct Shelf {
    entries: VecDeque<KeptEntry>,
    bytes: usize,
    /// Where the next entry is written. It is freed with the last of its entries; entries go in the order in which they came.
    sheet: BytesMut,
}

/// An entry: its number, and its JSON.
#[derive(Debug, Clone)]
struct KeptEntry {
    id: u64,
    json: Bytes,
}

/// Which entries are asked for.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    pub before: Option<u64>,
    pub app: Option<String>,
    pub actor: Option<String>,
    pub via: Option<String>,
    pub outcome: Option<AuditOutcome>,
}

impl AuditFilter {
    fn takes(&self, entry: &AuditEntry) -> bool {
        self.app.as_ref().is_none_or(|app| entry.app.as_ref() == Some(app))
            && self.actor.as_ref().is_none_or(|actor| entry.actor.as_ref() == Some(actor))
            && self.via.as_ref().is_none_or(|via| entry.via == *via)
            && self.outcome.is_none_or(|outcome| entry.outcome == outcome)
    }
}

impl Ring {
    /// Adds the entry of this number and actor, of which this is the JSON.
    pub fn push(&mut self, id: u64, actor: Option<String>, json: &[u8]) {
        let shelf = self.actors.entry(actor).or_default();
        shelf.push(id, json);
        self.count += 1;
        self.bytes += json.len();
        while self.count > AUDIT_ENTRIES_MAX {
            self.drop_oldest_of(|shelf| shelf.entries.len());
        }
        while self.bytes > AUDIT_RING_BYTES_MAX && self.count > 1 {
            self.drop_oldest_of(|shelf| shelf.bytes);
        }
    }

    /// The entries that a filter may take, newest first. They are read afterwards, so that nobody who adds one waits for that.
    pub fn snapshot(&self, filter: &AuditFilter) -> Snapshot {
        let asked = |actor: &Option<String>| filter.actor.is_none() || filter.actor == *actor;
        let all = self.actors.iter().filter(|(actor, _)| asked(actor)).flat_map(|(_, shelf)| &shelf.entries);
        let before = |kept: &&KeptEntry| filter.before.is_none_or(|before| kept.id < before);
        let mut entries: Vec<KeptEntry> = all.filter(before).cloned().collect();
        entries.sort_unstable_by_key(|kept| Reverse(kept.id));
        Snapshot(entries)
    }

    fn drop_oldest_of(&mut self, size: impl Fn(&Shelf) -> usize) {
        let Some(actor) =
            self.actors.iter().max_by_key(|(_, shelf)| size(shelf)).map(|(actor, _)| actor.clone())
        else {
            return;
        };
        let Some(shelf) = self.actors.get_mut(&actor) else { return };
        if let Some(oldest) = shelf.entries.pop_front() {
            shelf.bytes -= oldest.json.len();
            self.count -= 1;
            self.bytes -= oldest.json.len();
        }
        if shelf.entries.is_empty() {
            self.actors.remove(&actor);
        }
    }
}

impl Shelf {
    fn push(&mut self, id: u64, json: &[u8]) {
        if self.sheet.capacity() < json.len() {
            self.sheet = BytesMut::with_capacity(SHEET_BYTES.max(json.len()));
        }
        self.sheet.extend_from_slice(json);
        self.entries.push_back(KeptEntry { id, json: self.sheet.split().freeze() });
        self.bytes += json.len();
    }
}

/// Entries at one moment, newest first.
pub struct Snapshot(Vec<KeptEntry>);

impl Snapshot {
    /// So many of the newest entries that a filter takes, and whether there are more.
    pub fn page(&self, filter: &AuditFilter, limit: usize) -> (Vec<AuditEntry>, bool) {
        let read = |kept: &KeptEntry| serde_json::from_slice::<AuditEntry>(&kept.json).ok();
        let mut taken = self.0.iter().filter_map(read).filter(|entry| filter.takes(entry));
        let entries = taken.by_ref().take(limit).collect();
        (entries, taken.next().is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Adds an entry whose JSON takes about so many bytes.
    fn push(ring: &mut Ring, id: u64, actor: Option<&str>, bytes: usize) {
        let actor = actor.map(str::to_owned);
        let path = "p".repeat(bytes);
        let entry = AuditEntry { id, actor: actor.clone(), path, ..AuditEntry::default() };
        ring.push(id, actor, &serde_json::to_vec(&entry).unwrap());
    }

    fn page(ring: &Ring, filter: &AuditFilter, limit: usize) -> (Vec<u64>, bool) {
        let (entries, more) = ring.snapshot(filter).page(filter, limit);
        (entries.iter().map(|entry| entry.id).collect(), more)
    }

    #[test]
    fn nobody_pushes_out_what_others_did() {
        let mut ring = Ring::default();
        push(&mut ring, 1, Some("maria"), 100);
        for id in 2..10 + AUDIT_ENTRIES_MAX as u64 {
            push(&mut ring, id, [None, Some("ci")][(id % 2) as usize], 100);
        }
        assert_eq!(ring.count, AUDIT_ENTRIES_MAX);
        let marias = AuditFilter { actor: Some("maria".into()), ..AuditFilter::default() };
        assert_eq!(page(&ring, &marias, 10), (vec![1], false));
        push(&mut ring, u64::MAX, Some("joe"), AUDIT_RING_BYTES_MAX);
        assert!(ring.bytes <= AUDIT_RING_BYTES_MAX || ring.count == 1);
    }

    #[test]
    fn pages_go_from_the_newest_on() {
        let mut ring = Ring::default();
        (1..=7).for_each(|id| push(&mut ring, id, [Some("a"), None][(id % 2) as usize], 1));
        let page = |before, limit| page(&ring, &AuditFilter { before, ..AuditFilter::default() }, limit);
        assert_eq!(page(None, 3), (vec![7, 6, 5], true));
        assert_eq!(page(Some(5), 3), (vec![4, 3, 2], true));
        assert_eq!(page(Some(2), 3), (vec![1], false));
    }

    /// Each entry in a block of its own kept a page that calls had used: 2,000 pages after an attack.
    #[test]
    fn entries_lie_beside_each_other_in_few_blocks() {
        let mut ring = Ring::default();
        let json = [b'x'; 500];
        let told = allocation_counter::measure(|| {
            (0..1_000).for_each(|id| ring.push(id, None, &json));
        });
        // Eight sheets, each with its count of readers, and the growing list of where the entries are.
        assert!(told.count_total < 40, "{told:?}");
        // Those that are over are freed.
        let told = allocation_counter::measure(|| {
            (0..10 * AUDIT_ENTRIES_MAX as u64).for_each(|id| ring.push(id, None, &json));
        });
        assert!(told.bytes_current < 4 << 20, "{told:?}");
    }

    #[test]
    fn an_entry_comes_back_as_it_was() {
        let entry = AuditEntry {
            id: 3,
            message: Some("a\n\u{202e}\"b".to_owned()),
            request: Some(serde_json::json!({"blend": 10, "factor": 1.5, "none": null})),
            ..AuditEntry::default()
        };
        let mut ring = Ring::default();
        ring.push(3, None, &serde_json::to_vec(&entry).unwrap());
        let all = AuditFilter::default();
        assert_eq!(ring.snapshot(&all).page(&all, 1), (vec![entry], false));
    }
}
