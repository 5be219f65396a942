//! How far a deployment is.

use serde::{Deserialize, Serialize};

/// How far a deployment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nothing was done yet.
    Pending,
    /// The engine pulls its image.
    Pulling,
    /// Its containers are made and started.
    Starting,
    /// Its containers run, and have to pass the health check.
    Checking,
    /// All of its containers are endpoints.
    Serving,
    /// Its endpoints leave.
    Draining,
    /// Its containers are stopped, and kept.
    Stopped,
    /// It did not come up; what it had started is removed.
    Failed,
}

impl State {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Pulling => "pulling",
            Self::Starting => "starting",
            Self::Checking => "checking",
            Self::Serving => "serving",
            Self::Draining => "draining",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
        }
    }
}
