//! What an exchange waits for, and for how long.

use std::task::{Context, Poll};

use super::{pace::Pace, state::Exchange};
use crate::{
    limits::SCARCE_GRACE_MS,
    proxy::{
        downstream::Downstream,
        forward::failure::Failure,
        worker::{coarse, deadlines::WaitState, phase::Phase},
    },
    rollout::settings::Timeout,
};

/// The endpoint sent nothing for too long in the middle of its response.
const STALLED: Failure = Failure::BodyCut("nothing came for `between_bytes_ms`");

impl<D: Downstream> Exchange<'_, D> {
    /// Nothing can be moved: sets the deadline of what is waited for, and gives up if it has passed.
    pub(super) fn wait(&mut self, cx: &mut Context<'_>, flushed: bool) -> Poll<Result<(), Failure>> {
        let check_at = self.check_client(cx)?;
        let (mut due_ms, mut failure) = self.due(flushed);
        if failure == Failure::FirstByte && due_ms <= coarse::now_ms() {
            if self.begins_race() {
                return Poll::Ready(Err(Failure::Silent));
            }
            // The endpoint may use all of its time.
            (due_ms, failure) = self.due(flushed);
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

    /// A time-out of the app for this path, or the router's.
    pub(super) fn timeout(&self, timeout: Timeout) -> u64 {
        let (plan, limits) = (&self.plan, self.worker.limits());
        let set = plan.app.routes.settings.timeouts.of(plan.marked(&plan.marks.target), timeout);
        set.unwrap_or(match timeout {
            Timeout::FirstByte => limits.first_byte_ms,
            Timeout::BetweenBytes => limits.between_bytes_ms,
            Timeout::TunnelIdle => limits.tunnel_idle_ms,
            Timeout::BodyRateMin => limits.body_rate_min,
            Timeout::BodyGrace => limits.body_grace_ms,
        })
    }

    /// When it is too late (monotonic ms), and for what.
    fn due(&mut self, flushed: bool) -> (u64, Failure) {
        let due = self.due_of_stage(flushed);
        match self.plan.grpc {
            Some(call) if call.due_ms < due.0 => (call.due_ms, Failure::Deadline),
            _ => due,
        }
    }

    fn due_of_stage(&mut self, flushed: bool) -> (u64, Failure) {
        if let Some(cut_at) = self.download.tunnel.as_ref().and_then(|tunnel| tunnel.cut_at_ms()) {
            return (cut_at, Failure::ReleaseEnded);
        }
        if !flushed {
            return self.taking_due();
        }
        self.taking_pace = None;
        if self.is_tunnel() {
            let idle_ms = self.timeout(Timeout::TunnelIdle);
            return (self.upstream_at_ms.saturating_add(idle_ms), Failure::ClientGone);
        }
        if self.upload.waits_for_client() && !self.plan.expects_continue {
            if self.plan.grpc.is_some() {
                // A call may be silent between its messages, as long as it is not forgotten.
                let idle_ms = self.timeout(Timeout::TunnelIdle);
                return (self.upstream_at_ms.saturating_add(idle_ms), Failure::RequestSlow);
            }
            return self.sending_due();
        }
        self.sending_pace = None;
        if self.download.decoder.is_some() {
            let events = self.download.event_stream || self.plan.grpc.is_some();
            let pause_ms = self.timeout(if events { Timeout::TunnelIdle } else { Timeout::BetweenBytes });
            return (self.upstream_at_ms.saturating_add(pause_ms), STALLED);
        }
        (self.first_byte_due_ms(), Failure::FirstByte)
    }

    /// When the endpoint is too late with the first byte of its response, or silent for so long that stable is asked as well,
    /// monotonic ms.
    fn first_byte_due_ms(&self) -> u64 {
        if let Some(sibling_ms) = self.asset_source.first_byte_ms(self.upstream_at_ms) {
            let most = self.timeout(Timeout::FirstByte);
            return self.upstream_at_ms.saturating_add(most.min(sibling_ms));
        }
        // An interim response is no answer, so it does not end a silence.
        let silent = self.shield.silence_ms(&self.plan, self.send_state());
        let silent_at = silent.map_or(u64::MAX, |ms| self.asked_at_ms.saturating_add(ms));
        self.late_at_ms().min(silent_at)
    }

    /// When the client is too slow in sending its body.
    #[cold]
    fn sending_due(&mut self) -> (u64, Failure) {
        let (now, received) = (coarse::now_ms(), self.outcome.received);
        let mut pace = self.sending_pace.take().unwrap_or_else(|| self.begin_pace(received));
        let due_ms = pace.due_ms(now, received);
        self.sending_pace = Some(pace);
        (due_ms, Failure::RequestSlow)
    }

    /// When the client is too slow in taking what it was sent. It holds a buffer meanwhile, so it may be slow only for a short
    /// time while buffers run short.
    #[cold]
    fn taking_due(&mut self) -> (u64, Failure) {
        let (now, taken) = (coarse::now_ms(), self.delivered());
        let begun = self.taking_pace.take();
        let mut pace = begun.unwrap_or_else(|| {
            self.down.tolerate_pause(self.timeout(Timeout::BodyGrace));
            self.begin_pace(taken)
        });
        let mut due_ms = pace.due_ms(now, taken);
        if self.worker.buffers.are_scarce() {
            due_ms = due_ms.saturating_sub(pace.beyond_ms(SCARCE_GRACE_MS));
        }
        self.taking_pace = Some(pace);
        (due_ms, Failure::ResponseSlow)
    }

    fn begin_pace(&self, bytes: u64) -> Pace {
        let (rate_min, grace_ms) = (self.timeout(Timeout::BodyRateMin), self.timeout(Timeout::BodyGrace));
        Pace::begin(rate_min, grace_ms, coarse::now_ms(), bytes)
    }
}
