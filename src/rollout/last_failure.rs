//! With what an endpoint failed a request: what a router remembers of it, so that `explain` can say it.

use serde::{Deserialize, Serialize};

/// With what an endpoint last failed a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct LastFailure {
    /// What was wrong, such as the rule of HTTP that its response broke.
    pub cause: String,
    /// When, Unix ms.
    pub at: u64,
}
