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

use super::{
    answer::reached,
    query::WriteQuery,
    request::{NoFields, Read, Write, app_name},
};
use crate::{
    control::{
        commands::{
            command::{CommandOutcome, unknown_app},
            commit::{Commit, Plan},
            release_name::ReleaseName,
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
    schema::{
        app::Done,
        apply_status::ApplyStatus,
        preview::{
            Preview as PreviewAnswer, PreviewRequest, PreviewRevocation, PreviewTrack,
            Previews as PreviewList,
        },
    },
};

/// Which release a preview is to show.
#[derive(Debug, Clone, PartialEq, Eq)]
enum PreviewTarget {
    Stable,
    Candidate,
    Release(ReleaseId),
}

/// One change of an app's list of grants: the list, the record, the present (Unix ms).
type Change<'a> = &'a (dyn Fn(&mut Previews, &Record, u64) -> Result<Preview, ApiError> + Sync);

/// What a change came to.
struct PreviewOutcome {
    preview: Preview,
    record: Record,
    revision: keyvalues::Revision,
}

/// `GET .../previews`: those that live.
pub async fn list(
    State(core): State<Core>,
    Path(app): Path<String>,
    call: Read,
) -> Result<Json<PreviewList>, ApiError> {
    let app = app_name(&app)?;
    call.query.finish()?;
    let reading = core.replica.reading.load_full();
    let known = reading.apps.get(&app).ok_or_else(|| unknown_app(&app))?;
    let record = known.record.as_deref();
    let mut live = (*known.previews).clone();
    live.retain(core.clock.wall_ms(), |tenure| is_routed(record, tenure));
    let previews = live.previews.iter().map(|preview| describe(&app, preview, record)).collect();
    Ok(Json(PreviewList { previews }))
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
    let make = |list: &mut Previews, record: &Record, now: u64| {
        let (release, tenure) = routed_release(record, &target)?;
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
    let made = PreviewAnswer {
        path: Some(format!("{PREVIEW_PATH}?token={token}")),
        ..describe(&app, &changed.preview, Some(&changed.record))
    };
    tracing::info!(%app, actor = caller.name, id = %changed.preview.id, "a preview was made");
    let (served, applied) = wait(&core, &app, &changed, &query).await;
    let status = if served { StatusCode::CREATED } else { StatusCode::ACCEPTED };
    Ok((status, Json(PreviewAnswer { applied, ..made })).into_response())
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
    let take_out = |list: &mut Previews, _: &Record, _: u64| take_out(list, id, &caller);
    let changed = commit(&core, &app, if_match, &take_out).await?;
    tracing::info!(%app, actor = caller.name, %id, "a preview was revoked");
    let (served, applied) = wait(&core, &app, &changed, &query).await;
    let status = if served { StatusCode::OK } else { StatusCode::ACCEPTED };
    let done = PreviewRevocation { app: app.to_string(), id: id.to_string(), result: Done::Done, applied };
    Ok((status, Json(done)).into_response())
}

/// Waits until this router serves the change (with `?wait=fleet` every member); whether that was in time.
async fn wait(
    core: &Core,
    app: &AppName,
    changed: &PreviewOutcome,
    query: &WriteQuery,
) -> (bool, Option<ApplyStatus>) {
    let (revision, seq) = (changed.revision, changed.record.seq);
    let executed = CommandOutcome { changed: true, revision, seq, routed: revision };
    let (served, applied) = reached(core, app, executed, query).await;
    (served, applied.map(|applied| applied.to_answer()))
}

async fn commit(
    core: &Core,
    app: &AppName,
    if_match: Option<u64>,
    change: Change<'_>,
) -> Result<PreviewOutcome, ApiError> {
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
            return Ok(Plan::Nothing(PreviewOutcome {
                preview: preview.clone(),
                record,
                revision: entry.modified,
            }));
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
        Ok(Plan::write(commit, |revision| PreviewOutcome { preview, record, revision }))
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
        let reading = core.replica.reading.load();
        reading.apps.get(app).map(|known| (*known.previews).clone()).unwrap_or_default()
    };
    Previews::parse(&entry.value).unwrap_or_else(|_| last_good())
}

fn add(list: &mut Previews, preview: Preview) -> Result<Preview, ApiError> {
    if list.previews.len() >= PREVIEWS_MAX {
        let message = format!(
            "the app has {PREVIEWS_MAX} previews already, which is the most; revoke some that nobody needs"
        );
        return Err(ApiError::new(Kind::Refused("too_many_previews"), message));
    }
    list.previews.push(preview.clone());
    Ok(preview)
}

fn take_out(list: &mut Previews, id: PreviewId, caller: &Caller) -> Result<Preview, ApiError> {
    let found = list.previews.iter().position(|preview| preview.id == id);
    let index = found.ok_or_else(|| {
        ApiError::new(Kind::NotFound, format!("there is no preview `{id}`, or it has ended"))
    })?;
    if caller.role < Role::Operator && list.previews[index].by != caller.name {
        let message =
            format!("`{}` was made by `{}`; a ci token revokes its own", id, list.previews[index].by);
        return Err(ApiError::new(Kind::Forbidden, message));
    }
    Ok(list.previews.remove(index))
}

/// The release that is to be shown, with its tenure.
fn routed_release<'a>(
    record: &'a Record,
    target: &PreviewTarget,
) -> Result<(&'a ReleaseId, Tenure), ApiError> {
    let stay = match target {
        PreviewTarget::Stable => record.stable.as_ref(),
        PreviewTarget::Candidate => record.candidate.as_ref(),
        PreviewTarget::Release(release) => {
            let routed = record.routed().find(|(routed, _)| *routed == release);
            return routed.ok_or_else(|| not_routed(format!("{release} is neither on a track nor draining")));
        }
    };
    let track = if *target == PreviewTarget::Stable { "stable" } else { "candidate" };
    stay.map(|stay| (&stay.release, stay.tenure)).ok_or_else(|| not_routed(format!("there is no {track}")))
}

fn is_routed(record: Option<&Record>, tenure: Tenure) -> bool {
    record.is_some_and(|record| record.by_tenure(tenure).is_some())
}

/// A grant as the API shows it.
fn describe(app: &AppName, preview: &Preview, record: Option<&Record>) -> PreviewAnswer {
    let stands = |stay: &Option<Stay>| stay.as_ref().is_some_and(|stay| stay.tenure == preview.tenure);
    let track = match record {
        Some(record) if stands(&record.stable) => "stable",
        Some(record) if stands(&record.candidate) => "candidate",
        _ => "draining",
    };
    PreviewAnswer {
        app: app.to_string(),
        id: preview.id.to_string(),
        release: preview.release.to_string(),
        tenure: preview.tenure,
        track: track.to_owned(),
        expires: preview.expires,
        note: preview.note.clone(),
        by: preview.by.clone(),
        at: preview.at,
        path: None,
        applied: None,
    }
}

impl PreviewTarget {
    /// `track`, or `release` by id or name.
    async fn resolve(
        core: &Core,
        app: &AppName,
        track: Option<PreviewTrack>,
        release: Option<String>,
    ) -> Result<Self, ApiError> {
        match (track, release) {
            (Some(PreviewTrack::Stable), None) => Ok(Self::Stable),
            (Some(PreviewTrack::Candidate), None) => Ok(Self::Candidate),
            (None, Some(name)) => {
                Ok(Self::Release(ReleaseName::new("release", name).resolve(core, app).await?))
            }
            _ => {
                let message = "send either `track`, which is `stable` or `candidate`, or `release`";
                Err(ApiError::value("track", message))
            }
        }
    }
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
