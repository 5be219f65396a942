//! Reading an app's history from the store.
//!
//! Event keys end in twelve digits, so a range is read by the few prefixes of a hundred events that it touches.

use crate::{
    control::shared::{core::Core, error::ApiError},
    rollout::{
        app::AppName,
        keys::{self, Meaning},
        record::HistoryEvent,
    },
};

/// Events that share a prefix.
pub const HUNDRED: u64 = 100;

/// The events from the seq `start` up to the one before `end`, oldest first. What is not there, or cannot be read, is left
/// out.
pub async fn read(core: &Core, app: &AppName, start: u64, end: u64) -> Result<Vec<HistoryEvent>, ApiError> {
    let events = read_numbered(core, |number| keys::event(app, number), start, end).await?;
    Ok(events.into_iter().map(|(_, event)| event).collect())
}

/// The same of events about endpoints, by their numbers.
pub async fn read_endpoint_events(
    core: &Core,
    app: &AppName,
    start: u64,
    end: u64,
) -> Result<Vec<(u64, HistoryEvent)>, ApiError> {
    read_numbered(core, |number| keys::endpoint_event(app, number), start, end).await
}

async fn read_numbered(
    core: &Core,
    key: impl Fn(u64) -> String,
    start: u64,
    end: u64,
) -> Result<Vec<(u64, HistoryEvent)>, ApiError> {
    if start >= end {
        return Ok(Vec::new());
    }
    let hundreds = start / HUNDRED..=(end - 1) / HUNDRED;
    let prefix = |hundred: u64| {
        let mut key = key(hundred * HUNDRED);
        key.truncate(key.len() - 2);
        key
    };
    let prefixes: Vec<String> = hundreds.map(prefix).collect();
    let prefixes: Vec<&str> = prefixes.iter().map(String::as_str).collect();
    let listing = core.store.list(&prefixes).await?;
    let mut events = Vec::new();
    for entry in &listing.entries {
        let Some(Meaning::Event(_, number) | Meaning::EndpointEvent(_, number)) =
            keys::meaning(entry.key.as_str())
        else {
            continue;
        };
        if (start..end).contains(&number)
            && let Ok(event) = serde_json::from_slice::<HistoryEvent>(&entry.value)
        {
            events.push((number, event));
        }
    }
    Ok(events)
}
