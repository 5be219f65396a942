//! The calls about apps as such: list, state, releases, removal.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use keyvalues::{Revision, Write as StoreWrite};

use super::{
    answer::state_answer,
    query::WriteQuery,
    request::{Read, Write, app_name},
    snapshot::Snapshot,
    visible::VisibleKeys,
};
use crate::{
    control::{
        commands::{
            command::unknown_app, commit::Plan, deployments, lost_record::record_unreadable,
            ownership::owners, stored::StoredApp, transact::transact_as_stored,
        },
        fleet::wait::{Target, wait_until_served},
        limits::SERVED_WAIT_MAX,
        shared::{
            core::Core,
            error::{ApiError, Kind},
            reading::{StoreReading, releases_of},
        },
    },
    rollout::{
        app::AppName,
        command::{Refusal, Role},
        record::Record,
        release::ReleaseId,
        release_names::ReleaseNames,
    },
    schema::{
        app::{Apps, Done, Removal},
        change::ReasonRequest,
        release::{KnownRelease, KnownReleases, TrackName},
    },
};

/// Deletions in one commit.
const DELETE_BATCH: usize = 100;

/// `GET /api/v1/apps`
pub async fn list(State(core): State<Core>, call: Read) -> Result<Json<Apps>, ApiError> {
    call.query.finish()?;
    let scope = &call.caller.scope;
    let snapshot = Snapshot::of(&core);
    let shown = |app: &&AppName| scope.has_app(app);
    let apps = snapshot.apps();
    let apps = apps.iter().filter(shown).filter_map(|app| snapshot.state(app)).collect();
    let default_app = snapshot.default_app().filter(shown).map(ToString::to_string);
    let configured_app = core.options.default_app.as_ref().filter(shown).map(ToString::to_string);
    Ok(Json(Apps { apps, default_app, configured_app }))
}

/// `GET /api/v1/apps/{app}`
pub async fn read(
    State(core): State<Core>,
    Path(app): Path<String>,
    call: Read,
) -> Result<Response, ApiError> {
    call.query.finish()?;
    state_answer(&Snapshot::of(&core), &app_name(&app)?)
}

/// `GET /api/v1/apps/{app}/releases`
pub async fn releases(
    State(core): State<Core>,
    Path(app): Path<String>,
    mut call: Read,
) -> Result<Json<KnownReleases>, ApiError> {
    let app = app_name(&app)?;
    let all = call.query.flag("all")?;
    call.query.finish()?;
    let reading = core.replica.reading.load_full();
    let record = reading.apps.get(&app).and_then(|reading| reading.record.clone());
    let own = record.as_deref().map(releases_of).unwrap_or_default();
    let services: Vec<&str> = own.iter().map(ReleaseId::service).collect();
    let keys = VisibleKeys::of(&call.caller.scope, &reading);
    let mut owners = owners(&reading);
    owners.add(&app, record.as_deref());
    let is_choice = |release: &ReleaseId| match owners.owners(release)[..] {
        [] => services.is_empty() || services.contains(&release.service()),
        ref apps => apps.contains(&&app),
    };
    let shown = |release: &&ReleaseId| keys.has_release(release) && (all || is_choice(release));
    let mut known: Vec<ReleaseId> = reading.releases.keys().filter(shown).cloned().collect();
    known.extend(own.iter().filter(|release| reading.endpoints(release) == 0).cloned());
    known.sort();
    known.dedup();
    let names = ReleaseNames::of(&app, &known);
    let described = known.iter().map(|release| KnownRelease {
        release: names.name_of(release).to_owned(),
        ..describe(&reading, &app, record.as_deref(), release)
    });
    let releases = described.collect();
    Ok(Json(KnownReleases { releases }))
}

fn describe(
    reading: &StoreReading,
    app: &AppName,
    record: Option<&Record>,
    release: &ReleaseId,
) -> KnownRelease {
    KnownRelease {
        id: release.to_string(),
        service: release.service_in(app).to_owned(),
        port: release.port(),
        endpoints: reading.endpoints(release),
        track: record.and_then(|record| track(record, release)),
        ..KnownRelease::default()
    }
}

fn track(record: &Record, release: &ReleaseId) -> Option<TrackName> {
    let is_draining = || record.draining.iter().any(|draining| draining.release == *release);
    match () {
        () if record.stable_release() == Some(release) => Some(TrackName::Stable),
        () if record.candidate_release() == Some(release) => Some(TrackName::Candidate),
        () if is_draining() => Some(TrackName::Draining),
        () if record.previous.as_ref() == Some(release) => Some(TrackName::Previous),
        () => None,
    }
}

/// `DELETE /api/v1/apps/{app}`: the record goes first and alone decides; its history follows.
pub async fn remove(
    State(core): State<Core>,
    Path(app): Path<String>,
    mut call: Write,
) -> Result<Response, ApiError> {
    let app = app_name(&app)?;
    call.caller.needs(Role::Operator)?;
    let force = call.query.flag("force")?;
    let if_match = call.if_match;
    let ReasonRequest { reason } = call.read()?;
    let asker = call.asker(&core, reason)?;
    let query = call.finish()?;
    let app = &app;
    let revision = transact_as_stored(&core, app, move |stored, round| async move {
        // An earlier commit of ours may have done it.
        if !(round.number > 0 && stored.is_absent()) {
            refuse_removal(&stored, force, if_match)?;
        }
        Ok(Plan::write(stored.removal(), |revision| revision))
    })
    .await?;
    tracing::info!(%app, actor = asker.actor, "the app was removed");
    remove_events(&core, app).await?;
    deployments::remove_all(&core, app, &asker).await;
    Ok(removed(&core, app, revision, &query).await)
}

/// Answers when this router has ended the app; with `?wait=fleet` when every member has, or 202.
async fn removed(core: &Core, app: &AppName, revision: Revision, query: &WriteQuery) -> Response {
    let removal = |applied| Removal { app: app.to_string(), result: Done::Done, applied };
    let Some(wait) = query.fleet else {
        core.replica.wait_for(revision, SERVED_WAIT_MAX).await;
        return Json(removal(None)).into_response();
    };
    let target = || Target::Ended(app.clone(), revision);
    let applied = wait_until_served(core, revision, wait, target).await;
    let status = if applied.is_everywhere() { StatusCode::OK } else { StatusCode::ACCEPTED };
    (status, Json(removal(Some(applied.to_answer())))).into_response()
}

fn refuse_removal(stored: &StoredApp, force: bool, if_match: Option<u64>) -> Result<(), ApiError> {
    if stored.is_unreadable && !force {
        return Err(record_unreadable(&stored.name));
    }
    if stored.is_absent() && !stored.is_lost {
        return Err(unknown_app(&stored.name));
    }
    let now = stored.record.as_ref().map_or(0, |record| record.seq);
    if let Some(seen) = if_match.filter(|seen| *seen != now) {
        return Err(Refusal::Stale { seen, now }.into());
    }
    if stored.settings.approvals > 0 && stored.record.is_some() {
        // Whoever removed it could make it anew, without approvals.
        let message = format!(
            "`{}` has the setting `approvals` at {}: operators lower it to 0 before the app is removed",
            stored.name, stored.settings.approvals
        );
        return Err(ApiError::new(Kind::Refused("approvals_set"), message));
    }
    let routes = stored.record.as_ref().is_some_and(|record| record.stable.is_some());
    if routes && !force {
        let message = format!("`{}` still routes requests; `?force=true` removes it anyway", stored.name);
        return Err(ApiError::new(Kind::Refused("still_routed"), message));
    }
    Ok(())
}

async fn remove_events(core: &Core, app: &AppName) -> Result<(), ApiError> {
    let events = ["events", "endpoint-events"].map(|events| format!("rolling/{app}/{events}/"));
    let listing = core.store.list(&[&events[0], &events[1]]).await?;
    for batch in listing.entries.chunks(DELETE_BATCH) {
        let writes = batch.iter().map(|entry| StoreWrite::delete(entry.key.clone())).collect();
        core.store.commit(Vec::new(), writes).await?;
    }
    Ok(())
}
