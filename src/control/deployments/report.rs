//! What people are told of a step: the audit of each one, and hooks of what came of the deployment.

use serde_json::json;

use super::held::Held;
use crate::{
    control::shared::{
        audit::{redaction::of_text, trail::Notes},
        core::Core,
        hooks::{event::EventKind, message::Message},
    },
    rollout::deployment::{record::Deployment, run::Untold, step::Step},
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

/// Tells hooks what came of a deployment. Gives what they have been told by now, or nobody wanted to know: what is not among it
/// is told again by whichever router goes on, should this one end.
pub fn tell_hooks(core: &Core, held: &Held) -> Vec<Untold> {
    let key = (held.deployment.app.clone(), held.deployment.id.clone());
    let is_told = |(kind, fence): (&Untold, &u64)| {
        let message = || match kind {
            Untold::Recycled => message_of_recycle(core, held),
            Untold::Deployed | Untold::DeployFailed => message_of_state(core, held, *kind),
        };
        core.deployments.tell(&core.hooks, (key.clone(), *kind, *fence), message).then_some(*kind)
    };
    held.run.untold.iter().filter_map(is_told).collect()
}

/// A recycle is over.
fn message_of_recycle(core: &Core, held: &Held) -> Message {
    let Deployment { app, id, spec, .. } = &held.deployment;
    let recycle = held.run.recycle.as_ref();
    let swaps = || recycle.into_iter().flat_map(|recycle| &recycle.swaps);
    let (done, of) = (swaps().filter(|swap| swap.is_done).count(), swaps().count());
    let actor = recycle.map_or("", |recycle| &recycle.by);
    let reason = recycle.and_then(|recycle| recycle.failure.as_ref()).map_or("", |failure| &failure.reason);
    let text = match reason {
        "" => format!("{app}: the {of} containers of {id} were made anew; {actor} asked for it"),
        why => format!(
            "{app}: {done} of the {of} containers of {id} were made anew, for which {actor} had asked; the others are the old \
             ones: {why}"
        ),
    };
    let fields = json!({
        "deployment": id,
        "release": held.deployment.main_release(),
        "image": spec.image,
        "digest": recycle.and_then(|recycle| recycle.digest.as_ref()),
        "in_place": recycle.is_some_and(|recycle| recycle.in_place),
        "done": done,
        "of": of,
        "actor": actor,
        "reason": reason,
    });
    Message::outcome(EventKind::Recycled, app.clone(), &text, core.clock.wall_ms(), fields)
}

/// It has come up, or has failed.
fn message_of_state(core: &Core, held: &Held, kind: Untold) -> Message {
    let Deployment { app, id, created_by: actor, spec, .. } = &held.deployment;
    let image = &spec.image;
    let reason = held.run.failure.as_ref().map_or("", |failure| failure.reason.as_str());
    let (kind, text) = match kind {
        Untold::Deployed => {
            (EventKind::Deployed, format!("{app}: {id} ({image}) serves; {actor} deployed it"))
        }
        _ => {
            let text = format!("{app}: {id} ({image}), which {actor} deployed, failed: {reason}");
            (EventKind::DeployFailed, text)
        }
    };
    let fields = json!({
        "deployment": id,
        "release": held.deployment.main_release(),
        "image": image,
        "digest": held.run.digest,
        "actor": actor,
        "reason": reason,
    });
    Message::outcome(kind, app.clone(), &text, core.clock.wall_ms(), fields)
}
