//! The mark that an app was meant to end: what tells an order from a loss, and where a new life of the app goes on.

use serde::{Deserialize, Serialize};

use super::record::{Record, Tenure, Tenures};

/// What is left of an app that was removed, stored at `rolling/router/ended/<app>` until the app is made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndMark {
    /// The last seq of its record.
    pub seq: u64,
    /// The last tenure that was given: no pin of the old life may mean a release of the new one.
    pub tenure: Tenure,
}

impl EndMark {
    /// The mark of an app with this record; of one that has none yet, the mark of its beginning.
    pub fn of(record: Option<&Record>) -> Self {
        record.map_or(Self { seq: 0, tenure: 0 }, |record| Self {
            seq: record.seq,
            tenure: record.tenures.last,
        })
    }

    /// The record from which a new life begins. Never stored.
    pub fn next_life(self) -> Record {
        let tenures = Tenures { last: self.tenure, left: Vec::new() };
        Record { seq: self.seq, tenures, ..Record::empty() }
    }
}
