//! The outcome of an accepted command.

use crate::rollout::record::HistoryEvent;

/// The outcome of an accepted command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// The record to write, and its event.
    Change(Box<HistoryEvent>),
    /// The record says already what the command wants.
    Unchanged,
}
