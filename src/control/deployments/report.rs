//! What people are told of a step: the audit of each one, and hooks of what came of the deployment.

use serde_json::json;

use super::held::Held;
use crate::{
    control::shared::{
        audit::{redaction::of_text, trail::Notes},
        core::Core,
        hooks::{event::EventKind, message::Message},
    },
    rollout::deployment::{record::Deployment, run::Run, state::State, step::Step},
    schema::audit::{AuditEntry, AuditOutcome},
};

/// Keeps a step in the audit, with what it has changed; `why` it could not be carried out.
pub fn audit(core: &Core, held: &Held, step: &Step, why: Option<&str>, notes: Notes) {
    let Deployment { app, id, created_by, .. } = &held.deployment;
    let text = match why {
        Some(why) => format!("cannot {step}: {why}"),
        None => step.to_string(),
    };
    let outcome = if why.is_some() { AuditOutcome::Failed } else { AuditOutcome::Done };
    let entry = AuditEntry {
        at: core.clock.wall_ms(),
        router: core.name().to_owned(),
        actor: Some(created_by.clone()),
        role: Some(held.run.role.to_string()),
        via: "deployment".to_owned(),
        method: "STEP".to_owned(),
        path: format!("/api/v1/apps/{app}/deployments/{id}"),
        app: Some(app.to_string()),
        outcome,
        message: Some(of_text(&format!("step {}: {text}", held.run.fence))),
        changes: notes.changes,
        changes_left_out: notes.changes_left_out,
        ..AuditEntry::default()
    };
    core.journal.record(entry, false, core.clock.monotonic());
}

/// Tells hooks that a deployment has come up, or has failed, with a step that led from one state to the other.
pub fn tell_hooks(core: &Core, deployment: &Deployment, before: State, run: &Run) {
    let Deployment { app, id, created_by: actor, spec, .. } = deployment;
    let image = &spec.image;
    let reason = run.failure.as_ref().map_or("", |failure| failure.reason.as_str());
    let (kind, text) = match run.state {
        same if same == before => return,
        State::Serving => (EventKind::Deployed, format!("{app}: {id} ({image}) serves; {actor} deployed it")),
        State::Failed => {
            let text = format!("{app}: {id} ({image}), which {actor} deployed, failed: {reason}");
            (EventKind::DeployFailed, text)
        }
        _ => return,
    };
    let fields = json!({
        "deployment": id,
        "release": deployment.main_release(),
        "image": image,
        "digest": run.digest,
        "actor": actor,
        "reason": reason,
    });
    core.hooks.queue_notice(Message::outcome(kind, app.clone(), &text, core.clock.wall_ms(), fields));
}
