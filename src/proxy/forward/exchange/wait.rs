//! What an exchange waits for, and for how long.

use std::task::{Context, Poll};

use super::{pace::Pace, state::Exchange};
use crate::{
    limits::{CLIENT_CHECK_MS, HALF_CLOSED_MS},
    proxy::{
        downstream::Downstream,
        forward::failure::Failure,
        worker::{coarse, deadlines::WaitState, phase::Phase},
    },
};

/// The endpoint sent nothing for too long in the middle of its response.
const STALLED: Failure = Failure::BodyCut("nothing came for `between_bytes_ms`");

impl<D: Downstream> Exchange<'_, D> {
    /// Nothing can be moved: sets the deadline of what is waited for, and gives up if it has passed.
    pub(super) fn wait(&mut self, cx: &mut Context<'_>, flushed: bool) -> Poll<Result<(), Failure>> {
        let check_at = self.check_client(cx);
        let (mut due_ms, mut failure) = self.due(flushed);
        if failure == Failure::FirstByte && due_ms <= coarse::now_ms() && !self.stable_agrees() {
            // Stable will not answer, so the endpoint may use all of its time.
            (due_ms, failure) = self.due(flushed);
        }
        if let Some(closed_at) = self.client_closed_at_ms.filter(|at_ms| at_ms + HALF_CLOSED_MS < due_ms) {
            (due_ms, failure) = (closed_at + HALF_CLOSED_MS, Failure::ClientGone);
        }
        let deadline = self.down.deadline();
        deadline.set(due_ms.min(check_at));
        if due_ms <= coarse::now_ms() {
            if flushed && self.download.done {
                // Only the rest of a request is left, which one side does not move.
                self.upload.give_up();
                return Poll::Ready(Ok(()));
            }
            return Poll::Ready(if self.tunnel_closed() { Ok(()) } else { Err(failure) });
        }
        let ended = deadline.state() == WaitState::Ended || self.worker.shared.phase() == Phase::Ending;
        if ended && !self.is_tunnel() {
            self.worker.counters().exchanges_ended.add(1);
            return Poll::Ready(Err(Failure::ReleaseEnded));
        }
        Poll::Pending
    }

    /// Checks whether the client is still there: after one second of waiting for the endpoint, and then every second, so a
    /// request that is answered sooner does not pay for it. Returns when to check next.
    fn check_client(&mut self, cx: &mut Context<'_>) -> u64 {
        let now = coarse::now_ms();
        if self.client_closed_at_ms.is_some() || !self.upload.over || self.is_tunnel() {
            return u64::MAX;
        }
        let check_at = self.client_checked_at_ms.max(self.upstream_at_ms) + CLIENT_CHECK_MS;
        if now < check_at {
            return check_at;
        }
        self.client_checked_at_ms = now;
        if self.down.poll_closed(cx).is_ready() {
            self.client_closed_at_ms = Some(now);
        }
        now + CLIENT_CHECK_MS
    }

    /// When it is too late (monotonic ms), and for what.
    fn due(&mut self, flushed: bool) -> (u64, Failure) {
        let limits = self.worker.limits();
        if let Some(cut_at) = self.download.tunnel.as_ref().and_then(|tunnel| tunnel.cut_at_ms()) {
            return (cut_at, Failure::ReleaseEnded);
        }
        if !flushed {
            return self.taking_due();
        }
        self.taking_pace = None;
        if self.is_tunnel() {
            return (self.upstream_at_ms.saturating_add(limits.tunnel_idle_ms), Failure::ClientGone);
        }
        if self.upload.waits_for_client() && !self.plan.expects_continue {
            return self.sending_due();
        }
        self.sending_pace = None;
        if self.download.decoder.is_some() {
            return (self.upstream_at_ms.saturating_add(limits.between_bytes_ms), STALLED);
        }
        (self.upstream_at_ms.saturating_add(self.first_byte_ms()), Failure::FirstByte)
    }

    /// How long the endpoint may take to the first byte of its response, in ms.
    fn first_byte_ms(&self) -> u64 {
        let most = self.worker.limits().first_byte_ms;
        match self.asset_source.first_byte_ms(self.upstream_at_ms) {
            Some(sibling) => most.min(sibling),
            None => self.shield.first_byte_ms(&self.plan, self.send_state(), most),
        }
    }

    /// When the client is too slow in sending its body.
    #[cold]
    fn sending_due(&mut self) -> (u64, Failure) {
        let (limits, now, received) = (self.worker.limits(), coarse::now_ms(), self.outcome.received);
        let pace = self.sending_pace.get_or_insert_with(|| Pace::begin(limits, now, received));
        (pace.due_ms(limits, now, received), Failure::RequestSlow)
    }

    /// When the client is too slow in taking what it was sent.
    #[cold]
    fn taking_due(&mut self) -> (u64, Failure) {
        let (limits, now) = (self.worker.limits(), coarse::now_ms());
        let taken = self.outcome.sent.saturating_sub(self.down.unflushed() as u64);
        let pace = self.taking_pace.get_or_insert_with(|| Pace::begin(limits, now, taken));
        (pace.due_ms(limits, now, taken), Failure::ResponseSlow)
    }
}
