//! A key that vanished from the store although nobody ordered it, for the person who has to decide.

use crate::rollout::keyspace::Problem;

/// A key whose last good value is served on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostKey {
    pub key: String,
}

impl LostKey {
    /// It among the problems that are shown.
    pub fn problem(&self) -> Problem {
        let allowed = "what it held, which this router serves on: `rolling-router store restore` writes it back, \
                       `rolling-router store accept` takes the deletion as an order";
        Problem {
            key: self.key.clone(),
            value: "(deleted in the store, not by an order)".to_owned(),
            allowed: allowed.to_owned(),
        }
    }
}
