//! A request that waits, since its app is paused.
//!
//! Its head stays where unread bytes are kept, and is read and decided anew when the table has changed: so the request goes by
//! the routes of then. Nothing more is read of the client meanwhile.

use std::task::{Context, Poll};

use super::{Connection, Next};
use crate::proxy::downstream::{Departure, Downstream as _, pause::Pause};

impl Connection {
    /// Waits, or takes the request up again.
    #[cold]
    pub(super) fn poll_paused(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        let is_over = |pause: &Pause| pause.is_over(&self.worker);
        if self.pause.as_deref().is_some_and(is_over)
            && let Some(next) = self.take_unread()
        {
            return Poll::Ready(next);
        }
        let looks = self.pause.as_deref_mut().is_some_and(Pause::takes_a_look);
        if looks && self.departure() == Some(Departure::Left) {
            self.pause = None;
            return Poll::Ready(Next::End);
        }
        if let Some(pause) = &self.pause {
            self.deadline.set(pause.wait(cx.waker()));
        }
        Poll::Pending
    }
}
