//! Who sent a request, and what that token may do.

use std::sync::Arc;

use super::scope::Scope;
use crate::{
    control::shared::error::{ApiError, Kind},
    rollout::command::Role,
};

/// Who sent a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The token's name.
    pub name: String,
    /// What is kept of the token.
    pub token: [u8; 32],
    /// The token's role.
    pub role: Role,
    /// What the token is limited to.
    pub scope: Arc<Scope>,
}

impl Caller {
    /// Refuses callers below a role.
    pub fn needs(&self, least: Role) -> Result<(), ApiError> {
        if self.role >= least { Ok(()) } else { Err(self.refused(&format!("`{least}`"))) }
    }

    /// Refuses callers that may not use the store which this router serves.
    pub fn needs_store(&self) -> Result<(), ApiError> {
        let may = matches!(self.role, Role::Router | Role::Admin);
        if may { Ok(()) } else { Err(self.refused("`router` or `admin`")) }
    }

    fn refused(&self, needed: &str) -> ApiError {
        let message = format!("the token `{}` has the role `{}`; this needs {needed}", self.name, self.role);
        ApiError::new(Kind::Forbidden, message)
    }

    /// Refuses callers whose token is not for the call with this path.
    pub fn needs_path(&self, path: &str) -> Result<(), ApiError> {
        self.scope.refusal(path).map_or(Ok(()), |why| Err(self.out_of_scope(&why)))
    }

    /// The refusal of what a token is not for.
    pub fn out_of_scope(&self, why: &str) -> ApiError {
        ApiError::new(Kind::Forbidden, format!("the token `{}` {why}", self.name))
    }
}
