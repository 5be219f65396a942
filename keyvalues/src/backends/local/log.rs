//! The bounded change log: the newest batches, one per revision, without gaps.
//!
//! A watch is a position in this log and has no queue of its own, so a slow watch costs nothing: what it did not
//! fetch in time is dropped from the log, and it is told to list again.

use std::collections::VecDeque;

use super::batches::batch_bytes;
use crate::contract::{Batch, Revision};

/// The most batches kept: at the 100 changes a second that a large fleet makes, 40 s of disconnection.
pub(crate) const LOG_BATCHES_MAX: usize = 4_096;

/// The most bytes of keys and values kept, 4 MiB: about 1,000 rollout commands, in memory and in the file.
pub(crate) const LOG_BYTES_MAX: usize = 4 << 20;

/// The newest batches. `batches[i].revision == compacted + 1 + i`.
#[derive(Debug, Default)]
pub(crate) struct Log {
    compacted: Revision,
    batches: VecDeque<Batch>,
    bytes: usize,
}

impl Log {
    /// An empty log that ends at this revision.
    pub(crate) fn starting_after(compacted: Revision) -> Self {
        Self { compacted, ..Self::default() }
    }

    /// The revision of the newest batch.
    pub(crate) fn head(&self) -> Revision {
        self.compacted + self.batches.len() as Revision
    }

    /// What [`Log::compacted`] will be once this batch has been pushed.
    pub(crate) fn compacted_with(&self, next: &Batch) -> Revision {
        let mut count = self.batches.len() + 1;
        let mut bytes = self.bytes + batch_bytes(next);
        let mut compacted = self.compacted;
        for batch in self.batches.iter().chain([next]) {
            if count <= LOG_BATCHES_MAX && bytes <= LOG_BYTES_MAX {
                break;
            }
            count -= 1;
            bytes -= batch_bytes(batch);
            compacted += 1;
        }
        compacted
    }

    /// Appends the batch of the next revision and drops what is over the limits.
    pub(crate) fn push(&mut self, batch: Batch) {
        debug_assert_eq!(batch.revision, self.head() + 1, "the log has no gaps");
        let compacted = self.compacted_with(&batch);
        self.bytes += batch_bytes(&batch);
        self.batches.push_back(batch);
        while self.compacted < compacted {
            if let Some(dropped) = self.batches.pop_front() {
                self.bytes -= batch_bytes(&dropped);
            }
            self.compacted += 1;
        }
    }

    /// The batches after a revision, oldest first; `None` when some of them are gone or it is not reached yet.
    pub(crate) fn after(&self, revision: Revision) -> Option<impl Iterator<Item = &Batch>> {
        let skip = revision.checked_sub(self.compacted)?;
        (revision <= self.head()).then(|| self.batches.iter().skip(skip as usize))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        contract::{Entry, Event},
        key::Key,
    };

    fn batch(revision: Revision, value_bytes: usize) -> Batch {
        let key = Key::new("k").unwrap();
        let value = vec![0; value_bytes].into();
        let entry = Entry { key, value, created: revision, modified: revision, lease: None };
        Batch { revision, events: vec![Event::Put(entry)] }
    }

    #[test]
    fn it_keeps_the_newest_batches_up_to_its_count() {
        let mut log = Log::default();
        for revision in 1..=LOG_BATCHES_MAX as Revision + 3 {
            log.push(batch(revision, 1));
        }
        assert_eq!(log.compacted, 3);
        assert!(log.after(2).is_none());
        assert_eq!(log.after(3).unwrap().next().unwrap().revision, 4);
    }

    #[test]
    fn it_keeps_within_its_bytes_even_if_one_batch_alone_is_over() {
        let mut log = Log::default();
        log.push(batch(1, 10));
        log.push(batch(2, LOG_BYTES_MAX + 1));
        assert_eq!((log.compacted, log.head(), log.bytes), (2, 2, 0));
        log.push(batch(3, 10));
        assert_eq!(log.after(2).unwrap().count(), 1);
    }

    #[test]
    fn a_position_ahead_of_it_is_not_served() {
        assert!(Log::starting_after(5).after(6).is_none());
        assert_eq!(Log::starting_after(5).after(5).unwrap().count(), 0);
    }
}
