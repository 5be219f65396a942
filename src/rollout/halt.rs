//! A halt: the requests of an app wait while a migration runs (a pause), or get a page that says why (a stop), until somebody
//! resumes it.
//!
//! A pause has a length, which each router counts by its own monotonic clock from when it learned of the pause. Requests that
//! have waited so long, and those that come later, are answered 503, since nobody says that the app may serve yet.

use serde::{Deserialize, Serialize};

/// The longest pause, in seconds: clients do not wait longer.
pub const PAUSE_SECONDS_MAX: u32 = 300;
/// How long a pause is of which nothing else is said, in seconds.
pub const PAUSE_SECONDS: u32 = 30;
/// The longest message of a stop, in bytes.
pub const MESSAGE_BYTES_MAX: usize = 1_000;

/// Why the requests of an app do not go on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct Halt {
    /// Whether they wait, or are answered.
    pub kind: HaltKind,
    /// How long they wait, in seconds; 0 of a stop.
    #[serde(default)]
    pub seconds: u32,
    /// What they are answered; empty of a pause.
    #[serde(default)]
    pub message: String,
    /// Who halted the app.
    pub by: String,
    /// When, Unix ms.
    pub at: u64,
}

/// The kinds of halt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum HaltKind {
    /// Requests wait.
    #[default]
    Pause,
    /// Requests are answered by a page.
    Stop,
}

impl Halt {
    /// How long requests wait, in ms. What is stored may be anything.
    pub fn length_ms(&self) -> u64 {
        u64::from(self.seconds.min(PAUSE_SECONDS_MAX)) * 1_000
    }

    /// Whether requests wait.
    pub fn is_pause(&self) -> bool {
        self.kind == HaltKind::Pause
    }
}
