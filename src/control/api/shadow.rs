//! What the candidate answers differently from stable, as this router has found.

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
    rollout::{app::AppName, settings::Settings, shadow::FindingClass, table::AppRoutes},
    schema::shadow::Shadow,
};

/// `GET /api/v1/apps/{app}/shadow`
pub async fn read(
    State(core): State<Core>,
    Path(app): Path<String>,
    call: Read,
) -> Result<Json<Shadow>, ApiError> {
    let app = app_name(&app)?;
    call.query.finish()?;
    Ok(Json(shadow(&core, &app).ok_or_else(|| unknown_app(&app))?))
}

/// What was found; `None` if there is no such app.
fn shadow(core: &Core, app: &AppName) -> Option<Shadow> {
    let reading = core.replica.reading.load_full();
    let settings = &reading.apps.get(app)?.settings;
    let published = core.live.load();
    let routes = published.table.routes_of(app);
    let candidate = routes.and_then(|routes| Some(routes.release(routes.candidate?)));
    let known = candidate.and_then(|candidate| core.shadows.of(app, candidate.tenure));
    let shadow = Shadow {
        app: app.to_string(),
        candidate: candidate.map(|candidate| candidate.id.to_string()),
        tenure: candidate.map_or(0, |candidate| candidate.tenure),
        percent: settings.shadow.percent,
        since: known.as_ref().map(|known| known.since),
        skipped: known.as_ref().map_or(0, |known| known.skipped),
        ..Shadow::default()
    };
    let shadow = shadow.with(&known.unwrap_or_default().findings);
    let sentence = sentence(&shadow, settings, routes);
    Some(Shadow { sentence, ..shadow })
}

fn sentence(shadow: &Shadow, settings: &Settings, routes: Option<&AppRoutes>) -> String {
    if shadow.candidate.is_none() {
        return "There is no candidate.".to_owned();
    }
    if settings.upstream.is_http2() {
        return "Nothing is compared: the endpoints speak HTTP/2.".to_owned();
    }
    if shadow.compared == 0 && !settings.shadow.is_on() {
        return "Nothing is compared: the setting shadow.percent is 0.".to_owned();
    }
    if shadow.compared == 0 && routes.is_some_and(|routes| routes.stable.is_none()) {
        return "Nothing is compared: there is no stable release.".to_owned();
    }
    if shadow.compared == 0 {
        return "Nothing is compared yet.".to_owned();
    }
    let count = |class| shadow.count(class);
    let (found, unsure) = (count(FindingClass::Difference), count(FindingClass::Unsure));
    let fields = |count: usize| if count == 1 { "1 field".to_owned() } else { format!("{count} fields") };
    format!(
        "The candidate differs from stable in {} of {} requests compared; {} undecided, {} of noise.",
        fields(found),
        shadow.compared,
        fields(unsure),
        fields(count(FindingClass::Noise))
    )
}
