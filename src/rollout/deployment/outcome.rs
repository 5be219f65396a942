//! What comes of a step, and of a deployment that does not come up.

use serde::{Deserialize, Serialize};

/// What came of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepOutcome {
    /// It is done.
    Done,
    /// The image is there.
    Pulled {
        /// What its name meant.
        digest: String,
        /// How much was fetched, for people; empty: nothing.
        amount: String,
    },
    /// The endpoint stays, since a release on a track has no other.
    Kept,
    /// Its release was stable.
    WasStable,
    /// Nobody is there who could be sent elsewhere, or there is nowhere else.
    NotRouted,
}

/// Why a deployment failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// A sentence for people.
    pub reason: String,
    /// What the container said last.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub last_words: String,
}

/// What hooks are to be told of a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Untold {
    /// It serves.
    Deployed,
    /// It did not come up.
    DeployFailed,
    /// A recycle is over.
    Recycled,
}
