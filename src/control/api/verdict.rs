//! The verdict about an app's candidate, with every number that leads to it.

use axum::{
    Json,
    extract::{Path, State},
};

use super::request::{Read, app_name};
use crate::{
    control::{
        commands::command::unknown_app,
        shared::{core::Core, error::ApiError},
    },
    rollout::{
        app::AppName,
        verdict::{Blind, Evidence, Facts, FailingEndpoints, Rules, Tally, judge},
    },
    schema::verdict::Verdict,
};

/// `GET /api/v1/apps/{app}/verdict`
pub async fn read(
    State(core): State<Core>,
    Path(app): Path<String>,
    call: Read,
) -> Result<Json<Verdict>, ApiError> {
    let app = app_name(&app)?;
    call.query.finish()?;
    Ok(Json(verdict(&core, &app).ok_or_else(|| unknown_app(&app))?))
}

/// The verdict as this router looked last; `None` if there is no such app.
fn verdict(core: &Core, app: &AppName) -> Option<Verdict> {
    let reading = core.replica.reading.load_full();
    let settings = &reading.apps.get(app)?.settings.verdict;
    let published = core.live.load();
    let routes = published.table.routes_of(app);
    let candidate = routes.and_then(|routes| Some(routes.release(routes.candidate?)));
    let known = core.verdicts.of(app).filter(|known| {
        candidate.is_some_and(|candidate| candidate.tenure == known.tenure && candidate.id == known.release)
    });
    let judged = match &known {
        Some(known) => known.verdict.clone(),
        // Nobody has looked at it yet.
        None => judge(&Facts {
            rules: Rules::of(settings),
            evidence: &Evidence::new(settings.tolerate),
            tally: Tally::default(),
            latency: &[],
            endpoints: &FailingEndpoints::default(),
            outright: false,
            stable_jumps: false,
            blind: candidate.is_none().then_some(Blind::NoCandidate),
        }),
    };
    let has_plan = routes.is_some_and(|routes| routes.has_plan);
    Some(Verdict {
        app: app.to_string(),
        candidate: candidate.map(|candidate| candidate.id.to_string()),
        tenure: candidate.map_or(0, |candidate| candidate.tenure),
        first_failure_at: known.as_ref().and_then(|known| known.first_failure_at),
        drawing_stopped: known.as_ref().is_some_and(|known| !known.is_drawn()),
        members: known.as_ref().map_or(0, |known| known.members),
        ..Verdict::of(&judged, settings, has_plan)
    })
}
