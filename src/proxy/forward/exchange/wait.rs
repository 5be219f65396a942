//! What an exchange waits for, and for how long.

use std::task::{Context, Poll};

use super::{Exchange, pace::Pace};
use crate::{
    limits::{CLIENT_LOOK_MS, HALF_CLOSED_MS},
    proxy::{
        downstream::Downstream,
        forward::failure::Failure,
        worker::{coarse, deadlines::WaitState, phase::Phase},
    },
};

impl<D: Downstream> Exchange<'_, D> {
    /// Nothing moved: sets the deadline of whatever is waited for, and gives up if it has passed.
    pub(super) fn wait(&mut self, cx: &mut Context<'_>, flushed: bool) -> Poll<Result<(), Failure>> {
        let look_at = self.look_for_client(cx);
        let (mut due_ms, mut failure) = self.due(flushed);
        if failure == Failure::FirstByte && due_ms <= coarse::now_ms() && !self.stable_agrees() {
            // Nobody else will answer, so the endpoint has all of its time.
            (due_ms, failure) = self.due(flushed);
        }
        if let Some(left_at) = self.client_left_at_ms.filter(|left_at| left_at + HALF_CLOSED_MS < due_ms) {
            (due_ms, failure) = (left_at + HALF_CLOSED_MS, Failure::ClientGone);
        }
        let deadline = self.down.deadline();
        deadline.set(due_ms.min(look_at));
        if due_ms <= coarse::now_ms() {
            return Poll::Ready(if self.tunnel_closed() { Ok(()) } else { Err(failure) });
        }
        let ended = deadline.state() == WaitState::Ended || self.worker.shared.phase() == Phase::Ending;
        if ended && !self.is_tunnel() {
            self.worker.counters().exchanges_ended.add(1);
            return Poll::Ready(Err(Failure::ReleaseEnded));
        }
        Poll::Pending
    }

    /// A second into waiting for the endpoint, and every second from then on, looks whether the client is still there;
    /// returns when to look next. A request that is answered sooner does not pay for it.
    fn look_for_client(&mut self, cx: &mut Context<'_>) -> u64 {
        let now = coarse::now_ms();
        if self.client_left_at_ms.is_some() || !self.upload.is_over() || self.is_tunnel() {
            return u64::MAX;
        }
        let look_at = self.looked_at_ms.max(self.upstream_at_ms) + CLIENT_LOOK_MS;
        if now < look_at {
            return look_at;
        }
        self.looked_at_ms = now;
        if self.down.poll_left(cx).is_ready() {
            self.client_left_at_ms = Some(now);
        }
        now + CLIENT_LOOK_MS
    }

    /// When it is too late (monotonic ms), and for what.
    fn due(&mut self, flushed: bool) -> (u64, Failure) {
        let limits = self.worker.limits();
        if let Some(cut_at) = self.tunnel_cut_at() {
            return (cut_at, Failure::ReleaseEnded);
        }
        if !flushed {
            return self.taking_deadline();
        }
        self.taking = None;
        if self.is_tunnel() {
            return (self.upstream_at_ms.saturating_add(limits.tunnel_idle_ms), Failure::ClientGone);
        }
        if self.upload.waits_for_client() && !self.plan.expects_continue {
            return self.bringing_deadline();
        }
        self.bringing = None;
        if self.response.decoder.is_some() {
            return (self.upstream_at_ms.saturating_add(limits.between_bytes_ms), Failure::BodyCut);
        }
        (self.upstream_at_ms.saturating_add(self.first_byte_ms()), Failure::FirstByte)
    }

    /// The client has more of its body to bring.
    #[cold]
    fn bringing_deadline(&mut self) -> (u64, Failure) {
        let (limits, now, received) = (self.worker.limits(), coarse::now_ms(), self.outcome.received);
        let pace = self.bringing.get_or_insert_with(|| Pace::begin(limits, now, received));
        (pace.due_ms(limits, now, received), Failure::RequestSlow)
    }

    /// The client does not take what it was sent.
    #[cold]
    fn taking_deadline(&mut self) -> (u64, Failure) {
        let (limits, now) = (self.worker.limits(), coarse::now_ms());
        let taken = self.outcome.sent.saturating_sub(self.down.unflushed() as u64);
        let pace = self.taking.get_or_insert_with(|| Pace::begin(limits, now, taken));
        (pace.due_ms(limits, now, taken), Failure::ResponseSlow)
    }
}
