//! The newest entries of the audit, in memory: bounded in number and bytes.
//!
//! When it is full, the oldest entry of whoever has the most goes, so that nobody hides what others did, or an earlier act
//! of their own, behind calls that are refused.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use crate::{
    control::limits::{AUDIT_ENTRIES_MAX, AUDIT_RING_BYTES_MAX},
    schema::audit::{AuditEntry, AuditOutcome},
};

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
    entries: VecDeque<(Arc<AuditEntry>, usize)>,
    bytes: usize,
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
        self.before.is_none_or(|before| entry.id < before)
            && self.app.as_ref().is_none_or(|app| entry.app.as_ref() == Some(app))
            && self.actor.as_ref().is_none_or(|actor| entry.actor.as_ref() == Some(actor))
            && self.via.as_ref().is_none_or(|via| entry.via == *via)
            && self.outcome.is_none_or(|outcome| entry.outcome == outcome)
    }
}

impl Ring {
    /// Adds an entry that takes so many bytes.
    pub fn push(&mut self, entry: AuditEntry, bytes: usize) {
        let shelf = self.actors.entry(entry.actor.clone()).or_default();
        shelf.entries.push_back((Arc::new(entry), bytes));
        shelf.bytes += bytes;
        self.count += 1;
        self.bytes += bytes;
        while self.count > AUDIT_ENTRIES_MAX {
            self.drop_oldest_of(|shelf| shelf.entries.len());
        }
        while self.bytes > AUDIT_RING_BYTES_MAX && self.count > 1 {
            self.drop_oldest_of(|shelf| shelf.bytes);
        }
    }

    /// The newest entries that a filter takes, and whether there are more.
    pub fn page(&self, filter: &AuditFilter, limit: usize) -> (Vec<Arc<AuditEntry>>, bool) {
        let all = self.actors.values().flat_map(|shelf| &shelf.entries).map(|(entry, _)| entry);
        let mut found: Vec<Arc<AuditEntry>> = all.filter(|entry| filter.takes(entry)).cloned().collect();
        found.sort_unstable_by_key(|entry| std::cmp::Reverse(entry.id));
        let more = found.len() > limit;
        found.truncate(limit);
        (found, more)
    }

    fn drop_oldest_of(&mut self, size: impl Fn(&Shelf) -> usize) {
        let Some(actor) =
            self.actors.iter().max_by_key(|(_, shelf)| size(shelf)).map(|(actor, _)| actor.clone())
        else {
            return;
        };
        let Some(shelf) = self.actors.get_mut(&actor) else { return };
        if let Some((_, bytes)) = shelf.entries.pop_front() {
            shelf.bytes -= bytes;
            self.count -= 1;
            self.bytes -= bytes;
        }
        if shelf.entries.is_empty() {
            self.actors.remove(&actor);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: u64, actor: Option<&str>) -> AuditEntry {
        AuditEntry { id, actor: actor.map(str::to_owned), ..AuditEntry::default() }
    }

    fn ids(ring: &Ring, filter: &AuditFilter, limit: usize) -> Vec<u64> {
        ring.page(filter, limit).0.iter().map(|entry| entry.id).collect()
    }

    #[test]
    fn nobody_pushes_out_what_others_did() {
        let mut ring = Ring::default();
        ring.push(entry(1, Some("maria")), 100);
        for id in 2..10 + AUDIT_ENTRIES_MAX as u64 {
            ring.push(entry(id, [None, Some("ci")][(id % 2) as usize]), 100);
        }
        assert_eq!(ring.count, AUDIT_ENTRIES_MAX);
        let marias = AuditFilter { actor: Some("maria".into()), ..AuditFilter::default() };
        assert_eq!(ids(&ring, &marias, 10), [1]);
        ring.push(entry(u64::MAX, Some("joe")), AUDIT_RING_BYTES_MAX);
        assert!(ring.bytes <= AUDIT_RING_BYTES_MAX || ring.count == 1);
    }

    #[test]
    fn pages_go_from_the_newest_on() {
        let mut ring = Ring::default();
        (1..=7).for_each(|id| ring.push(entry(id, [Some("a"), None][(id % 2) as usize]), 1));
        let page = |before, limit| {
            let filter = AuditFilter { before, ..AuditFilter::default() };
            (ids(&ring, &filter, limit), ring.page(&filter, limit).1)
        };
        assert_eq!(page(None, 3), (vec![7, 6, 5], true));
        assert_eq!(page(Some(5), 3), (vec![4, 3, 2], true));
        assert_eq!(page(Some(2), 3), (vec![1], false));
    }
}
