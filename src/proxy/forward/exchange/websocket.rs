//! A tunnel: bytes both ways, and an end. Frames of a WebSocket are followed towards the client, so that it can tell its end from
//! a failure; other protocols have none that the router knows, and end as a connection does.

use std::task::{Context, Poll};

use super::state::Exchange;
use crate::{
    limits::HEADROOM_BYTES,
    proxy::{
        codec::frames::{CLOSE_GOING_AWAY, CLOSE_SERVICE_RESTART, close_frame},
        downstream::{BodyPart, Downstream},
        worker::{coarse, deadlines::WaitState, phase::Phase},
    },
    upstream::stream::Stream,
};

impl<D: Downstream> Exchange<'_, D> {
    /// A tunnel may last for hours: it keeps no more memory than it needs.
    #[cold]
    pub(super) fn begin_tunnel(&mut self) {
        self.plan.out.bytes.shrink_to_fit();
        self.open.become_socket(&self.plan.endpoint().state);
    }

    /// Follows the frames of what goes to the client. While the tunnel is ending, only the frame that has begun goes.
    pub(super) fn follow_frames(&mut self, part: &mut BodyPart) {
        let Some(tunnel) = &mut self.download.tunnel else { return };
        let Some(frames) = &mut tunnel.frames else { return };
        let taken = frames.follow(part.lease.get(part.data.clone()), tunnel.ending.is_some());
        if let Some((_, went_on_at)) = tunnel.ending.as_mut().filter(|_| taken > 0) {
            *went_on_at = coarse::now_ms();
        }
        part.data.end = part.data.start + taken;
    }

    /// Ends a tunnel whose release, endpoint or router ends: sends a Close once the last frame has ended. The client then
    /// has a moment to answer it. Without frames nothing more goes to the client. `true` when something has changed.
    #[cold]
    pub(super) fn end_tunnel(&mut self, cx: &mut Context<'_>, flushed: bool) -> bool {
        let ended = self.down.deadline().state() == WaitState::Ended;
        // 1012 tells clients to connect again, which leads them to another release.
        let restarts = ended && self.plan.release().state.ended();
        let leaving = self.worker.shared.phase() >= Phase::Draining;
        let Some(tunnel) = &mut self.download.tunnel else { return false };
        if !ended && !leaving || tunnel.closed || !flushed {
            return false;
        }
        let now = coarse::now_ms();
        tunnel.ending.get_or_insert((now, now));
        let Some(frames) = &tunnel.frames else {
            (tunnel.closed, self.download.done) = (true, true);
            self.worker.counters().exchanges_ended.add(1);
            return true;
        };
        if !frames.between_frames() {
            return false;
        }
        tunnel.closed = true;
        tunnel.ending = Some((now, now));
        self.worker.counters().exchanges_ended.add(1);
        let mut lease = self.worker.buffers.lend(false);
        let code = if restarts { CLOSE_SERVICE_RESTART } else { CLOSE_GOING_AWAY };
        lease.space()[..4].copy_from_slice(&close_frame(code));
        let data = HEADROOM_BYTES..HEADROOM_BYTES + 4;
        self.down.send(cx, BodyPart { lease, data, last: false, trailers: Vec::new() });
        true
    }

    /// After the router's Close nothing goes to the client. What the endpoint still sends is read all the same, so that it
    /// takes what the client answers. Once it has closed, there is nothing left to wait for.
    #[cold]
    pub(super) fn drop_response(&mut self, cx: &mut Context<'_>, link: &mut Stream) {
        let mut lease = self.worker.buffers.lend(false);
        match link.poll_read(cx, lease.space()) {
            Poll::Pending => {}
            Poll::Ready(Ok(read)) if read > 0 => self.went_on = true,
            Poll::Ready(_) => {
                self.went_on |= !self.download.done;
                self.download.done = true;
            }
        }
    }

    /// Whether the router's Close has been sent, so that an end of the connection is no failure.
    pub(super) fn tunnel_closed(&self) -> bool {
        self.download.tunnel.as_ref().is_some_and(|tunnel| tunnel.closed)
    }
}
