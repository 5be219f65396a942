//! An app's history: its events, newest first, in pages.

use std::cmp::Reverse;

use axum::{
    Json,
    extract::{Path, State},
};

use super::request::{Read, app_name};
use crate::{
    control::{
        commands::{command::unknown_app, endpoint_events, history, stored::StoredApp},
        limits::{HISTORY_ENDPOINT_EVENTS_MAX, HISTORY_PAGE_MAX},
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
    let changes = history::read(&core, &app, start, end).await?;
    let next = (start > oldest && !changes.is_empty()).then_some(start);
    let (of_endpoints, left_out) =
        endpoint_events::between(&core, &app, (start, end), HISTORY_ENDPOINT_EVENTS_MAX).await?;
    let mut events: Vec<HistoryEvent> =
        of_endpoints.iter().map(|(number, event)| describe(event, Some(*number))).collect();
    events.extend(changes.iter().rev().map(|event| describe(event, None)));
    // Endpoints that changed while the app was at a seq did so after the change that made it. The sort keeps the rest.
    events.sort_by_key(|event| (Reverse(event.seq), event.number.is_none()));
    Ok(Json(HistoryPage { events, next, left_out }))
}

fn describe(event: &record::HistoryEvent, number: Option<u64>) -> HistoryEvent {
    let record = &event.record;
    HistoryEvent {
        seq: record.seq,
        number,
        command: record.command.to_string(),
        actor: record.actor.clone(),
        reason: record.reason.clone(),
        at: record.at,
        changed: event.changed.clone(),
        receipt: event.receipt.as_deref().cloned(),
        // A record is stored as JSON, so it has such a form.
        record: serde_json::to_value(record).unwrap_or_default(),
    }
}
