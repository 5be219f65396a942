//! A hook in and its deliveries as the API shows them: never the secret.

use keyvalues::Revision;

use crate::{
    control::{
        limits::HOOK_DELIVERIES_SHOWN,
        shared::{
            core::Core,
            hooks::hook::HookName,
            hooks_in::{
                board::StoredHookIn,
                delivery::InDelivery,
                hook_in::{Action, HookIn},
            },
        },
    },
    schema::hook_in::{self, HookInAnswer, HookInState, UnreadableHookIn},
};

/// A hook in as it is stored, readable or not.
pub(super) fn describe(core: &Core, name: &HookName, stored: &StoredHookIn) -> HookInState {
    match &stored.hook {
        Ok(hook) => HookInState::Readable(Box::new(describe_readable(core, name, hook, stored.revision))),
        Err(fault) => HookInState::Unreadable(UnreadableHookIn {
            name: name.to_string(),
            fault: fault.clone(),
            revision: stored.revision,
        }),
    }
}

/// A hook in that can be read.
pub(super) fn describe_readable(
    core: &Core,
    name: &HookName,
    hook: &HookIn,
    revision: Revision,
) -> hook_in::HookIn {
    let deliveries = core.hooks_in.deliveries(name).into_iter().take(HOOK_DELIVERIES_SHOWN);
    let shown = of_action(&hook.action);
    hook_in::HookIn {
        name: name.to_string(),
        path: path_of(name),
        sender: hook.sender.to_string(),
        app: hook.app.to_string(),
        networks: hook.networks.as_ref().map(|networks| texts(networks)),
        events: texts(&hook.filter.events),
        branches: texts(&hook.filter.branches),
        tags: texts(&hook.filter.tags),
        matches: texts(&hook.filter.matches),
        paused: hook.paused,
        by: hook.by.clone(),
        at: hook.at,
        revision,
        deliveries: deliveries.map(|(id, delivery)| describe_delivery(id, delivery)).collect(),
        secret: None,
        ..shown
    }
}

/// What a hook in does, and with what of a payload.
fn of_action(action: &Action) -> hook_in::HookIn {
    match action {
        Action::SetCandidate(mapping) => hook_in::HookIn {
            action: Action::SET_CANDIDATE.to_owned(),
            release: mapping.release.to_string(),
            port: mapping.port,
            endpoints: texts(&mapping.endpoints),
            blend: mapping.blend,
            plan: mapping.plan.clone(),
            reason: mapping.reason.as_ref().map(ToString::to_string),
            ..hook_in::HookIn::default()
        },
        Action::Deploy(mapping) => hook_in::HookIn {
            action: Action::DEPLOY.to_owned(),
            image: Some(mapping.image.to_string()),
            release: mapping.release.to_string(),
            port: mapping.port,
            replicas: mapping.replicas,
            health_path: mapping.health_path.clone(),
            environment: mapping
                .environment
                .iter()
                .map(|(name, value)| (name.clone(), value.to_string()))
                .collect(),
            blend: mapping.blend,
            plan: mapping.plan.clone(),
            ..hook_in::HookIn::default()
        },
    }
}

fn describe_delivery(id: String, delivery: InDelivery) -> hook_in::InDelivery {
    hook_in::InDelivery {
        id,
        at: delivery.at,
        result: delivery.end.as_str().to_owned(),
        event: delivery.event,
        status: delivery.status,
        message: delivery.message,
        release: delivery.release,
        deployment: delivery.deployment,
        seq: delivery.seq,
        client: delivery.client,
        router: delivery.router,
    }
}

/// What a sender is answered about a delivery.
pub(super) fn answer_of(name: &HookName, id: &str, delivery: &InDelivery, repeated: bool) -> HookInAnswer {
    HookInAnswer {
        result: delivery.end.as_str().to_owned(),
        message: delivery.message.clone(),
        id: id.to_owned(),
        url: url_of(name, id),
        repeated,
        release: delivery.release.clone(),
        deployment: delivery.deployment.clone(),
        seq: delivery.seq,
    }
}

/// Where a delivery's outcome can be read.
pub(super) fn url_of(name: &HookName, id: &str) -> String {
    format!("{}/{id}", path_of(name))
}

fn path_of(name: &HookName) -> String {
    format!("/hooks/in/{name}")
}

fn texts<T: ToString>(values: &[T]) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}
