//! Calls of the API that are under way: where they are carried out, and how many one token may have at once.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::{
    access::{known_token::Digest, live_tokens::Pass},
    error::{ApiError, Kind},
};
use crate::control::limits::{CALL_WAIT_MAX, CALLS_PER_TOKEN_MAX};

/// The calls under way.
#[derive(Debug)]
pub struct Calls {
    threads: Handle,
    by_token: Mutex<HashMap<Digest, Arc<Semaphore>>>,
}

/// A call's turn, which ends when it is dropped.
#[derive(Debug)]
pub struct Turn {
    _permit: OwnedSemaphorePermit,
}

impl Calls {
    /// Calls that are carried out on these threads.
    pub fn new(threads: Handle) -> Self {
        Self { threads, by_token: Mutex::default() }
    }

    /// Where calls are carried out.
    pub fn threads(&self) -> &Handle {
        &self.threads
    }

    /// Waits until a token has room for one more call.
    pub async fn turn(&self, pass: &Pass) -> Result<Turn, ApiError> {
        let room = self.room(pass.digest());
        match timeout(CALL_WAIT_MAX, room.acquire_owned()).await {
            Ok(Ok(permit)) => Ok(Turn { _permit: permit }),
            Ok(Err(_)) | Err(_) => Err(ApiError::new(
                Kind::Busy,
                format!(
                    "the token `{}` has {CALLS_PER_TOKEN_MAX} calls under way; allowed are {CALLS_PER_TOKEN_MAX} at once",
                    pass.caller().name
                ),
            )),
        }
    }

    fn room(&self, token: &Digest) -> Arc<Semaphore> {
        let mut by_token = self.by_token.lock();
        if let Some(room) = by_token.get(token) {
            return Arc::clone(room);
        }
        // Tokens come and go, and one without calls needs no entry.
        by_token.retain(|_, room| room.available_permits() < CALLS_PER_TOKEN_MAX);
        let room = Arc::new(Semaphore::new(CALLS_PER_TOKEN_MAX));
        by_token.insert(*token, Arc::clone(&room));
        room
    }
}
