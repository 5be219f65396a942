//! From etcd's keys and values to entries and events.
//!
//! Keys outside the prefix, and keys that are no valid names (another tool's), are left out.

use crate::{
    contract::{Batch, Entry, Event, LeaseId, Revision},
    key::Key,
};

use super::wire::{Blob, KeyValue, Number, Range, WatchEvent};

/// A key with what stands before it.
pub(super) fn full(prefix: &str, name: &str) -> Blob {
    Blob::of(format!("{prefix}{name}").as_bytes())
}

/// Everything that starts with a text. etcd's ranges are half open, and `\0` for the end means no end.
pub(super) fn below(text: &str) -> Range {
    let zero = || Blob::of(&[0]);
    if text.is_empty() {
        return Range { key: zero(), range_end: Some(zero()), ..Range::default() };
    }
    let mut end = text.as_bytes().to_vec();
    if let Some(last) = end.last_mut() {
        // UTF-8 has no byte 0xff.
        *last += 1;
    }
    Range { key: Blob::of(text.as_bytes()), range_end: Some(Blob(end.into())), ..Range::default() }
}

/// At most so many of what starts with a text, behind a key if one is given.
pub(super) fn page(text: &str, after: Option<&Blob>, entries_max: usize) -> Range {
    let mut range = below(text);
    if let Some(after) = after {
        // The next key there could be.
        let next = Blob([&after.0[..], &[0]].concat().into());
        range.key = if next.0 > range.key.0 { next } else { range.key };
    }
    range.limit = Number(entries_max as u64);
    range
}

fn name(prefix: &str, key: &Blob) -> Option<Key> {
    Key::new(std::str::from_utf8(&key.0).ok()?.strip_prefix(prefix)?).ok()
}

pub(super) fn entry(prefix: &str, found: KeyValue) -> Option<Entry> {
    Some(Entry {
        key: name(prefix, &found.key)?,
        value: found.value.0,
        created: found.create_revision.0,
        modified: found.mod_revision.0,
        lease: (found.lease.0 != 0).then_some(LeaseId(found.lease.0)),
    })
}

/// Events that may be followed by more of their last revision. A revision is complete, and leaves, when another one
/// begins or the answer it came in ends.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    open: Option<Batch>,
}

impl Assembly {
    /// Takes events in; answers the revisions that are complete.
    pub(super) fn take(&mut self, prefix: &str, events: Vec<WatchEvent>, more_follows: bool) -> Vec<Batch> {
        let mut complete = Vec::new();
        for event in events {
            let revision: Revision = event.kv.mod_revision.0;
            if self.open.as_ref().is_some_and(|open| open.revision != revision) {
                complete.extend(self.open.take());
            }
            let open = self.open.get_or_insert_with(|| Batch { revision, events: Vec::new() });
            open.events.extend(seen(prefix, event));
        }
        if !more_follows {
            complete.extend(self.open.take());
        }
        complete
    }
}

fn seen(prefix: &str, event: WatchEvent) -> Option<Event> {
    if event.r#type == "DELETE" {
        return name(prefix, &event.kv.key).map(|key| Event::Deleted { key });
    }
    entry(prefix, event.kv).map(Event::Put)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backends::etcd::wire::Number;

    fn put(name: &str, revision: Revision) -> WatchEvent {
        let kv = KeyValue {
            key: Blob::of(name.as_bytes()),
            mod_revision: Number(revision),
            ..KeyValue::default()
        };
        WatchEvent { r#type: String::new(), kv }
    }

    #[test]
    fn a_revision_that_comes_in_parts_is_one_batch() {
        let mut assembly = Assembly::default();
        let first = assembly.take("", vec![put("a", 5), put("b", 6)], true);
        assert_eq!(first.iter().map(|batch| batch.revision).collect::<Vec<_>>(), [5]);
        let rest = assembly.take("", vec![put("c", 6), put("d", 7)], false);
        let shape = rest.iter().map(|batch| (batch.revision, batch.events.len())).collect::<Vec<_>>();
        assert_eq!(shape, [(6, 2), (7, 1)]);
    }

    #[test]
    fn a_revision_of_other_keys_is_an_empty_batch_that_moves_the_head() {
        let batches = Assembly::default().take("ours/", vec![put("theirs/a", 5)], false);
        assert_eq!(batches, [Batch { revision: 5, events: vec![] }]);
    }

    #[test]
    fn a_range_ends_after_the_last_key_with_the_prefix() {
        let range = below("a/\u{10ffff}");
        assert!(range.range_end.unwrap().0 > range.key.0);
        assert_eq!(&below("ap").range_end.unwrap().0[..], b"aq");
    }
}
