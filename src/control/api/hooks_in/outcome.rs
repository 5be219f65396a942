//! As whom a hook in acts, and what comes of what it asks for.

use std::sync::Arc;

use crate::{
    control::shared::{
        access::{caller::Caller, scope::Scope},
        hooks::hook::HookName,
        hooks_in::hook_in::HookIn,
    },
    rollout::command::Role,
};

/// What came of an order.
pub(super) struct OrderOutcome {
    /// In words.
    pub(super) message: String,
    pub(super) changed: bool,
    /// The seq of the app then; none: it is as it was.
    pub(super) seq: Option<u64>,
    /// The id of the deployment.
    pub(super) deployment: Option<String>,
    /// Whether nothing is left to be done: this router serves it.
    pub(super) is_served: bool,
}

/// Whom a hook in acts as.
pub(super) fn caller_of(name: &HookName, hook: &HookIn) -> Caller {
    let scope = Arc::new(Scope::of_app(hook.app.clone()));
    Caller { name: format!("hook-in:{name}"), token: hook.secret.digest(), role: Role::Ci, scope }
}
