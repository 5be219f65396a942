//! A hook as the API shows it: never its secret.

use keyvalues::Revision;

use crate::{
    control::{
        limits::HOOK_DELIVERIES_SHOWN,
        shared::{
            core::Core,
            hooks::{
                board::StoredHook,
                event::EventKind,
                hook::{Hook, HookName},
                progress,
            },
        },
    },
    schema::hook::{Delivery, Hook as HookAnswer, HookState, UnreadableHook},
};

/// A hook as it is stored, readable or not.
pub(super) fn describe(core: &Core, name: &HookName, stored: &StoredHook) -> HookState {
    match &stored.hook {
        Ok(hook) => HookState::Readable(describe_readable(core, name, hook, stored.revision)),
        Err(fault) => HookState::Unreadable(UnreadableHook {
            name: name.to_string(),
            fault: fault.clone(),
            revision: stored.revision,
            state: "unreadable".to_owned(),
            deliveries: deliveries(core, name),
        }),
    }
}

/// A hook that can be read.
pub(super) fn describe_readable(core: &Core, name: &HookName, hook: &Hook, revision: Revision) -> HookAnswer {
    let deliveries = deliveries(core, name);
    // A test says nothing of how far the hook was told.
    let last = deliveries.iter().find(|delivery| delivery.kind != EventKind::Test.as_str());
    let state = match last {
        _ if hook.paused => "paused",
        None => "new",
        Some(last) => last.outcome.as_str(),
    };
    let waiting = core.hooks.waiting(&core.replica.reading.load(), name, hook).into_iter();
    HookAnswer {
        name: name.to_string(),
        url: hook.url.to_string(),
        apps: hook.apps.as_ref().map(|apps| apps.iter().map(ToString::to_string).collect()),
        events: hook.events.as_ref().map(|events| events.iter().map(ToString::to_string).collect()),
        header: hook.header.as_ref().map(|header| header.name().to_owned()),
        paused: hook.paused,
        by: hook.by.clone(),
        at: hook.at,
        state: state.to_owned(),
        revision,
        waiting: waiting.map(|(app, count)| (app.to_string(), count)).collect(),
        deliveries,
        secret: None,
    }
}

/// The last deliveries to a hook, newest first.
fn deliveries(core: &Core, name: &HookName) -> Vec<Delivery> {
    let describe = |delivery: progress::Delivery| Delivery {
        id: delivery.id,
        kind: delivery.kind,
        app: delivery.app.map(|app| app.to_string()),
        seq: delivery.seq,
        at: delivery.at,
        attempt: delivery.attempt,
        outcome: delivery.outcome.as_str().to_owned(),
        status: delivery.status,
        ms: delivery.ms,
        error: delivery.error,
        router: delivery.router,
    };
    core.hooks.deliveries(name).into_iter().take(HOOK_DELIVERIES_SHOWN).map(describe).collect()
}
