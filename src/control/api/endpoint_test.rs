//! `POST .../releases/{release}/test`: what the endpoints of a release answer to its health check now, before it gets anybody.

use axum::{
    Json,
    extract::{Path, State},
};

use super::{registrations::resolve, request::Write, tracks::parse_endpoints, visible::check_registration};
use crate::{
    control::{
        commands::{gate::GateQuestion, stored::registered_endpoints},
        shared::{audit::trail, core::Core, error::ApiError},
    },
    rollout::endpoint::Endpoint,
    schema::endpoint::{TestEndpointsRequest, TestedEndpoints},
};

/// `POST .../releases/{release}/test`. It is the gate's own question, so what it says is what a promote would hear. Whoever may
/// register endpoints may ask, since this router then connects to them.
pub async fn test(
    State(core): State<Core>,
    Path((app, release)): Path<(String, String)>,
    call: Write,
) -> Result<Json<TestedEndpoints>, ApiError> {
    let TestEndpointsRequest { endpoints } = call.read()?;
    let given = parse_endpoints(&core, &endpoints.unwrap_or_default())?;
    let (stored, release) = resolve(&core, &app, release, true).await?;
    check_registration(&core, &call.caller, &stored.name, &release)?;
    call.finish()?;
    let asked: Vec<Endpoint> = if given.is_empty() {
        let registered = registered_endpoints(&core, std::slice::from_ref(&release)).await?;
        registered.into_values().flatten().collect()
    } else {
        given
    };
    let question = GateQuestion::new(&release, asked, stored.settings.into());
    let (answers, refusal) = question.judge(&core).await;
    trail::note(|notes| notes.is_unchanged = true);
    Ok(Json(TestedEndpoints {
        id: release.to_string(),
        passes: refusal.is_none(),
        refusal,
        endpoints: answers.to_answer(),
    }))
}
