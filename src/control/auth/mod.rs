//! Who may use the admin port: tokens, roles, and what is refused before a handler sees a request.
//!
//! Bearer tokens only: nothing a browser sends by itself (a cookie, a query string) ever authenticates, so no page
//! of another site can act for a signed-in person.

pub mod guard;
pub mod live_tokens;
pub mod throttle;
pub mod tokens;

use super::error::{ApiError, Kind};
use crate::rollout::command::Role;

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
