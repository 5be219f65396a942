//! Preview grants: made, listed, revoked (docs/design.md section 5).
//!
//! They change no rollout, so they stand beside the record and not in it: no seq, no history, and no lock holds them
//! back. Whoever may release may make them, and `ci` may revoke what it made itself. The token is in the answer to the
//! call that makes it, and nowhere else.

mod describe;
mod list;
mod target;

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse as _, Response},
};

use self::{
    describe::describe,
    list::{PreviewChange, add, commit, is_routed, take_out},
    target::PreviewTarget,
};
use super::{
    answer::reached,
    query::WriteQuery,
    request::{NoFields, Read, Write, app_name},
};
use crate::{
    control::{
        commands::command::{CommandOutcome, unknown_app},
        limits::{PREVIEW_SECONDS_DEFAULT, PREVIEW_SECONDS_MAX},
        shared::{
            core::Core,
            error::{ApiError, Kind},
        },
    },
    limits::PREVIEW_NOTE_BYTES_MAX,
    rollout::{
        app::AppName,
        preview::{PREVIEW_PATH, Preview as Grant, PreviewCodec, PreviewId, Previews as Grants},
        record::Record,
    },
    schema::{
        app::Done,
        apply_status::ApplyStatus,
        preview::{Preview, PreviewRequest, PreviewRevocation, Previews},
    },
};

/// `GET .../previews`: those that live.
pub async fn list(
    State(core): State<Core>,
    Path(app): Path<String>,
    call: Read,
) -> Result<Json<Previews>, ApiError> {
    let app = app_name(&app)?;
    call.query.finish()?;
    let reading = core.replica.reading.load_full();
    let known = reading.apps.get(&app).ok_or_else(|| unknown_app(&app))?;
    let record = known.record.as_deref();
    let mut live = (*known.previews).clone();
    live.retain(core.clock.wall_ms(), |tenure| is_routed(record, tenure));
    let previews = live.previews.iter().map(|preview| describe(&app, preview, record)).collect();
    Ok(Json(Previews { previews }))
}

/// `POST .../previews`
pub async fn create(
    State(core): State<Core>,
    Path(app): Path<String>,
    call: Write,
) -> Result<Response, ApiError> {
    let app = app_name(&app)?;
    let PreviewRequest { track, release, seconds, note } = call.read()?;
    let target = PreviewTarget::resolve(&core, &app, track, release).await?;
    let lives = check_seconds(seconds)?;
    let note = check_note(note)?;
    let (caller, if_match) = (call.caller.clone(), call.if_match);
    let query = call.finish()?;
    let id = new_id()?;
    let make = |list: &mut Grants, record: &Record, now: u64| {
        let (release, tenure) = target.find(record)?;
        let expires = now.saturating_add(lives * 1_000);
        let (note, by) = (note.clone(), caller.name.clone());
        add(list, Grant { id, release: release.clone(), tenure, expires, note, by, at: now })
    };
    let changed = commit(&core, &app, if_match, &make).await?;
    let keys = core.replica.pin_keys().ok_or_else(|| {
        ApiError::new(Kind::StoreUnavailable, "this router has not read the pin keys yet; try again")
    })?;
    let token = PreviewCodec::new(&app, &keys).encode(&changed.preview);
    let made = Preview {
        path: Some(format!("{}{PREVIEW_PATH}?token={token}", link_prefix(&core, &app))),
        ..describe(&app, &changed.preview, Some(&changed.record))
    };
    tracing::info!(%app, actor = caller.name, id = %changed.preview.id, "a preview was made");
    let (served, applied) = wait(&core, &app, &changed, &query).await;
    let status = if served { StatusCode::CREATED } else { StatusCode::ACCEPTED };
    Ok((status, Json(Preview { applied, ..made })).into_response())
}

/// `DELETE .../previews/{id}`
pub async fn revoke(
    State(core): State<Core>,
    Path((app, id)): Path<(String, String)>,
    call: Write,
) -> Result<Response, ApiError> {
    let app = app_name(&app)?;
    let id: PreviewId =
        id.parse().map_err(|error| ApiError::new(Kind::Malformed, format!("{error}")).field("id"))?;
    call.read::<NoFields>()?;
    let (caller, if_match) = (call.caller.clone(), call.if_match);
    let query = call.finish()?;
    let take_out = |list: &mut Grants, _: &Record, _: u64| take_out(list, id, &caller);
    let changed = commit(&core, &app, if_match, &take_out).await?;
    tracing::info!(%app, actor = caller.name, %id, "a preview was revoked");
    let (served, applied) = wait(&core, &app, &changed, &query).await;
    let status = if served { StatusCode::OK } else { StatusCode::ACCEPTED };
    let done = PreviewRevocation { app: app.to_string(), id: id.to_string(), result: Done::Done, applied };
    Ok((status, Json(done)).into_response())
}

/// Waits until this router serves the change (with `?wait=fleet` every member); whether that was in time.
/// Below which of the app's path prefixes a link is opened: the first one.
fn link_prefix(core: &Core, app: &AppName) -> String {
    let reading = core.replica.reading.load();
    let settings = reading.apps.get(app).map(|reading| &reading.settings);
    let prefix = settings.and_then(|settings| settings.prefixes().next().map(str::to_owned));
    prefix.filter(|prefix| prefix != "/").unwrap_or_default()
}

async fn wait(
    core: &Core,
    app: &AppName,
    changed: &PreviewChange,
    query: &WriteQuery,
) -> (bool, Option<ApplyStatus>) {
    let (revision, seq) = (changed.revision, changed.record.seq);
    let executed = CommandOutcome { changed: true, created: false, revision, seq, routed: revision };
    let (served, applied) = reached(core, app, executed, query).await;
    (served, applied.map(|applied| applied.to_answer()))
}

fn check_seconds(seconds: Option<u64>) -> Result<u64, ApiError> {
    let seconds = seconds.unwrap_or(PREVIEW_SECONDS_DEFAULT);
    if (1..=PREVIEW_SECONDS_MAX).contains(&seconds) {
        return Ok(seconds);
    }
    let allowed = format!("a whole number from 1 to {PREVIEW_SECONDS_MAX}, which is 30 days");
    Err(ApiError::value("seconds", format!("{seconds} is not {allowed}")))
}

fn check_note(note: Option<String>) -> Result<String, ApiError> {
    let note = note.unwrap_or_default();
    if note.len() > PREVIEW_NOTE_BYTES_MAX {
        let message =
            format!("the note has {} bytes; allowed are at most {PREVIEW_NOTE_BYTES_MAX}", note.len());
        return Err(ApiError::value("note", message));
    }
    Ok(note.trim().to_owned())
}

fn new_id() -> Result<PreviewId, ApiError> {
    let mut random = [0; 10];
    let failed =
        |error| ApiError::new(Kind::Internal, format!("the system gives no random numbers: {error}"));
    getrandom::fill(&mut random).map_err(failed)?;
    Ok(PreviewId::new(random))
}
