//! Keys that raw keyvalues neither read nor write: the router's own, deployments, whose environments are secrets, and those
//! that a token is not for.

use keyvalues::Key;

use crate::{
    control::shared::{
        access::caller::Caller,
        error::{ApiError, Kind},
    },
    rollout::keys,
};

pub(super) fn is_own(key: &str) -> bool {
    key.starts_with(keys::ROUTER) || key == keys::ROUTER.trim_end_matches('/') || is_of_deployments(key)
}

/// Whether a key is a deployment, or the root of some.
fn is_of_deployments(key: &str) -> bool {
    let mut segments = key.split('/');
    segments.next() == Some("rolling") && segments.nth(1) == Some("deployments")
}

pub(super) fn refuse_own(key: &str) -> Result<(), ApiError> {
    if is_own(key) {
        let message = "the router's own keys can be neither read nor written here";
        return Err(ApiError::new(Kind::Forbidden, message).field("key"));
    }
    Ok(())
}

/// The refusal of a key that the caller's token is not for.
pub(super) fn not_for(caller: &Caller, key: &Key) -> ApiError {
    let shown = key.as_str().escape_debug();
    caller.out_of_scope(&format!("is for some apps only, and `{shown}` is not theirs")).field("key")
}
