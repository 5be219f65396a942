//! The task that reads the cluster's changes.
//!
//! One watch of the whole cluster feeds every watch of the store: a revision in which none of our keys changed then
//! still arrives, and with it the proof that the feed is as far as a quorum says the cluster is. (A watch of some
//! keys cannot prove that: etcd reports its progress every ten minutes, or on request over a connection that the
//! gateway does not offer.) So give the store an etcd of its own, or one that is not busy with other things.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, timeout};

use super::{
    entries::Assembly,
    gateway::{Gateway, meaning},
    status::status,
    wire::{Blob, CreateWatch, Number, StreamMessage, WatchAnswer, WatchRequest},
};
use crate::{
    backends::remote::{ANSWER_WITHIN, CONFIRM_EVERY, Feeder, Lines, Patience},
    contract::{Revision, StoreError},
};

/// Why the task ends.
enum Stop {
    Gap,
    Error(StoreError),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Error(error)
    }
}

/// Feeds until something breaks.
pub(super) async fn run(gateway: Arc<Gateway>, feeder: Feeder) {
    let stop = match open(&gateway, feeder.head()).await {
        Ok(messages) => {
            tokio::select! {
                stop = follow(&gateway, &feeder, messages) => stop,
                error = confirm(&gateway, &feeder) => error.into(),
                error = gateway.left() => error.into(),
            }
        }
        Err(error) => error.into(),
    };
    match stop {
        Stop::Gap => feeder.gap(),
        Stop::Error(error) => feeder.broken(error),
    }
}

async fn open(gateway: &Gateway, after: Revision) -> Result<Lines, StoreError> {
    let everything = || Blob::of(&[0]);
    let create_request = CreateWatch {
        key: everything(),
        range_end: everything(),
        start_revision: Number::from(after + 1),
        fragment: true,
    };
    let request = WatchRequest { create_request };
    match timeout(ANSWER_WITHIN, gateway.stream("watch", &request)).await {
        Ok(opened) => Ok(Lines::of(opened?)),
        Err(_) => Err(StoreError::Unreachable("the watch did not begin in time".into())),
    }
}

async fn follow(gateway: &Gateway, feeder: &Feeder, mut messages: Lines) -> Stop {
    let mut assembly = Assembly::default();
    loop {
        let message = match messages.next().await.and_then(|line| parse(&line)) {
            Ok(message) => message,
            Err(error) => return error.into(),
        };
        if message.compact_revision.0 != 0 {
            return Stop::Gap;
        }
        if message.canceled {
            return StoreError::Unreachable(format!("the watch was ended: {}", message.cancel_reason)).into();
        }
        for batch in assembly.take(gateway.prefix(), message.events, message.fragment) {
            feeder.push(batch);
        }
    }
}

/// Asks a quorum how far the cluster is, again and again, and confirms once the feed is as far. Ends when either
/// takes too long.
async fn confirm(gateway: &Gateway, feeder: &Feeder) -> StoreError {
    let patience = Patience::default();
    loop {
        let asked = Instant::now();
        let revision = match status(gateway).await {
            Ok((revision, _)) => revision,
            Err(error) => return error,
        };
        let reached = timeout(ANSWER_WITHIN, feeder.reaches(revision));
        let rival = reach_anew(gateway, feeder.head(), revision);
        match patience.unless_overtaken(Duration::ZERO, reached, rival).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => {
                return StoreError::Unreachable(format!(
                    "the watch lags: revision {revision} did not arrive in time"
                ));
            }
            Err(()) => {
                return StoreError::Unreachable(format!(
                    "the watch leads nowhere any more: revision {revision} came on a new one"
                ));
            }
        }
        feeder.confirm(revision, asked);
        tokio::time::sleep(CONFIRM_EVERY).await;
    }
}

/// Reads what came after a revision on a new watch, until it is as far as another one; waits for ever if it does not get there.
async fn reach_anew(gateway: &Gateway, after: Revision, revision: Revision) {
    if let Ok(mut messages) = open(gateway, after).await {
        while let Ok(message) = messages.next().await.and_then(|line| parse(&line)) {
            if message.events.last().is_some_and(|event| event.kv.mod_revision.0 >= revision) {
                return;
            }
        }
    }
    std::future::pending().await
}

fn parse(line: &[u8]) -> Result<WatchAnswer, StoreError> {
    let message: StreamMessage<WatchAnswer> = serde_json::from_slice(line)
        .map_err(|error| StoreError::Corrupt(format!("a message of the watch cannot be read: {error}")))?;
    match (message.result, message.error) {
        (_, Some(refusal)) => Err(meaning(&refusal)),
        (Some(watched), None) => Ok(watched),
        (None, None) => Ok(WatchAnswer::default()),
    }
}
