//! A request that no handler sees.

use std::time::Duration;

use crate::control::shared::error::ApiError;

/// A request that no handler sees: why, and how long its sender waits for the answer.
pub struct GuardRefusal {
    pub error: ApiError,
    pub wait: Duration,
}

impl From<ApiError> for GuardRefusal {
    fn from(error: ApiError) -> Self {
        Self { error, wait: Duration::ZERO }
    }
}
