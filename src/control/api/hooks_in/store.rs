//! Hooks in, in the store: one is written or deleted, each in one commit.

use keyvalues::Revision;

use super::change::HookInChange;
use crate::control::{
    api::hooks::{
        removal::HookRemoval,
        writing::{HookWrite, HookWriting},
    },
    shared::{
        core::Core,
        error::{ApiError, Kind},
        hooks::hook::HookName,
        hooks_in::{
            delivery::deliveries_prefix,
            hook_in::{HOOKS_IN_PREFIX, HookIn, key_of},
            secret::InSecret,
            sender::Sender,
        },
    },
};

/// Writes a hook in; a secret that nobody gave is the one that was made.
pub(super) async fn put(
    core: &Core,
    name: &HookName,
    change: &HookInChange,
    by: &str,
    if_match: Option<u64>,
    made: &InSecret,
) -> Result<HookWrite<HookIn>, ApiError> {
    let writing = HookWriting {
        key: key_of(name),
        prefix: HOOKS_IN_PREFIX,
        kind: "hooks in",
        what: what(name),
        if_match,
    };
    let make = |known: Option<&HookIn>| Ok((hook_of(core, change, known, by, made), Vec::new()));
    writing.carry_out(core, make).await
}

fn hook_of(core: &Core, change: &HookInChange, known: Option<&HookIn>, by: &str, made: &InSecret) -> HookIn {
    let fits = |secret: &InSecret| change.sender != Sender::Standard || secret.standard().is_some();
    let kept = known.map(|hook| hook.secret.clone()).filter(|secret| !change.new_secret && fits(secret));
    HookIn {
        sender: change.sender,
        secret: change.secret.clone().or(kept).unwrap_or_else(|| made.clone()),
        app: change.app.clone(),
        networks: change.networks.clone(),
        filter: change.filter.clone(),
        action: change.action.clone(),
        paused: change.paused,
        by: by.to_owned(),
        at: core.clock.wall_ms(),
    }
}

/// Deletes the hook, then its deliveries; gives the revision that a router is to serve.
pub(super) async fn delete(
    core: &Core,
    name: &HookName,
    if_match: Option<u64>,
) -> Result<Revision, ApiError> {
    let removal =
        HookRemoval { name, key: key_of(name), kept: deliveries_prefix(name), what: what(name), unknown };
    removal.carry_out(core, if_match).await
}

/// There is no such hook.
pub(super) fn unknown(name: &HookName) -> ApiError {
    ApiError::new(Kind::NotFound, format!("there is no hook in `{name}`")).field("hook")
}

/// What is changed, in the words of an error.
fn what(name: &HookName) -> String {
    format!("the hook in `{name}`")
}
