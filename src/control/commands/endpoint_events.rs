//! Events that leave the seq as it is, about endpoints and pipelines' locks, in the store: writing them with the change, and
//! reading them back.

use keyvalues::Write;

use super::{commit::Commit, history};
use crate::{
    control::shared::{
        core::Core,
        entries::{as_read, decode, encode, own_key},
        error::ApiError,
    },
    limits::ENDPOINT_EVENTS_MAX,
    rollout::{
        app::AppName,
        command::Asker,
        endpoint_event::{EndpointDifference, event_of, joined},
        keys,
        record::{HistoryEvent, Record},
    },
};

/// What writes the event of a change into the history of an app: its newest event with the change joined to it, or a new one.
pub async fn event_commit(
    core: &Core,
    app: &AppName,
    record: &Record,
    difference: &EndpointDifference,
    asker: &Asker,
) -> Result<Commit, ApiError> {
    let newest = core.endpoint_events.of(app);
    let key = keys::endpoint_event(app, newest);
    let stored = if newest > 0 { core.store.get(&own_key(&key)).await? } else { None };
    let known = stored.as_ref().and_then(|entry| decode::<HistoryEvent>(&entry.value));
    if let Some(event) = known.and_then(|event| joined(&event, record, difference, asker)) {
        let write = Write::put(own_key(&key), encode(&event));
        let checks = vec![as_read(stored.as_ref(), &key)];
        return Ok(Commit { checks, writes: vec![write], proof: Some(own_key(&key)) });
    }
    Ok(new_event(app, newest + 1, &event_of(record, difference, asker)))
}

/// What writes the event of a pipelines' lock into the history of an app. It stands beside the events about endpoints: neither
/// changes the seq.
pub async fn lock_event_commit(core: &Core, app: &AppName, event: &HistoryEvent) -> Result<Commit, ApiError> {
    let mut number = core.endpoint_events.of(app) + 1;
    // Another router may have written some that the watch has not told of yet.
    while core.store.get(&own_key(&keys::endpoint_event(app, number))).await?.is_some() {
        number += 1;
    }
    Ok(new_event(app, number, event))
}

/// What writes an event under a new number.
fn new_event(app: &AppName, number: u64, event: &HistoryEvent) -> Commit {
    let key = keys::endpoint_event(app, number);
    let mut writes = vec![Write::put(own_key(&key), encode(event))];
    if number > ENDPOINT_EVENTS_MAX {
        writes.push(Write::delete(own_key(&keys::endpoint_event(app, number - ENDPOINT_EVENTS_MAX))));
    }
    Commit { checks: vec![as_read(None, &key)], writes, proof: Some(own_key(&key)) }
}

/// The events about endpoints that came while the app was at a seq from `start` up to the one before `end`: each with its
/// number, newest first, at most `most`, and how many more there are.
pub async fn between(
    core: &Core,
    app: &AppName,
    (start, end): (u64, u64),
    most: usize,
) -> Result<(Vec<(u64, HistoryEvent)>, usize), ApiError> {
    let mut found = Vec::new();
    let mut above = core.endpoint_events.of(app) + 1;
    let oldest = above.saturating_sub(ENDPOINT_EVENTS_MAX).max(1);
    while above > oldest {
        let hundred = (above - 1) / history::HUNDRED * history::HUNDRED;
        let events = history::read_endpoint_events(core, app, hundred.max(oldest), above).await?;
        above = hundred.max(oldest);
        let is_last = events.first().is_some_and(|(_, event)| event.record.seq < start);
        found.extend(events.into_iter().rev().filter(|(_, event)| (start..end).contains(&event.record.seq)));
        if is_last {
            break;
        }
    }
    let left_out = found.len().saturating_sub(most);
    found.truncate(most);
    Ok((found, left_out))
}
