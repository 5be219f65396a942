//! A WebSocket: bytes both ways, frames followed towards the client, and an end that a client can tell from a fault.

use std::task::{Context, Poll};

use super::Exchange;
use crate::{
    limits::{CLOSE_FRAME_MS, HEADROOM_BYTES, LAST_FRAME_MS},
    proxy::{
        codec::frames::{CLOSE_GOING_AWAY, CLOSE_SERVICE_RESTART, FrameTracker, close_frame},
        downstream::{BodyPart, Downstream, stream::Stream},
        worker::{coarse, deadlines::WaitState, phase::Phase},
    },
};

/// What a tunnel keeps.
#[derive(Default)]
pub(super) struct Tunnel {
    /// Where in the frames towards the client it is.
    pub(super) frames: FrameTracker,
    /// While it is ending: since when, monotonic ms, and when its last frame went on.
    ending: Option<(u64, u64)>,
    /// The router's Close went to the client.
    pub(super) closed: bool,
}

impl<D: Downstream> Exchange<'_, D> {
    /// A tunnel may last for hours: it keeps no more memory than it needs.
    #[cold]
    pub(super) fn begin_tunnel(&mut self) {
        self.plan.out.bytes.shrink_to_fit();
        self.open.become_socket(&self.plan.endpoint().state);
    }

    /// Whether this exchange is a tunnel now.
    pub fn is_tunnel(&self) -> bool {
        self.response.tunnel.is_some()
    }

    /// Follows the frames of what goes to the client; while the tunnel is ending, only the frame that has begun goes.
    pub(super) fn follow_frames(&mut self, part: &mut BodyPart) {
        let Some(tunnel) = &mut self.response.tunnel else { return };
        let taken = tunnel.frames.follow(part.lease.get(part.data.clone()), tunnel.ending.is_some());
        if let Some((_, moved_at)) = tunnel.ending.as_mut().filter(|_| taken > 0) {
            *moved_at = coarse::now_ms();
        }
        part.data.end = part.data.start + taken;
    }

    /// Begins to end a tunnel whose release or router ends, and goes on with it: Close once the last frame has ended,
    /// then a moment for the client to answer it. `true` when something was sent.
    #[cold]
    pub(super) fn end_tunnel(&mut self, cx: &mut Context<'_>, flushed: bool) -> bool {
        let ended = self.down.deadline().state() == WaitState::Ended;
        // A client of an endpoint that ends finds the same release elsewhere; one of a release does not.
        let restarts = ended && self.plan.release().state.ended();
        let leaving = self.worker.shared.phase() >= Phase::Draining;
        let Some(tunnel) = &mut self.response.tunnel else { return false };
        if !ended && !leaving || tunnel.closed || !flushed {
            return false;
        }
        let now = coarse::now_ms();
        tunnel.ending.get_or_insert((now, now));
        if !tunnel.frames.between_frames() {
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

    /// Behind the router's Close nothing goes to the client. What the endpoint still sends is read all the same, so that
    /// it takes what the client answers; once it has closed there is nothing left to wait for.
    #[cold]
    pub(super) fn drop_response(&mut self, cx: &mut Context<'_>, link: &mut Stream) {
        let mut lease = self.worker.buffers.lend(false);
        match link.poll_read(cx, lease.space()) {
            Poll::Pending => {}
            Poll::Ready(Ok(read)) if read > 0 => self.moved = true,
            Poll::Ready(_) => {
                self.moved |= !self.response.done;
                self.response.done = true;
            }
        }
    }

    /// When an ending tunnel is cut, if it is ending.
    pub(super) fn tunnel_cut_at(&self) -> Option<u64> {
        let tunnel = self.response.tunnel.as_ref()?;
        let (since, moved_at) = tunnel.ending?;
        Some(moved_at.saturating_add(CLOSE_FRAME_MS).min(since.saturating_add(LAST_FRAME_MS)))
    }

    /// Whether the router's Close has been sent, so that an end of the connection is no fault.
    pub(super) fn tunnel_closed(&self) -> bool {
        self.response.tunnel.as_ref().is_some_and(|tunnel| tunnel.closed)
    }
}
