//! `POST .../prune`: the releases go that nobody needs any more, but the newest of them.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse as _, Response},
};

use super::{
    registrations::reached,
    request::{Write, app_name},
    visible::check_registration,
};
use crate::{
    control::{
        commands::{
            command::unknown_app,
            prune::unneeded,
            register::{RegistrationOutcome, change_endpoints},
            registration::Registration,
            stored::StoredApp,
        },
        limits::PRUNED_PER_CALL_MAX,
        shared::{
            audit::trail,
            core::Core,
            error::{ApiError, Kind},
        },
    },
    rollout::{
        app::AppName,
        command::{Asker, Refusal},
        endpoint_set::EndpointChange,
        release::ReleaseId,
    },
    schema::{
        app::Outcome,
        prune::{PruneRequest, PrunedReleases},
    },
};

/// `POST .../prune`
pub async fn prune(
    State(core): State<Core>,
    Path(app): Path<String>,
    call: Write,
) -> Result<Response, ApiError> {
    let app = app_name(&app)?;
    let PruneRequest { keep, dry_run, reason } = call.read()?;
    let stored = StoredApp::read(&core, &app).await?;
    if stored.is_absent() {
        return Err(unknown_app(&app));
    }
    let mut asker = call.asker(&core, reason)?;
    // It is held against the app here, and would be held against each release's own count below.
    if let Some(seen) = asker.if_match.take().filter(|seen| *seen != stored.seq()) {
        return Err(Refusal::Stale { seen, now: stored.seq() }.into());
    }
    let mut kept = unneeded(&core, &stored).await?;
    let mut old = kept.split_off(kept.len().min(usize::try_from(keep).unwrap_or(usize::MAX)));
    for release in &old {
        check_registration(&core, &call.caller, &app, release)?;
    }
    let query = call.finish()?;
    let left = old.split_off(old.len().min(PRUNED_PER_CALL_MAX)).len();
    let (removed, last) = match dry_run {
        Some(true) => (old, None),
        _ => remove(&core, &app, old, &asker).await?,
    };
    trail::note(|notes| notes.is_unchanged = last.is_none());
    let result = Some(if last.is_some() { Outcome::Done } else { Outcome::Unchanged });
    let (status, applied) = match last {
        Some((release, outcome)) => reached(&core, &release, outcome, &query).await,
        None => (StatusCode::OK, None),
    };
    let (removed, kept) = (ids(&removed), ids(&kept));
    let answer = PrunedReleases { app: app.to_string(), removed, kept, left, result, applied };
    Ok((status, Json(answer)).into_response())
}

fn ids(releases: &[ReleaseId]) -> Vec<String> {
    releases.iter().map(ToString::to_string).collect()
}

/// The last release that was removed, and how that ended.
type LastRemoval = Option<(ReleaseId, RegistrationOutcome)>;

/// Removes releases one by one. One that an app has begun to name meanwhile stays.
async fn remove(
    core: &Core,
    app: &AppName,
    releases: Vec<ReleaseId>,
    asker: &Asker,
) -> Result<(Vec<ReleaseId>, LastRemoval), ApiError> {
    let (mut removed, mut last) = (Vec::new(), None);
    for release in releases {
        let registration =
            Registration { change: &EndpointChange::RemoveAll, asker, app: Some(app), force: false };
        match change_endpoints(core, &release, registration).await {
            Ok(outcome) => {
                last = Some((release.clone(), outcome));
                removed.push(release);
            }
            Err(error) if matches!(error.kind(), Kind::Refused(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok((removed, last))
}
