//! One command with everything that it is decided on.

use super::{
    asker::{Asker, Background},
    refusal::Refusal,
};
use crate::rollout::record::Record;

/// What a command did to its draft.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    Changed,
    Unchanged,
}

/// One command with everything that it is decided on.
pub(super) struct Case<'a> {
    pub(super) record: Option<&'a Record>,
    pub(super) asker: &'a Asker,
    pub(super) background: &'a Background,
}

impl Case<'_> {
    /// Refuses an asker whose If-Match is not the present seq.
    pub(super) fn check_if_match(&self) -> Result<(), Refusal> {
        let now = self.record.map_or(0, |record| record.seq);
        match self.asker.if_match {
            Some(seen) if seen != now => Err(Refusal::Stale { seen, now }),
            _ => Ok(()),
        }
    }
}
