//! The task that reads the cluster's changes.
//!
//! One watch of the whole cluster feeds every watch of the store: a revision in which none of our keys changed then
//! still arrives, and with it the proof that the feed is as far as a quorum says the cluster is. (A watch of some
//! keys cannot prove that: etcd reports its progress every ten minutes, or on request over a connection that the
//! gateway does not offer.) So give the store an etcd of its own, or one that is not busy with other things.

use std::{pin::pin, sync::Arc};

use tokio::time::Instant;

use super::{
    entries::Assembly,
    gateway::{Gateway, meaning},
    status::status,
    wire::{Blob, CreateWatch, Number, StreamMessage, WatchAnswer, WatchRequest},
};
use crate::{
    backends::remote::{ANSWER_WITHIN, CONFIRM_EVERY, Feeder, Lines},
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
    match tokio::time::timeout(ANSWER_WITHIN, gateway.stream("watch", &request)).await {
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
    loop {
        let asked = Instant::now();
        let revision = match status(gateway).await {
            Ok((revision, _)) => revision,
            Err(error) => return error,
        };
        let mut reached = pin!(feeder.reaches(revision));
        if tokio::time::timeout(ANSWER_WITHIN, &mut reached).await.is_err() {
            return StoreError::Unreachable(format!(
                "the watch lags: revision {revision} did not arrive in time"
            ));
        }
        feeder.confirm(revision, asked);
        tokio::time::sleep(CONFIRM_EVERY).await;
    }
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
