//! What a batch costs, and the part of it that a watch sees.

use crate::contract::{Batch, Event};

/// Keys match plain string prefixes; the empty one is everything.
fn matches(prefixes: &[String], key: &str) -> bool {
    prefixes.iter().any(|prefix| key.starts_with(prefix.as_str()))
}

/// The bytes that a batch costs the log.
pub(crate) fn batch_bytes(batch: &Batch) -> usize {
    batch.events.iter().map(event_bytes).sum()
}

fn event_bytes(event: &Event) -> usize {
    let value_bytes = match event {
        Event::Put(entry) => entry.value.len(),
        Event::Deleted { .. } => 0,
    };
    event.key().as_str().len() + value_bytes
}

/// The part of a batch that these prefixes see, if any.
pub(crate) fn filter(batch: &Batch, prefixes: &[String]) -> Option<Batch> {
    let wanted = batch.events.iter().filter(|event| matches(prefixes, event.key().as_str()));
    let events = wanted.cloned().collect::<Vec<_>>();
    (!events.is_empty()).then_some(Batch { revision: batch.revision, events })
}
