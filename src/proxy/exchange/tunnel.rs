//! A WebSocket: bytes both ways, frames followed towards the client, and an end that a client can tell from a fault.

use std::task::Context;

use super::Exchange;
use crate::{
    limits::{CLOSE_FRAME_MS, HEADROOM_BYTES},
    proxy::{
        coarse,
        downstream::{BodyPart, Downstream},
        frames::{CLOSE_GOING_AWAY, CLOSE_SERVICE_RESTART, FrameTracker, close_frame},
        watch::Verdict,
        worker::Phase,
    },
};

/// What a tunnel keeps.
#[derive(Default)]
pub(super) struct Tunnel {
    /// Where in the frames towards the client it is.
    pub(super) frames: FrameTracker,
    /// Since when it is ending, monotonic ms.
    pub(super) ending_since_ms: Option<u64>,
    /// The router's Close went to the client.
    pub(super) closed: bool,
}

impl<D: Downstream> Exchange<'_, D> {
    /// A tunnel may last for hours: it keeps no more memory than it needs.
    pub(super) fn begin_tunnel(&mut self) {
        self.plan.out.bytes.shrink_to_fit();
        self.open.become_socket();
    }

    /// Whether this exchange is a tunnel now.
    pub fn is_tunnel(&self) -> bool {
        self.response.tunnel.is_some()
    }

    /// Follows the frames of what goes to the client; while the tunnel is ending, only the frame that has begun goes.
    pub(super) fn follow_frames(&mut self, part: &mut BodyPart) {
        let Some(tunnel) = &mut self.response.tunnel else { return };
        let stop = tunnel.ending_since_ms.is_some();
        let taken = tunnel.frames.follow(part.lease.get(part.data.clone()), stop);
        part.data.end = part.data.start + taken;
    }

    /// Begins to end a tunnel whose release or router ends, and goes on with it: Close once the last frame has ended,
    /// then a moment for the client to answer it. `true` when something was sent.
    pub(super) fn end_tunnel(&mut self, cx: &mut Context<'_>, flushed: bool) -> bool {
        let ended = self.down.watch().verdict() == Verdict::Ended;
        let leaving = self.worker.shared.phase() >= Phase::Draining;
        let Some(tunnel) = &mut self.response.tunnel else { return false };
        if !ended && !leaving || tunnel.closed || !flushed {
            return false;
        }
        tunnel.ending_since_ms.get_or_insert_with(coarse::now_ms);
        if !tunnel.frames.between_frames() {
            return false;
        }
        tunnel.closed = true;
        tunnel.ending_since_ms = Some(coarse::now_ms());
        self.worker.counters().exchanges_ended.add(1);
        let mut lease = self.worker.buffers.lend(false);
        let code = if ended { CLOSE_SERVICE_RESTART } else { CLOSE_GOING_AWAY };
        lease.space()[..4].copy_from_slice(&close_frame(code));
        let data = HEADROOM_BYTES..HEADROOM_BYTES + 4;
        self.down.send(cx, BodyPart { lease, data, last: false, trailers: Vec::new() });
        true
    }

    /// When an ending tunnel is cut, if it is ending.
    pub(super) fn tunnel_cut_at(&self) -> Option<u64> {
        let tunnel = self.response.tunnel.as_ref()?;
        tunnel.ending_since_ms.map(|since| since.saturating_add(CLOSE_FRAME_MS))
    }

    /// Whether the router's Close has been sent, so that an end of the connection is no fault.
    pub(super) fn tunnel_closed(&self) -> bool {
        self.response.tunnel.as_ref().is_some_and(|tunnel| tunnel.closed)
    }
}
