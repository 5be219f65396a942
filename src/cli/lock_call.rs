//! Taking a lock, queueing for it, and giving it back.

use std::time::Duration;

use reqwest::Method;
use tokio::time::Instant;

use super::{
    client::{self, Answer, Request},
    duration,
    exit::Failure,
    session::Session,
};
use crate::schema::{
    change::{LockRequest, UnlockRequest},
    error::ErrorAnswer,
};

/// The longest time that one call queues; a longer wait is several calls, so that no proxy between cuts it, and a run that died
/// loses its place soon.
const CALL_MAX: Duration = Duration::from_secs(10);

/// A lock as it is asked for.
#[derive(Debug)]
pub(super) struct LockCall<'a> {
    pub(super) session: &'a Session<'a>,
    pub(super) app: String,
    pub(super) request: LockRequest,
    pub(super) if_match: Option<u64>,
    /// How long to wait for the fleet, if at all.
    pub(super) fleet: Option<Duration>,
}

impl LockCall<'_> {
    /// Takes the lock; one that another run has is waited for.
    pub(super) async fn take(&self, patience: Duration) -> Result<Answer, Failure> {
        let begun = Instant::now();
        let mut is_told = false;
        loop {
            let left = patience.saturating_sub(begun.elapsed());
            // The first call does not wait, so that a person is told at once for whom they do.
            let time = if is_told { left.min(CALL_MAX) } else { Duration::ZERO };
            match self.put(time).await {
                Err(failure) if is_locked(&failure) && begun.elapsed() < patience => {
                    if !is_told {
                        self.session.printer.note(&format!("waiting: {}", failure.message));
                    }
                    is_told = true;
                }
                ended => return ended,
            }
        }
    }

    /// Takes or renews the lock.
    pub(super) async fn put(&self, wait: Duration) -> Result<Answer, Failure> {
        let mut request = Request::new(Method::PUT, &["api", "v1", "apps", &self.app, "lock"]);
        request.if_match = self.if_match;
        request.timeout = client::ANSWER + wait;
        if let Some(timeout) = self.fleet {
            request.query.push(("wait", "fleet".to_owned()));
            request.query.push(("timeout", duration::seconds(timeout)));
            request.timeout += timeout;
        }
        // Whole seconds, and never none while there is patience left: that would ask again and again.
        let seconds = wait.as_millis().div_ceil(1_000);
        let wait = u64::try_from(seconds).ok().filter(|seconds| *seconds > 0);
        self.session.client.send(request.json(&LockRequest { wait, ..self.request.clone() })).await
    }

    /// Gives the lock back.
    pub(super) async fn give_back(&self) -> Result<Answer, Failure> {
        let request = Request::new(Method::DELETE, &["api", "v1", "apps", &self.app, "lock"]);
        let unlock = UnlockRequest { holder: self.request.holder.clone(), reason: None };
        self.session.client.send(request.json(&unlock)).await
    }
}

/// Whether a lock refused it, and not something that no patience mends.
pub(super) fn is_locked(failure: &Failure) -> bool {
    let answer = failure.json.as_deref().and_then(|json| serde_json::from_str::<ErrorAnswer>(json).ok());
    answer.is_some_and(|answer| answer.error.code == "locked")
}
