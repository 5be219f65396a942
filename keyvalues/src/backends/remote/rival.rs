//! A new connection that is asked when an old one does not answer.
//!
//! A firewall that was started again, or a path that has changed, leaves connections on which nothing ever arrives, not even
//! their end. A deadline alone cannot tell such a connection from a server that is slow: a short one would leave a slow server
//! again and again, and a long one is time in which nothing is known. A new connection to the same server can: if it is
//! answered and the old one still is not, the old one leads nowhere.

use std::{
    pin::pin,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use tokio::time::{Instant, sleep};

use super::timing::DOUBTED_AFTER;

/// So many times as long as the last answer took, the next one may take before it is in doubt: else a line whose answers
/// always take long would see a new connection with each of them.
const LATER: u32 = 4;

/// What is known of how long small answers take.
#[derive(Debug, Default)]
pub(crate) struct Patience {
    /// What the last one took, in ms.
    last_ms: AtomicU64,
}

impl Patience {
    /// Waits for a small answer, to a question that may itself wait for so long. When none has come after a while, `rival` asks
    /// on a new connection. The error is what that one was answered, before the old one was.
    pub(crate) async fn unless_overtaken<A, R>(
        &self,
        may_wait: Duration,
        answer: impl Future<Output = A>,
        rival: impl Future<Output = R>,
    ) -> Result<A, R> {
        let asked = Instant::now();
        let doubted = DOUBTED_AFTER.max(Duration::from_millis(self.last_ms.load(Relaxed)) * LATER);
        let mut answer = pin!(answer);
        let answered = tokio::select! {
            biased;
            answer = &mut answer => Some(answer),
            () = sleep(may_wait + doubted) => None,
        };
        let answer = match answered {
            Some(answer) => answer,
            None => tokio::select! {
                biased;
                answer = answer => answer,
                overtaken = rival => return Err(overtaken),
            },
        };
        let took = asked.elapsed().saturating_sub(may_wait).as_millis();
        self.last_ms.store(u64::try_from(took).unwrap_or(u64::MAX), Relaxed);
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOT_ASKED: Duration = Duration::ZERO;

    async fn after(ms: u64) -> u64 {
        sleep(Duration::from_millis(ms)).await;
        ms
    }

    #[tokio::test(start_paused = true)]
    async fn who_answers_first_is_believed_and_the_new_one_is_asked_only_when_the_old_one_is_late() {
        let ask = |old, new| async move {
            Patience::default().unless_overtaken(NOT_ASKED, after(old), after(new)).await
        };
        assert_eq!(ask(1, 0).await, Ok(1));
        assert_eq!(ask(500, 101).await, Ok(500));
        assert_eq!(ask(500, 99).await, Err(99));
        assert_eq!(ask(3_600_000, 7).await, Err(7));
    }

    #[tokio::test(start_paused = true)]
    async fn a_line_that_is_always_slow_is_not_doubted_each_time() {
        let patience = Patience::default();
        assert_eq!(patience.unless_overtaken(NOT_ASKED, after(600), after(300)).await, Ok(600));
        let unused = async { panic!("a new connection was asked") };
        let answer: Result<u64, ()> = patience.unless_overtaken(NOT_ASKED, after(900), unused).await;
        assert_eq!(answer, Ok(900));
    }

    #[tokio::test(start_paused = true)]
    async fn a_question_that_waits_at_the_server_has_that_time_too() {
        let (patience, wait) = (Patience::default(), Duration::from_secs(9));
        assert_eq!(patience.unless_overtaken(wait, after(9_300), after(0)).await, Ok(9_300));
        assert_eq!(patience.unless_overtaken(wait, after(60_000), after(5)).await, Err(5));
    }
}
