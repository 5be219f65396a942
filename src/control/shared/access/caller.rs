//! Who sent a request, and what that token may do.

use crate::{
    control::shared::error::{ApiError, Kind},
    rollout::command::Role,
};

/// Who sent a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The token's name.
    pub name: String,
    /// The token's role.
    pub role: Role,
}

impl Caller {
    /// Refuses callers below a role.
    pub fn needs(&self, least: Role) -> Result<(), ApiError> {
        if self.role >= least {
            return Ok(());
        }
        let message = format!("the token `{}` has the role `{}`; this needs `{least}`", self.name, self.role);
        Err(ApiError::new(Kind::Forbidden, message))
    }
}
