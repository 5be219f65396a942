//! An answer that is waited for. If the caller gives up waiting, the connection may be dead.
//!
//! A server that was cut off leaves connections on which nothing ever arrives, not even their end. Callers have deadlines
//! shorter than [`ANSWER_WITHIN`](super::ANSWER_WITHIN), so without this they would use such a connection for ever.

use std::time::Duration;

use tokio::time::Instant;

/// A caller that gives up sooner has a reason of its own, and the connection may be sound.
const DOUBTFUL_AFTER: Duration = Duration::from_secs(1);

/// Held while an answer is waited for. If it is dropped after a while without [`PendingAnswer::answered`], it calls back.
pub(crate) struct PendingAnswer<F: Fn()> {
    since: Instant,
    /// Called if the caller gives up.
    on_abandon: Option<F>,
}

impl<F: Fn()> PendingAnswer<F> {
    /// `on_abandon` is called if the caller gives up.
    pub(crate) fn begin(on_abandon: F) -> Self {
        Self { since: Instant::now(), on_abandon: Some(on_abandon) }
    }

    /// An answer has come, or an error.
    pub(crate) fn answered(mut self) {
        self.on_abandon = None;
    }
}

impl<F: Fn()> Drop for PendingAnswer<F> {
    fn drop(&mut self) {
        if let Some(call_back) = self.on_abandon.take().filter(|_| self.since.elapsed() >= DOUBTFUL_AFTER) {
            call_back();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_what_was_waited_for_in_vain_is_in_doubt() {
        let doubts = Cell::new(0);
        let begin = || PendingAnswer::begin(|| doubts.set(doubts.get() + 1));
        drop(begin());
        let (answered, given_up) = (begin(), begin());
        tokio::time::sleep(DOUBTFUL_AFTER).await;
        answered.answered();
        assert_eq!(doubts.get(), 0);
        drop(given_up);
        assert_eq!(doubts.get(), 1);
    }
}
