//! The answer to a change, and to a read of one app.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::{query::WriteQuery, snapshot::Snapshot};
use crate::{
    control::{
        commands::command::{CommandOutcome, unknown_app},
        fleet::wait::{ApplyStatus, Target, wait_until_applied},
        limits::SERVED_WAIT_MAX,
        shared::{audit::trail, core::Core, error::ApiError, gate_answers::GateAnswers},
    },
    rollout::app::AppName,
    schema::app::{App, Outcome},
};

/// The answer to a change: waits until this router serves it (with `?wait=fleet` every member), then gives the new
/// state. 202 when that takes longer than the asker waits; the change itself stands.
pub async fn answer(core: &Core, app: &AppName, executed: CommandOutcome, query: &WriteQuery) -> Response {
    answer_asked(core, app, (executed, GateAnswers::default()), query).await
}

/// The same for a change that made a release stable, with what its endpoints answered.
pub(super) async fn answer_asked(
    core: &Core,
    app: &AppName,
    (executed, answers): (CommandOutcome, GateAnswers),
    query: &WriteQuery,
) -> Response {
    let reached = reached(core, app, executed, query).await;
    changed_state(core, app, (executed, &answers), reached)
}

/// The answer to a change that is served where the asker wants it to be, or not (`everywhere`).
pub(super) fn changed_state(
    core: &Core,
    app: &AppName,
    (executed, answers): (CommandOutcome, &GateAnswers),
    (everywhere, applied): (bool, Option<ApplyStatus>),
) -> Response {
    trail::note(|notes| notes.is_unchanged = !executed.changed);
    let snapshot = Snapshot::of(core);
    let state = App {
        result: Some(if executed.changed { Outcome::Done } else { Outcome::Unchanged }),
        created: executed.created.then_some(true),
        asked: answers.to_answer(),
        applied: applied.map(|applied| applied.to_answer()),
        ..snapshot.state(app).unwrap_or_default()
    };
    let status = if everywhere { StatusCode::OK } else { StatusCode::ACCEPTED };
    (status, with_etag(&state, snapshot.seq(app))).into_response()
}

/// Whether a change is served where the asker wants it to be; with `?wait=fleet` also how far it is applied.
pub(super) async fn reached(
    core: &Core,
    app: &AppName,
    executed: CommandOutcome,
    query: &WriteQuery,
) -> (bool, Option<ApplyStatus>) {
    let Some(wait) = query.fleet else {
        return (core.replica.wait_for(executed.revision, SERVED_WAIT_MAX).await, None);
    };
    let target = Target::App(app.clone(), executed.seq, executed.routed);
    let (_, applied) =
        tokio::join!(core.replica.wait_for(executed.revision, wait), wait_until_applied(core, &target, wait));
    (applied.is_everywhere(), Some(applied))
}

/// One app's state with its ETag; 404 when there is no such app.
pub fn state_answer(snapshot: &Snapshot, app: &AppName) -> Result<Response, ApiError> {
    let state = snapshot.state(app).ok_or_else(|| unknown_app(app))?;
    Ok(with_etag(&state, snapshot.seq(app)))
}

fn with_etag(body: &impl Serialize, seq: Option<u64>) -> Response {
    let mut response = Json(body).into_response();
    set_etag(&mut response, seq);
    response
}

/// The seq as ETag.
pub fn set_etag(response: &mut Response, seq: Option<u64>) {
    if let Some(tag) = seq.and_then(|seq| HeaderValue::from_str(&format!("\"{seq}\"")).ok()) {
        response.headers_mut().insert(header::ETAG, tag);
    }
}
