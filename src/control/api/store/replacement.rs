//! `POST /api/v1/store/replacement`: whether an app may become what a file says. `kv import` asks before it writes anything.

use axum::{Json, extract::State};

use crate::{
    control::{
        api::request::{Write, app_name},
        commands::replacement::{NextApp, Replacer},
        shared::{audit::trail, core::Core, error::ApiError},
    },
    rollout::{
        command::Role,
        record::{HistoryEvent, Record},
        release::ReleaseId,
        settings::Settings,
    },
    schema::store::{ReplacementEvent, ReplacementRequest, ReplacementVerdict},
};

pub async fn ask(State(core): State<Core>, call: Write) -> Result<Json<ReplacementVerdict>, ApiError> {
    call.caller.needs(Role::Admin)?;
    let ReplacementRequest { app, record, settings, endpoints, stables, force, reason } = call.read()?;
    let app = app_name(&app)?;
    let replacer = Replacer::new(call.asker(&core, reason)?, force == Some(true))?;
    call.finish()?;
    trail::note(|notes| notes.is_unchanged = true);
    let next = NextApp {
        record: record
            .map(|record| Record::parse(record.to_string().as_bytes()))
            .transpose()
            .map_err(refused)?,
        settings: settings
            .map_or_else(|| Ok(Settings::default()), |set| Settings::read(set.to_string().as_bytes()))?,
        endpoints: {
            // What is no valid address serves nobody.
            let policy = core.addresses.load();
            endpoints.iter().flatten().filter_map(|text| policy.parse_endpoint(text).ok()).collect()
        },
        stables: stables.iter().flatten().filter_map(|id| id.parse::<ReleaseId>().ok()).collect(),
    };
    let event = replacer.admit(&core, &app, &next).await?;
    Ok(Json(ReplacementVerdict { event: event.map(described) }))
}

fn refused(error: String) -> ApiError {
    ApiError::value("record", format!("the file's is not {error}"))
}

fn described(event: HistoryEvent) -> ReplacementEvent {
    let HistoryEvent { record, changed, .. } = event;
    let Record { seq, command, actor, reason, at, .. } = record;
    ReplacementEvent { seq, command: command.to_string(), actor, reason, at, changed }
}
