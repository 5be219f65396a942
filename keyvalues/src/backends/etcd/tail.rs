//! The task that reads the cluster's changes.
//!
//! One watch of the whole cluster feeds every watch of the store: a revision in which none of our keys changed then
//! still arrives, and with it the proof that the feed is as far as a quorum says the cluster is. (A watch of some
//! keys cannot prove that: etcd reports its progress every ten minutes, or on request over a connection that the
//! gateway does not offer.) So give the store an etcd of its own, or one that is not busy with other things.

use std::{pin::pin, sync::Arc};

use bytes::{Buf as _, BytesMut};
use reqwest::Response;
use tokio::time::Instant;

use super::{
    entries::Assembly,
    gateway::{Gateway, meaning},
    status,
    wire::{Blob, CreateWatch, Number, Streamed, WatchRequest, Watched},
};
use crate::{
    Revision, StoreError,
    backends::remote::{ANSWER_WITHIN, CONFIRM_EVERY, Feeder},
};

/// The longest message taken. etcd cuts its answers to about 1.5 MiB, which base64 makes 2.
const MESSAGE_BYTES_MAX: usize = 16 << 20;

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

async fn open(gateway: &Gateway, after: Revision) -> Result<Messages, StoreError> {
    let everything = || Blob::of(&[0]);
    let create_request = CreateWatch {
        key: everything(),
        range_end: everything(),
        start_revision: Number::from(after + 1),
        fragment: true,
    };
    let request = WatchRequest { create_request };
    match tokio::time::timeout(ANSWER_WITHIN, gateway.stream("watch", &request)).await {
        Ok(opened) => Ok(Messages { response: opened?, buffer: BytesMut::new() }),
        Err(_) => Err(StoreError::Unreachable("the watch did not begin in time".into())),
    }
}

async fn follow(gateway: &Gateway, feeder: &Feeder, mut messages: Messages) -> Stop {
    let mut assembly = Assembly::default();
    loop {
        let message = match messages.next().await {
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
            return StoreError::Unreachable(format!("the watch lags: revision {revision} does not come"));
        }
        feeder.confirm(revision, asked);
        tokio::time::sleep(CONFIRM_EVERY).await;
    }
}

/// JSON messages, one per line.
struct Messages {
    response: Response,
    buffer: BytesMut,
}

impl Messages {
    async fn next(&mut self) -> Result<Watched, StoreError> {
        let mut searched = 0;
        loop {
            if let Some(at) = self.buffer[searched..].iter().position(|byte| *byte == b'\n') {
                let line = self.buffer.split_to(searched + at);
                self.buffer.advance(1);
                return parse(&line);
            }
            searched = self.buffer.len();
            if searched > MESSAGE_BYTES_MAX {
                return Err(StoreError::Unreachable(format!("a message of over {MESSAGE_BYTES_MAX} bytes")));
            }
            match self.response.chunk().await {
                Ok(Some(bytes)) => self.buffer.extend_from_slice(&bytes),
                Ok(None) => return Err(StoreError::Unreachable("the member ended the watch".into())),
                Err(error) => return Err(StoreError::Unreachable(format!("the watch broke: {error}"))),
            }
        }
    }
}

fn parse(line: &[u8]) -> Result<Watched, StoreError> {
    let message: Streamed<Watched> = serde_json::from_slice(line)
        .map_err(|error| StoreError::Corrupt(format!("a message of the watch does not read: {error}")))?;
    match (message.result, message.error) {
        (_, Some(refusal)) => Err(meaning(&refusal)),
        (Some(watched), None) => Ok(watched),
        (None, None) => Ok(Watched::default()),
    }
}
