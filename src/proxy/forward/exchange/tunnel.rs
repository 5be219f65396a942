//! What is kept of a tunnel while it is open.

use crate::{
    limits::{CLOSE_FRAME_MS, LAST_FRAME_MS},
    proxy::codec::{frames::FrameTracker, protocol::Protocol},
};

/// What is kept of a tunnel.
pub struct Tunnel {
    /// Where in the frames towards the client it is. None: it is no WebSocket.
    pub frames: Option<FrameTracker>,
    /// Set while it is ending: since when, monotonic ms, and when its last frame went on.
    pub ending: Option<(u64, u64)>,
    /// The router has ended it: of a WebSocket, its Close went to the client.
    pub closed: bool,
}

impl Tunnel {
    /// A tunnel that begins.
    pub fn of(protocol: Protocol) -> Self {
        let frames = (protocol == Protocol::WebSocket).then(FrameTracker::default);
        Self { frames, ending: None, closed: false }
    }

    /// When it is cut, if it is ending, monotonic ms.
    pub fn cut_at_ms(&self) -> Option<u64> {
        let (since, went_on_at) = self.ending?;
        Some(went_on_at.saturating_add(CLOSE_FRAME_MS).min(since.saturating_add(LAST_FRAME_MS)))
    }
}
