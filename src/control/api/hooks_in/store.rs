//! Hooks in, in the store: one is written or deleted, each in one commit.

use keyvalues::{Revision, Write as StoreWrite};
use parking_lot::Mutex;

use super::change::HookInChange;
use crate::{
    control::{
        api::hooks::removal::{HookRemoval, refuse_stale},
        commands::{
            commit::{Commit, Plan},
            transact::transact,
        },
        limits::HOOKS_MAX,
        shared::{
            core::Core,
            entries::{as_read, encode, entry, own_key},
            error::{ApiError, Kind},
            hooks::hook::HookName,
            hooks_in::{
                delivery::deliveries_prefix,
                hook_in::{HOOKS_IN_PREFIX, HookIn, key_of},
                secret::InSecret,
                sender::Sender,
            },
        },
    },
    rollout::unknown_fields,
};

/// A hook in that was written.
pub(super) struct HookInWrite {
    pub(super) hook: HookIn,
    pub(super) revision: Revision,
    pub(super) is_new: bool,
}

/// Writes a hook in; a secret that nobody gave is the one that was made.
pub(super) async fn put(
    core: &Core,
    name: &HookName,
    change: &HookInChange,
    by: &str,
    if_match: Option<u64>,
    made: &InSecret,
) -> Result<HookInWrite, ApiError> {
    let key = &key_of(name);
    // What the last round wrote, and whether that was new.
    let tried: &Mutex<Option<(HookIn, bool)>> = &Mutex::default();
    transact(&core.store, &what(name), move |round| async move {
        let listing = core.store.list(&[HOOKS_IN_PREFIX]).await?;
        let found = entry(&listing, key);
        let known: Option<HookIn> = found.and_then(|entry| serde_json::from_slice(&entry.value).ok());
        // The commit whose answer was lost may have done it.
        if round.in_doubt
            && let (Some((hook, is_new)), Some(found)) = (&*tried.lock(), found)
            && known.as_ref() == Some(hook)
        {
            let (hook, revision, is_new) = (hook.clone(), found.modified, *is_new);
            return Ok(Plan::Nothing(HookInWrite { hook, revision, is_new }));
        }
        refuse_stale(if_match, found)?;
        if found.is_none() && listing.entries.len() >= HOOKS_MAX {
            let message = format!("there are {HOOKS_MAX} hooks in already; remove one that nobody needs");
            return Err(ApiError::new(Kind::Refused("too_many_hooks"), message));
        }
        let hook = hook_of(core, change, known.as_ref(), by, made);
        let json = match found {
            Some(found) => unknown_fields::keep(&found.value, &known, encode(&hook)),
            None => encode(&hook),
        };
        let is_new = found.is_none();
        *tried.lock() = Some((hook.clone(), is_new));
        let writes = vec![StoreWrite::put(own_key(key), json)];
        let commit = Commit { checks: vec![as_read(found, key)], writes, proof: None };
        Ok(Plan::write(commit, move |revision| HookInWrite { hook, revision, is_new }))
    })
    .await
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
