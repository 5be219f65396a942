//! Hooks in the store: one is written or deleted, each in one commit.

use keyvalues::{Revision, Write as StoreWrite};

use super::{
    change::HookChange,
    removal::HookRemoval,
    writing::{HookWrite, HookWriting},
};
use crate::control::shared::{
    core::Core,
    entries::{encode, own_key},
    error::{ApiError, Kind},
    hooks::{
        hook::{HOOKS_PREFIX, Hook, HookName},
        progress::{PROGRESS_PREFIX, Progress, Topic},
        secret::Secret,
    },
};

/// Writes a hook; a secret that nobody gave is the one that was made.
pub(super) async fn put(
    core: &Core,
    name: &HookName,
    change: &HookChange,
    by: &str,
    if_match: Option<u64>,
    made: &Secret,
) -> Result<HookWrite<Hook>, ApiError> {
    let writing =
        HookWriting { key: name.key(), prefix: HOOKS_PREFIX, kind: "hooks", what: what(name), if_match };
    let make = |known: Option<&Hook>| {
        refuse_to_lead_header_elsewhere(change, known)?;
        let hook = hook_of(core, change, known, by, made);
        let beginnings = beginnings(core, name, &hook, known);
        Ok((hook, beginnings))
    };
    writing.carry_out(core, make).await
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
