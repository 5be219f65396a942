//! What people are told of a step: the audit of each one, and hooks of what came of the deployment.

use serde_json::json;

use super::held::Held;
use crate::{
    control::shared::{
        audit::{redaction::of_text, trail::Notes},
        core::Core,
        hooks::{event::EventKind, message::Message},
    },
    rollout::deployment::{record::Deployment, recycle::Recycle, run::Run, state::State, step::Step},
    schema::audit::{AuditEntry, AuditOutcome},
};

/// Keeps a step in the audit, with what it has changed; `why` it could not be carried out.
pub fn audit(core: &Core, held: &Held, step: &Step, why: Option<&str>, notes: Notes) {
    let Deployment { app, id, created_by, .. } = &held.deployment;
    let actor = held.run.recycling().map_or(created_by, |recycle| &recycle.by);
    let text = match why {
        Some(why) => format!("cannot {step}: {why}"),
        None => step.to_string(),
    };
    let outcome = if why.is_some() { AuditOutcome::Failed } else { AuditOutcome::Done };
    let entry = AuditEntry {
        at: core.clock.wall_ms(),
        router: core.name().to_owned(),
        actor: Some(actor.clone()),
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

/// Tells hooks what came of a deployment or of a recycle with a step.
pub fn tell_hooks(core: &Core, deployment: &Deployment, before: &Run, run: &Run) {
    tell_of_state(core, deployment, before.state, run);
    if before.recycling().is_some()
        && let Some(recycle) = run.recycle.as_ref().filter(|recycle| !recycle.is_under_way())
    {
        tell_of_recycle(core, deployment, recycle);
    }
}

/// A recycle is over.
fn tell_of_recycle(core: &Core, deployment: &Deployment, recycle: &Recycle) {
    let Deployment { app, id, spec, .. } = deployment;
    let (done, of) = (recycle.swaps.iter().filter(|swap| swap.is_done).count(), recycle.swaps.len());
    let (actor, reason) = (&recycle.by, recycle.failure.as_ref().map_or("", |failure| &failure.reason));
    let text = match reason {
        "" => format!("{app}: the {of} containers of {id} were made anew; {actor} asked for it"),
        why => format!(
            "{app}: {done} of the {of} containers of {id} were made anew, for which {actor} had asked; the others are the old \
             ones: {why}"
        ),
    };
    let fields = json!({
        "deployment": id,
        "release": deployment.main_release(),
        "image": spec.image,
        "digest": recycle.digest,
        "in_place": recycle.in_place,
        "done": done,
        "of": of,
        "actor": actor,
        "reason": reason,
    });
    let message = Message::outcome(EventKind::Recycled, app.clone(), &text, core.clock.wall_ms(), fields);
    core.hooks.queue_notice(message);
}

/// It has come up, or has failed, with a step that led from one state to the other.
fn tell_of_state(core: &Core, deployment: &Deployment, before: State, run: &Run) {
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
