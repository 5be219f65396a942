//! Preview grants: made, listed, revoked (docs/design.md section 5).
//!
//! They change no rollout, so they stand beside the record and not in it: no seq, no history, and no lock holds them
//! back. Whoever may release may make them, and `ci` may revoke what it made itself. The token is in the answer to the
//! call that makes it, and nowhere else.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use keyvalues::{Entry, Write as StoreWrite};
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::{
    answer::reached,
    query::WriteQuery,
    request::{Read, Write, app_name},
};
use crate::{
    control::{
        commands::{
            command::{CommandOutcome, unknown_app},
            commit::{Commit, Plan},
            naming::Named,
            stored::StoredApp,
            transact::transact_app,
        },
        limits::{PREVIEW_SECONDS_DEFAULT, PREVIEW_SECONDS_MAX},
        shared::{
            access::caller::Caller,
            core::Core,
            entries::{as_read, own_key},
            error::{ApiError, Kind},
        },
    },
    limits::{PREVIEW_NOTE_BYTES_MAX, PREVIEWS_MAX},
    rollout::{
        app::AppName,
        command::{Refusal, Role},
        keys,
        preview::{PREVIEW_PATH, Preview, PreviewCodec, PreviewId, Previews},
        record::{Record, Stay, Tenure},
        release::ReleaseId,
    },
};

/// Which release a preview is to show.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Shown {
    Stable,
    Candidate,
    Release(ReleaseId),
}

/// One change of an app's list of grants: the list, the record, the present (Unix ms).
type Change<'a> = &'a (dyn Fn(&mut Previews, &Record, u64) -> Result<Preview, ApiError> + Sync);

/// What a change came to.
struct Changed {
    preview: Preview,
    record: Record,
    revision: keyvalues::Revision,
}

/// `GET .../previews`: those that live.
pub async fn list(
    State(core): State<Core>,
    Path(app): Path<String>,
    call: Read,
) -> Result<Json<Value>, ApiError> {
    let app = app_name(&app)?;
    call.query.finish()?;
    let view = core.replica.view.load_full();
    let known = view.apps.get(&app).ok_or_else(|| unknown_app(&app))?;
    let record = known.record.as_deref();
    let mut live = (*known.previews).clone();
    live.retain(core.clock.wall_ms(), |tenure| is_routed(record, tenure));
    let shown: Vec<Value> = live.previews.iter().map(|preview| describe(&app, preview, record)).collect();
    Ok(Json(json!({ "previews": shown })))
}

/// `POST .../previews`
pub async fn create(
    State(core): State<Core>,
    Path(app): Path<String>,
    mut call: Write,
) -> Result<Response, ApiError> {
    let app = app_name(&app)?;
    let shown = take_shown(&core, &app, &mut call).await?;
    let lives = take_seconds(&mut call)?;
    let note = take_note(&mut call)?;
    let (caller, if_match) = (call.caller.clone(), call.if_match);
    let query = call.finish()?;
    let id = new_id()?;
    let make = |list: &mut Previews, record: &Record, now: u64| {
        let (release, tenure) = routed_release(record, &shown)?;
        let expires = now.saturating_add(lives * 1_000);
        let (note, by) = (note.clone(), caller.name.clone());
        add(list, Preview { id, release: release.clone(), tenure, expires, note, by, at: now })
    };
    let changed = commit(&core, &app, if_match, &make).await?;
    let keys = core
        .replica
        .pin_keys()
        .ok_or_else(|| ApiError::new(Kind::StoreUnavailable, "this router has no keys yet; try again"))?;
    let token = PreviewCodec::new(&app, &keys).encode(&changed.preview);
    let mut made = describe(&app, &changed.preview, Some(&changed.record));
    made["path"] = json!(format!("{PREVIEW_PATH}?token={token}"));
    tracing::info!(%app, actor = caller.name, id = %changed.preview.id, "a preview was made");
    Ok(answer(&core, &app, &changed, made, StatusCode::CREATED, &query).await)
}

/// `DELETE .../previews/{id}`
pub async fn revoke(
    State(core): State<Core>,
    Path((app, id)): Path<(String, String)>,
    call: Write,
) -> Result<Response, ApiError> {
    let app = app_name(&app)?;
    let id = id.parse().map_err(|error| ApiError::new(Kind::Malformed, format!("{error}")).field("id"))?;
    let (caller, if_match) = (call.caller.clone(), call.if_match);
    let query = call.finish()?;
    let take_out = |list: &mut Previews, _: &Record, _: u64| take_out(list, id, &caller);
    let changed = commit(&core, &app, if_match, &take_out).await?;
    tracing::info!(%app, actor = caller.name, %id, "a preview was revoked");
    let done = json!({ "app": app, "id": id, "result": "done" });
    Ok(answer(&core, &app, &changed, done, StatusCode::OK, &query).await)
}

/// Answers when this router serves the change (with `?wait=fleet` every member); 202 when that takes longer than the
/// asker waits.
async fn answer(
    core: &Core,
    app: &AppName,
    changed: &Changed,
    mut body: Value,
    done: StatusCode,
    query: &WriteQuery,
) -> Response {
    let (revision, seq) = (changed.revision, changed.record.seq);
    let executed = CommandOutcome { changed: true, revision, seq, routed: revision };
    let (served, applied) = reached(core, app, executed, query).await;
    if let Some(applied) = applied {
        body["applied"] = applied.json();
    }
    (if served { done } else { StatusCode::ACCEPTED }, Json(body)).into_response()
}

async fn commit(
    core: &Core,
    app: &AppName,
    if_match: Option<u64>,
    change: Change<'_>,
) -> Result<Changed, ApiError> {
    let key = &keys::previews(app);
    // What the last round wrote.
    let tried: &Mutex<Option<(Previews, Preview)>> = &Mutex::default();
    transact_app(core, app, move |stored, round| async move {
        let Some(record) = stored.record.clone() else { return Err(no_record(&stored)) };
        let entry = core.store.get(&own_key(key)).await?;
        let mut list = list_of(core, app, entry.as_ref());
        // The commit whose answer was lost may have done it.
        if round.in_doubt
            && let (Some((wanted, preview)), Some(entry)) = (&*tried.lock(), &entry)
            && *wanted == list
        {
            return Ok(Plan::Nothing(Changed { preview: preview.clone(), record, revision: entry.modified }));
        }
        if let Some(seen) = if_match.filter(|seen| *seen != record.seq) {
            return Err(Refusal::Stale { seen, now: record.seq }.into());
        }
        let now = core.clock.wall_ms();
        list.retain(now, |tenure| is_routed(Some(&record), tenure));
        let preview = change(&mut list, &record, now)?;
        let json =
            serde_json::to_vec(&list).map_err(|error| ApiError::new(Kind::Internal, error.to_string()))?;
        let mut checks = stored.checks();
        checks.push(as_read(entry.as_ref(), key));
        let writes = vec![StoreWrite::put(own_key(key), json)];
        *tried.lock() = Some((list, preview.clone()));
        let commit = Commit { checks, writes, proof: None };
        Ok(Plan::write(commit, |revision| Changed { preview, record, revision }))
    })
    .await
}

fn no_record(stored: &StoredApp) -> ApiError {
    if stored.is_absent() {
        return unknown_app(&stored.name);
    }
    not_routed(format!("no release of `{}` is routed yet", stored.name))
}

fn not_routed(message: String) -> ApiError {
    ApiError::new(Kind::Refused("not_routed"), message)
}

/// The stored list; where it cannot be read, the last good one.
fn list_of(core: &Core, app: &AppName, entry: Option<&Entry>) -> Previews {
    let Some(entry) = entry else { return Previews::default() };
    let last_good = || {
        let view = core.replica.view.load();
        view.apps.get(app).map(|known| (*known.previews).clone()).unwrap_or_default()
    };
    Previews::parse(&entry.value).unwrap_or_else(|_| last_good())
}

fn add(list: &mut Previews, preview: Preview) -> Result<Preview, ApiError> {
    if list.previews.len() >= PREVIEWS_MAX {
        let message = format!("{PREVIEWS_MAX} previews live already; revoke some that nobody needs");
        return Err(ApiError::new(Kind::Refused("too_many_previews"), message));
    }
    list.previews.push(preview.clone());
    Ok(preview)
}

fn take_out(list: &mut Previews, id: PreviewId, caller: &Caller) -> Result<Preview, ApiError> {
    let found = list.previews.iter().position(|preview| preview.id == id);
    let index = found.ok_or_else(|| ApiError::new(Kind::NotFound, format!("no preview `{id}` lives")))?;
    if caller.role < Role::Operator && list.previews[index].by != caller.name {
        let message =
            format!("`{}` was made by `{}`; a ci token revokes its own", id, list.previews[index].by);
        return Err(ApiError::new(Kind::Forbidden, message));
    }
    Ok(list.previews.remove(index))
}

/// The release that is to be shown, with its tenure.
fn routed_release<'a>(record: &'a Record, shown: &Shown) -> Result<(&'a ReleaseId, Tenure), ApiError> {
    let stay = match shown {
        Shown::Stable => record.stable.as_ref(),
        Shown::Candidate => record.candidate.as_ref(),
        Shown::Release(release) => {
            let routed = record.routed().find(|(routed, _)| *routed == release);
            return routed.ok_or_else(|| not_routed(format!("{release} is neither on a track nor draining")));
        }
    };
    let track = if *shown == Shown::Stable { "stable" } else { "candidate" };
    stay.map(|stay| (&stay.release, stay.tenure)).ok_or_else(|| not_routed(format!("there is no {track}")))
}

fn is_routed(record: Option<&Record>, tenure: Tenure) -> bool {
    record.is_some_and(|record| record.by_tenure(tenure).is_some())
}

/// A grant as the API shows it.
fn describe(app: &AppName, preview: &Preview, record: Option<&Record>) -> Value {
    let stands = |stay: &Option<Stay>| stay.as_ref().is_some_and(|stay| stay.tenure == preview.tenure);
    let track = match record {
        Some(record) if stands(&record.stable) => "stable",
        Some(record) if stands(&record.candidate) => "candidate",
        _ => "draining",
    };
    json!({
        "app": app,
        "id": preview.id,
        "release": preview.release,
        "tenure": preview.tenure,
        "track": track,
        "expires": preview.expires,
        "note": preview.note,
        "by": preview.by,
        "at": preview.at,
    })
}

/// `track`, or `release` by id or name.
async fn take_shown(core: &Core, app: &AppName, call: &mut Write) -> Result<Shown, ApiError> {
    let track = call.fields.text("track")?;
    match (track.as_deref(), call.fields.text("release")?) {
        (Some("stable"), None) => Ok(Shown::Stable),
        (Some("candidate"), None) => Ok(Shown::Candidate),
        (Some(other), None) => {
            let message = format!("`{}` is not `stable` or `candidate`", other.escape_debug());
            Err(ApiError::value("track", message))
        }
        (None, Some(name)) => {
            let release = Named::plain("release", name).resolve(core, app).await?;
            Ok(Shown::Release(release))
        }
        _ => Err(ApiError::value(
            "track",
            "send either `track`, which is `stable` or `candidate`, or `release`",
        )),
    }
}

fn take_seconds(call: &mut Write) -> Result<u64, ApiError> {
    let seconds = call.fields.number("seconds")?.unwrap_or(PREVIEW_SECONDS_DEFAULT);
    if (1..=PREVIEW_SECONDS_MAX).contains(&seconds) {
        return Ok(seconds);
    }
    Err(ApiError::value(
        "seconds",
        format!("{seconds} is not from 1 to {PREVIEW_SECONDS_MAX}, which is 30 days"),
    ))
}

fn take_note(call: &mut Write) -> Result<String, ApiError> {
    let note = call.fields.text("note")?.unwrap_or_default();
    if note.len() > PREVIEW_NOTE_BYTES_MAX {
        return Err(ApiError::value("note", format!("at most {PREVIEW_NOTE_BYTES_MAX} bytes")));
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
