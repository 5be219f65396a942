//! Hooks in the store: one is written or deleted, each in one commit.

use keyvalues::{Revision, Write as StoreWrite};
use parking_lot::Mutex;

use super::{
    change::HookChange,
    removal::{HookRemoval, refuse_stale},
};
use crate::{
    control::{
        commands::{
            commit::{Commit, Plan},
            transact::transact,
        },
        limits::HOOKS_MAX,
        shared::{
            core::Core,
            entries::{as_read, encode, entry, own_key},
            error::{ApiError, Kind},
            hooks::{
                hook::{HOOKS_PREFIX, Hook, HookName},
                progress::{PROGRESS_PREFIX, Progress, Topic},
                secret::Secret,
            },
        },
    },
    rollout::unknown_fields,
};

/// Writes in one commit beside the hook itself.
const BATCH: usize = 90;

/// A hook that was written.
pub(super) struct HookWrite {
    pub(super) hook: Hook,
    pub(super) revision: Revision,
    pub(super) is_new: bool,
}

/// Writes a hook; a secret that nobody gave is the one that was made.
pub(super) async fn put(
    core: &Core,
    name: &HookName,
    change: &HookChange,
    by: &str,
    if_match: Option<u64>,
    made: &Secret,
) -> Result<HookWrite, ApiError> {
    let key = &name.key();
    // What the last round wrote, and whether that was new.
    let tried: &Mutex<Option<(Hook, bool)>> = &Mutex::default();
    transact(&core.store, &what(name), move |round| async move {
        let listing = core.store.list(&[HOOKS_PREFIX]).await?;
        let found = entry(&listing, key);
        let known: Option<Hook> = found.and_then(|entry| serde_json::from_slice(&entry.value).ok());
        // The commit whose answer was lost may have done it.
        if round.in_doubt
            && let (Some((hook, is_new)), Some(found)) = (&*tried.lock(), found)
            && known.as_ref() == Some(hook)
        {
            let (hook, revision, is_new) = (hook.clone(), found.modified, *is_new);
            return Ok(Plan::Nothing(HookWrite { hook, revision, is_new }));
        }
        refuse_stale(if_match, found)?;
        if found.is_none() && listing.entries.len() >= HOOKS_MAX {
            let message = format!("there are {HOOKS_MAX} hooks already; remove one that nobody needs");
            return Err(ApiError::new(Kind::Refused("too_many_hooks"), message));
        }
        refuse_to_lead_header_elsewhere(change, known.as_ref())?;
        let hook = hook_of(core, change, known.as_ref(), by, made);
        let mut writes = beginnings(core, name, &hook, known.as_ref());
        while writes.len() > BATCH {
            core.store.commit(Vec::new(), writes.split_off(writes.len() - BATCH)).await?;
        }
        let json = match found {
            Some(found) => unknown_fields::keep(&found.value, &known, encode(&hook)),
            None => encode(&hook),
        };
        writes.push(StoreWrite::put(own_key(key), json));
        let is_new = found.is_none();
        *tried.lock() = Some((hook.clone(), is_new));
        let commit = Commit { checks: vec![as_read(found, key)], writes, proof: None };
        Ok(Plan::write(commit, move |revision| HookWrite { hook, revision, is_new }))
    })
    .await
}

fn hook_of(core: &Core, change: &HookChange, known: Option<&Hook>, by: &str, made: &Secret) -> Hook {
    let kept = known.map(|hook| hook.secret.clone()).filter(|_| !change.new_secret);
    Hook {
        url: change.url.clone(),
        apps: change.apps.clone(),
        events: change.events.clone(),
        secret: change.secret.clone().or(kept).unwrap_or_else(|| made.clone()),
        header: change.header.clone().unwrap_or_else(|| known.and_then(|hook| hook.header.clone())),
        paused: change.paused,
        by: by.to_owned(),
        at: core.clock.wall_ms(),
    }
}

/// Who may write a hook must not learn its header's value by having it sent to a receiver of his own.
fn refuse_to_lead_header_elsewhere(change: &HookChange, known: Option<&Hook>) -> Result<(), ApiError> {
    let keeps = known.filter(|hook| hook.header.is_some() && change.header.is_none());
    if keeps.is_none_or(|hook| hook.url.url().origin() == change.url.url().origin()) {
        return Ok(());
    }
    let message = "the URL leads to another host or port, and the header's value is not sent there unasked: send `header` again, or \
                   `no_header`";
    Err(ApiError::value("header", message))
}

/// A hook is told what happens from now on: where it is not told of an app yet, its topic is the app's newest change. An
/// app that comes later has no topic, and is told from its first.
fn beginnings(core: &Core, name: &HookName, hook: &Hook, known: Option<&Hook>) -> Vec<StoreWrite> {
    let reading = core.replica.reading.load();
    let wanted = reading.apps.iter().filter(|(app, _)| hook.wants_app(app));
    let fresh = wanted.filter(|(app, _)| !known.is_some_and(|known| known.wants_app(app)));
    let begin = |(topic, newest): (Topic, u64)| {
        let told = core.hooks.progress(name, &topic);
        let sent = Progress::starting_at(newest, told.as_deref());
        StoreWrite::put(own_key(&topic.key(name)), encode(&sent))
    };
    let topics = fresh.flat_map(|(app, reading)| {
        let changes = reading.record.as_ref().map(|record| (Topic::of(app), record.seq));
        let of_endpoints = (Topic::Endpoints(app.clone()), core.endpoint_events.of(app));
        changes.into_iter().chain([of_endpoints].into_iter().filter(|(_, newest)| *newest > 0))
    });
    topics.map(begin).collect()
}

/// Deletes the hook, then what it was told; gives the revision that a router is to serve. A courier that is at it
/// writes nothing for a hook that is gone.
pub(super) async fn delete(
    core: &Core,
    name: &HookName,
    if_match: Option<u64>,
) -> Result<Revision, ApiError> {
    let removal = HookRemoval {
        name,
        key: name.key(),
        kept: format!("{PROGRESS_PREFIX}{name}/"),
        what: what(name),
        unknown,
    };
    removal.carry_out(core, if_match).await
}

/// There is no such hook.
pub(super) fn unknown(name: &HookName) -> ApiError {
    ApiError::new(Kind::NotFound, format!("there is no hook `{name}`")).field("hook")
}

/// What is changed, in the words of an error.
fn what(name: &HookName) -> String {
    format!("the hook `{name}`")
}
