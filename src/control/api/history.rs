//! An app's history: its events, newest first, in pages.
//!
//! Event keys end in twelve digits, so a page is read by the few prefixes of a hundred events that it touches.

use axum::{
    Json,
    extract::{Path, State},
};
use serde_json::{Value, json};

use super::request::{Read, app_name};
use crate::{
    control::{
        commands::{stored::StoredApp, unknown_app},
        core::Core,
        error::ApiError,
        limits::HISTORY_PAGE_MAX,
    },
    limits::EVENTS_MAX,
    rollout::{
        app::AppName,
        keys::{self, Meaning},
        record::HistoryEvent,
    },
};

/// Events in a page that asks for no number.
const PAGE_DEFAULT: u64 = 50;
/// Events that share a prefix.
const HUNDRED: u64 = 100;

/// `GET /api/v1/apps/{app}/history?limit=50&before=<seq>`
pub async fn read(
    State(core): State<Core>,
    Path(app): Path<String>,
    mut call: Read,
) -> Result<Json<Value>, ApiError> {
    let app = app_name(&app)?;
    let limit = call.query.number("limit")?.unwrap_or(PAGE_DEFAULT).clamp(1, HISTORY_PAGE_MAX as u64);
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
    let events = page(&core, &app, start, end).await?;
    let next = (start > oldest && !events.is_empty()).then_some(start);
    Ok(Json(json!({ "events": events, "next": next })))
}

async fn page(core: &Core, app: &AppName, start: u64, end: u64) -> Result<Vec<Value>, ApiError> {
    if start >= end {
        return Ok(Vec::new());
    }
    let hundreds = start / HUNDRED..=(end - 1) / HUNDRED;
    let prefix = |hundred: u64| {
        let mut key = keys::event(app, hundred * HUNDRED);
        key.truncate(key.len() - 2);
        key
    };
    let prefixes: Vec<String> = hundreds.map(prefix).collect();
    let prefixes: Vec<&str> = prefixes.iter().map(String::as_str).collect();
    let listing = core.store.list(&prefixes).await?;
    let mut events = Vec::new();
    for entry in listing.entries.iter().rev() {
        let Some(Meaning::Event(_, seq)) = keys::meaning(entry.key.as_str()) else { continue };
        if (start..end).contains(&seq)
            && let Ok(event) = serde_json::from_slice::<HistoryEvent>(&entry.value)
        {
            events.push(describe(&event));
        }
    }
    Ok(events)
}

fn describe(event: &HistoryEvent) -> Value {
    let record = &event.record;
    json!({
        "seq": record.seq,
        "command": record.command,
        "actor": record.actor,
        "reason": record.reason,
        "at": record.at,
        "changed": event.changed,
        "record": record,
    })
}
