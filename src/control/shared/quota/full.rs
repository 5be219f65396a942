//! The refusal of what would be too many.

use crate::control::shared::error::{ApiError, Kind};

/// Something of which there would be too many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Full {
    /// What was sent.
    pub field: String,
    /// What it is counted in.
    pub of: String,
    pub there: u64,
    pub more: u64,
    pub max: u64,
    /// The limit's name.
    pub limit: &'static str,
}

impl From<Full> for ApiError {
    fn from(full: Full) -> Self {
        let Full { field, of, there, more, max, limit } = full;
        let message = format!(
            "{of}: {there} are there, and {more} more would be too many; allowed are {max} (limits.{limit})"
        );
        Self::new(Kind::Quota, message).field(field)
    }
}
