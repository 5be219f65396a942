//! The calls that make an app, and that say which app hosts lead to that nobody claims.

use axum::extract::{Path, State};
use keyvalues::Revision;

use super::{
    answer::{answer, changed_state},
    host_claims::refuse_claimed,
    query::WriteQuery,
    request::{Write, app_name},
    snapshot::Snapshot,
    tracks::Answer,
};
use crate::{
    control::{
        commands::{
            command::{CommandOutcome, unknown_app},
            default_app::set_default,
            new_app,
        },
        fleet::wait::{ApplyStatus, Target, wait_until_served},
        limits::SERVED_WAIT_MAX,
        shared::{access::caller::Caller, core::Core, error::ApiError, gate_answers::GateAnswers},
    },
    rollout::{app::AppName, command::Role, settings::Settings},
    schema::change::{AppRequest, ReasonRequest},
};

/// `PUT /api/v1/apps/{app}`: makes an app that has no release yet. One that is there stays as it is.
pub async fn add(State(core): State<Core>, Path(app): Path<String>, call: Write) -> Answer {
    let app = app_name(&app)?;
    let AppRequest { hosts, reason } = call.read()?;
    let hosts = hosts.unwrap_or_default();
    if !hosts.is_empty() {
        // They are a setting.
        call.caller.needs(Role::Operator)?;
    }
    let settings = serde_json::json!({ "hosts": hosts }).to_string();
    let settings = Settings::parse(settings.as_bytes())?;
    refuse_claimed(&core, &app, &settings)?;
    let asker = call.asker(&core, reason)?;
    let query = call.finish()?;
    let outcome = new_app::add(&core, &app, &settings.hosts, &asker).await?;
    Ok(answer(&core, &app, outcome, &query).await)
}

/// `PUT .../default`: hosts that no app claims lead to this one from now on.
pub async fn make_default(State(core): State<Core>, Path(app): Path<String>, call: Write) -> Answer {
    let app = app_name(&app)?;
    write(core, app, call, true).await
}

/// `DELETE .../default`: hosts that no app claims lead nowhere, if this one was the default. The only app is the default
/// whatever is stored.
pub async fn end_default(State(core): State<Core>, Path(app): Path<String>, call: Write) -> Answer {
    let app = app_name(&app)?;
    write(core, app, call, false).await
}

async fn write(core: Core, app: AppName, call: Write, makes: bool) -> Answer {
    call.caller.needs(Role::Operator)?;
    needs_all_apps(&call.caller)?;
    let ReasonRequest { reason } = call.read()?;
    let asker = call.asker(&core, reason)?;
    let query = call.finish()?;
    let snapshot = Snapshot::of(&core);
    let seq = snapshot.seq(&app).ok_or_else(|| unknown_app(&app))?;
    let is_default = snapshot.default_app() == Some(&app);
    let revision = match makes || is_default {
        true => set_default(&core, makes.then_some(&app)).await?,
        false => core.replica.changed_at(),
    };
    let changed = makes != is_default;
    if changed {
        let (actor, reason) = (&asker.actor, &asker.reason);
        tracing::info!(%app, ?actor, ?reason, makes, "the default app was changed");
    }
    let served = served(&core, revision, &query).await;
    let outcome = CommandOutcome { changed, created: false, revision, seq, routed: 0 };
    Ok(changed_state(&core, &app, (outcome, &GateAnswers::default()), served))
}

/// Whether a revision is served where the asker wants it to be; with `?wait=fleet` also how far it is applied.
async fn served(core: &Core, revision: Revision, query: &WriteQuery) -> (bool, Option<ApplyStatus>) {
    let Some(wait) = query.fleet else {
        return (core.replica.wait_for(revision, SERVED_WAIT_MAX).await, None);
    };
    let applied = wait_until_served(core, revision, wait, || Target::Store(revision)).await;
    (applied.is_everywhere(), Some(applied))
}

/// Which app is the default concerns every other app too.
fn needs_all_apps(caller: &Caller) -> Result<(), ApiError> {
    if caller.scope.has_all_apps() {
        return Ok(());
    }
    Err(caller.out_of_scope("is for some apps only, and the default app concerns all of them"))
}
