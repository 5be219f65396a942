//! The calls that end the drains of releases before their time.

use axum::extract::{Path, State};

use super::{
    request::{Write, app_name},
    tracks::{Answer, find_release, run},
};
use crate::{
    control::{
        commands::{command::CommandOptions, stored::StoredApp},
        shared::{
            core::Core,
            error::{ApiError, Kind},
        },
    },
    rollout::{app::AppName, command::Command, record::Tenure, release::ReleaseId},
    schema::change::{FinishDrainRequest, ReasonRequest},
};

/// No release has it: tenures begin with 1.
const UNUSED_TENURE: Tenure = 0;

/// `DELETE .../draining`
pub async fn finish_all(State(core): State<Core>, Path(app): Path<String>, call: Write) -> Answer {
    let app = app_name(&app)?;
    let ReasonRequest { reason } = call.read()?;
    finish(&core, &app, None, call, reason).await
}

/// `DELETE .../draining/{tenure}`
pub async fn finish_one(
    State(core): State<Core>,
    Path((app, tenure)): Path<(String, String)>,
    call: Write,
) -> Answer {
    let app = app_name(&app)?;
    let tenure = tenure.parse().map_err(|_| {
        let shown = tenure.escape_debug();
        let message = format!("the tenure is `{shown}`; it must be a whole number, as in the app's state");
        ApiError::new(Kind::Malformed, message).field("tenure")
    })?;
    let ReasonRequest { reason } = call.read()?;
    finish(&core, &app, Some(tenure), call, reason).await
}

/// `POST .../drain/finish`: of a release, of a tenure, or of all.
pub async fn finish_named(State(core): State<Core>, Path(app): Path<String>, call: Write) -> Answer {
    let app = app_name(&app)?;
    let FinishDrainRequest { release, tenure, reason } = call.read()?;
    let tenure = match (tenure, find_release(&core, &app, "release", release).await?) {
        (Some(_), Some(_)) => {
            return Err(ApiError::value("tenure", "send either `tenure` or `release`, not both"));
        }
        (tenure, None) => tenure,
        (None, Some(release)) => Some(draining_tenure(&core, &app, &release).await?),
    };
    finish(&core, &app, tenure, call, reason).await
}

async fn finish(
    core: &Core,
    app: &AppName,
    tenure: Option<Tenure>,
    call: Write,
    reason: Option<String>,
) -> Answer {
    let command = Command::FinishDrain { tenure, automatic: false };
    run(core, app, command, call, reason, CommandOptions::default()).await
}

/// The tenure in which a release drains; an unused one if it drains no more.
async fn draining_tenure(core: &Core, app: &AppName, release: &ReleaseId) -> Result<Tenure, ApiError> {
    let record = StoredApp::read(core, app).await?.record;
    let routed = record.iter().flat_map(|record| record.routed()).find(|(routed, _)| *routed == release);
    Ok(routed.map_or(UNUSED_TENURE, |(_, tenure)| tenure))
}
