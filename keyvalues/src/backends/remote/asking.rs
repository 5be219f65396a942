//! A question that is under way: when whoever asked gives up waiting, the connection it was sent on is in doubt.
//!
//! A server that was cut off leaves connections on which nothing ever comes again, not even an end. Callers have deadlines
//! of their own, shorter than [`super::ANSWER_WITHIN`], so they would ask on such a connection for ever.

use std::time::Duration;

use tokio::time::Instant;

/// Who gives up sooner did so for a reason of its own.
const DOUBTFUL_AFTER: Duration = Duration::from_secs(1);

/// Held while an answer is waited for. Dropped without [`Asking::answered`] after a while, it says so.
pub(crate) struct Asking<F: Fn()> {
    since: Instant,
    /// Taken once it is answered.
    doubt: Option<F>,
}

impl<F: Fn()> Asking<F> {
    /// `doubt` is called when it is given up.
    pub(crate) fn begin(doubt: F) -> Self {
        Self { since: Instant::now(), doubt: Some(doubt) }
    }

    /// There is an answer, or an error.
    pub(crate) fn answered(mut self) {
        self.doubt = None;
    }
}

impl<F: Fn()> Drop for Asking<F> {
    fn drop(&mut self) {
        if let Some(doubt) = self.doubt.take().filter(|_| self.since.elapsed() >= DOUBTFUL_AFTER) {
            doubt();
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
        let begin = || Asking::begin(|| doubts.set(doubts.get() + 1));
        drop(begin());
        let (answered, given_up) = (begin(), begin());
        tokio::time::sleep(DOUBTFUL_AFTER).await;
        answered.answered();
        assert_eq!(doubts.get(), 0);
        drop(given_up);
        assert_eq!(doubts.get(), 1);
    }
}
