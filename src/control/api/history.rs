//! An app's history: its events, newest first, in pages.

use axum::{
    Json,
    extract::{Path, State},
};

use super::request::{Read, app_name};
use crate::{
    control::{
        commands::{command::unknown_app, history, stored::StoredApp},
        limits::HISTORY_PAGE_MAX,
        shared::{core::Core, error::ApiError},
    },
    limits::EVENTS_MAX,
    rollout::record,
    schema::history::{HistoryEvent, HistoryPage},
};

/// Events in a page that asks for no number.
const PAGE_DEFAULT: u64 = 50;

/// `GET /api/v1/apps/{app}/history?limit=50&before=<seq>`
pub async fn read(
    State(core): State<Core>,
    Path(app): Path<String>,
    mut call: Read,
) -> Result<Json<HistoryPage>, ApiError> {
    let app = app_name(&app)?;
    let limit = call.query.number_in("limit", 1..=HISTORY_PAGE_MAX)?.unwrap_or(PAGE_DEFAULT);
    let before = call.query.number("before")?;
    call.query.finish()?;
    let stored = StoredApp::read(&core, &app).await?;
    if stored.is_absent() {
        return Err(unknown_app(&app));
    }
    let newest = stored.record.as_ref().map_or(0, |record| record.seq);
    let oldest = newest.saturating_sub(EVENTS_MAX) + 1;
    let end = before.unwrap_or(u64::MAX).min(newest + 1);
    let start = end.saturating_sub(limit).max(oldest);
    let events: Vec<HistoryEvent> =
        history::read(&core, &app, start, end).await?.iter().rev().map(describe).collect();
    let next = (start > oldest && !events.is_empty()).then_some(start);
    Ok(Json(HistoryPage { events, next }))
}

fn describe(event: &record::HistoryEvent) -> HistoryEvent {
    let record = &event.record;
    HistoryEvent {
        seq: record.seq,
        command: record.command.to_string(),
        actor: record.actor.clone(),
        reason: record.reason.clone(),
        at: record.at,
        changed: event.changed.clone(),
        // A record is stored as JSON, so it has such a form.
        record: serde_json::to_value(record).unwrap_or_default(),
    }
}
