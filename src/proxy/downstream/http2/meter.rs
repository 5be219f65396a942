//! Counts the frames of a client, as their bytes pass, so that one who sends nothing but frames that move nothing is found.
//!
//! The library answers or ignores such frames one by one and keeps nothing of them, but each costs work. Their number follows
//! what moves: a client may send some for what it takes and sends, and a few each second besides. It may reset a request that
//! has its answer (whoever reads the first message of a stream and leaves); resets of those that have none are few.

use crate::limits::{
    HTTP2_BYTES_PER_FRAME, HTTP2_FRAMES_BURST, HTTP2_FRAMES_EARNED_MAX, HTTP2_FRAMES_PER_PART,
    HTTP2_FRAMES_PER_SECOND,
};

/// The length of a frame's head (RFC 9113 section 4.1).
const FRAME_HEAD_BYTES: usize = 9;
/// What a client sends before its first frame (section 3.4), in bytes.
const PREFACE_BYTES: usize = 24;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// Where in its frames a client is, and how many frames it may still send that move nothing.
#[derive(Debug)]
pub struct FrameMeter {
    head: [u8; FRAME_HEAD_BYTES],
    /// How much of a frame's head was seen.
    seen: usize,
    /// How much of its payload, or of the preface, is to come.
    left: usize,
    /// A header block has begun: since when, monotonic ms.
    block_since: Option<u64>,
    /// The block ends with the present frame.
    block_ends: bool,
    idle_frames: Allowance,
    /// Bytes that moved and have not earned a frame yet.
    bytes_over: u32,
    resets: Allowance,
    flooded: bool,
}

/// How many frames may still come: some at once, and more as time passes.
#[derive(Debug)]
struct Allowance {
    left: u32,
    /// Up to when time was counted, monotonic ms.
    counted_ms: u64,
}

impl Allowance {
    fn new(now_ms: u64) -> Self {
        Self { left: HTTP2_FRAMES_BURST, counted_ms: now_ms }
    }

    /// Allows so many more, as long as no more than `most` are left.
    fn earn(&mut self, more: u32, most: u32) {
        self.left = self.left.saturating_add(more).min(self.left.max(most));
    }

    /// Uses one; `false` if none is left.
    fn take(&mut self, now_ms: u64) -> bool {
        let earned = now_ms.saturating_sub(self.counted_ms) * u64::from(HTTP2_FRAMES_PER_SECOND) / 1_000;
        if earned > 0 {
            self.counted_ms = now_ms;
            self.earn(u32::try_from(earned).unwrap_or(u32::MAX), HTTP2_FRAMES_BURST);
        }
        let taken = self.left.checked_sub(1);
        self.left = taken.unwrap_or(0);
        taken.is_some()
    }
}

impl FrameMeter {
    /// At the start of a connection.
    pub fn new(now_ms: u64) -> Self {
        Self {
            head: [0; FRAME_HEAD_BYTES],
            seen: 0,
            left: PREFACE_BYTES,
            block_since: None,
            block_ends: false,
            idle_frames: Allowance::new(now_ms),
            bytes_over: 0,
            resets: Allowance::new(now_ms),
            flooded: false,
        }
    }

    /// Looks at bytes that the client sent.
    pub fn read(&mut self, bytes: &[u8], now_ms: u64) {
        let mut rest = bytes;
        while !rest.is_empty() {
            if self.left > 0 {
                let passed = self.left.min(rest.len());
                self.left -= passed;
                rest = &rest[passed..];
            } else {
                let taken = (FRAME_HEAD_BYTES - self.seen).min(rest.len());
                self.head[self.seen..self.seen + taken].copy_from_slice(&rest[..taken]);
                self.seen += taken;
                rest = &rest[taken..];
                if self.seen == FRAME_HEAD_BYTES {
                    self.seen = 0;
                    self.begin_frame(now_ms);
                }
            }
            if self.left == 0 && self.seen == 0 && std::mem::take(&mut self.block_ends) {
                self.block_since = None;
            }
        }
    }

    /// Notes that bytes went to the client.
    pub fn wrote(&mut self, bytes: usize) {
        self.moved(bytes);
    }

    /// Notes a part of a response. What the client asked to be sent in crumbs counts once, as the endpoint sent it: a window
    /// of one byte at a time earns nothing.
    pub fn sent_part(&mut self) {
        self.idle_frames.earn(HTTP2_FRAMES_PER_PART, HTTP2_FRAMES_EARNED_MAX);
    }

    /// Notes the head of a response.
    pub fn sent_head(&mut self) {
        self.sent_part();
        self.resets.earn(1, HTTP2_FRAMES_BURST);
    }

    /// Whether the client sent too many frames that move nothing.
    pub fn is_flooded(&self) -> bool {
        self.flooded
    }

    /// Since when a header block is not whole, monotonic ms.
    pub fn block_since(&self) -> Option<u64> {
        self.block_since
    }

    fn moved(&mut self, bytes: usize) {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX).saturating_add(self.bytes_over);
        self.bytes_over = bytes % HTTP2_BYTES_PER_FRAME;
        self.idle_frames.earn(bytes / HTTP2_BYTES_PER_FRAME, HTTP2_FRAMES_EARNED_MAX);
    }

    fn begin_frame(&mut self, now_ms: u64) {
        let [high, middle, low, kind, flags, ..] = self.head;
        self.left = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
        if matches!(kind, DATA | HEADERS | CONTINUATION) {
            self.moved(self.left);
        }
        let within = match kind {
            DATA => self.left > 0 || flags & END_STREAM != 0 || self.idle_frames.take(now_ms),
            HEADERS | CONTINUATION => {
                self.block_since.get_or_insert(now_ms);
                self.block_ends = flags & END_HEADERS != 0;
                kind == HEADERS || self.left > 0 || self.idle_frames.take(now_ms)
            }
            RST_STREAM => self.resets.take(now_ms),
            _ => self.idle_frames.take(now_ms),
        };
        self.flooded |= !within;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, length: usize) -> Vec<u8> {
        let [.., high, middle, low] = length.to_be_bytes();
        let head = [high, middle, low, kind, flags, 0, 0, 0, 1];
        [&head[..], &vec![0; length]].concat()
    }

    fn begun() -> FrameMeter {
        let mut meter = FrameMeter::new(0);
        meter.read(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 0);
        meter
    }

    /// How many such frames are taken at once before it is too many.
    fn taken(kind: u8, flags: u8, length: usize) -> usize {
        let mut meter = begun();
        let frame = frame(kind, flags, length);
        (0..10_000)
            .take_while(|_| {
                meter.read(&frame, 0);
                !meter.is_flooded()
            })
            .count()
    }

    #[test]
    fn frames_that_move_nothing_are_a_flood_and_others_are_none() {
        for (what, kind, flags, length) in [
            ("SETTINGS", 4, 0, 0),
            ("PING", 6, 0, 8),
            ("PRIORITY", 2, 0, 5),
            ("WINDOW_UPDATE", 8, 0, 4),
            ("RST_STREAM", 3, 0, 4),
            ("empty DATA", 0, 0, 0),
            ("empty CONTINUATION", 9, 0, 0),
            ("unknown", 0xbe, 0, 10),
        ] {
            assert_eq!(taken(kind, flags, length), HTTP2_FRAMES_BURST as usize, "{what}");
        }
        for (what, kind, flags, length) in [
            ("DATA", 0, 0, 1),
            ("the end of a body", 0, 1, 0),
            ("HEADERS", 1, 5, 20),
            ("CONTINUATION", 9, 4, 1),
        ] {
            assert_eq!(taken(kind, flags, length), 10_000, "{what}");
        }
    }

    #[test]
    fn whoever_moves_bytes_may_answer_for_them() {
        let mut meter = begun();
        let update = frame(8, 0, 4);
        for _ in 0..10_000 {
            meter.wrote(4_096);
            for _ in 0..4 {
                meter.read(&update, 0);
            }
        }
        assert!(!meter.is_flooded());
        for _ in 0..=HTTP2_FRAMES_EARNED_MAX {
            meter.read(&update, 0);
        }
        assert!(meter.is_flooded(), "what was earned ends");
    }

    #[test]
    fn small_pieces_earn_as_much_as_large_ones() {
        let (mut meter, ping) = (begun(), frame(6, 0, 8));
        for _ in 0..10_000 {
            (0..HTTP2_BYTES_PER_FRAME / 16).for_each(|_| meter.wrote(16));
            meter.read(&ping, 0);
        }
        assert!(!meter.is_flooded());
    }

    #[test]
    fn each_part_of_a_response_may_be_answered() {
        let (mut meter, ping) = (begun(), frame(6, 0, 8));
        for _ in 0..10_000 {
            meter.sent_part();
            (0..HTTP2_FRAMES_PER_PART).for_each(|_| meter.read(&ping, 0));
        }
        assert!(!meter.is_flooded());
    }

    #[test]
    fn a_request_that_has_its_answer_may_be_reset() {
        let (mut meter, reset) = (begun(), frame(RST_STREAM, 0, 4));
        for _ in 0..10_000 {
            meter.sent_head();
            meter.read(&reset, 0);
        }
        assert!(!meter.is_flooded());
        (0..=HTTP2_FRAMES_BURST).for_each(|_| meter.read(&reset, 0));
        assert!(meter.is_flooded(), "none is earned ahead");
    }

    #[test]
    fn time_allows_some_more() {
        let (mut meter, ping) = (begun(), frame(6, 0, 8));
        for second in 0..1_000 {
            for _ in 0..HTTP2_FRAMES_PER_SECOND {
                meter.read(&ping, second * 1_000);
            }
        }
        assert!(!meter.is_flooded());
    }

    #[test]
    fn frames_are_found_however_they_are_split() {
        let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        bytes.extend(frame(4, 0, 6));
        bytes.extend(frame(1, 0, 30));
        for step in [1, 5, 1_000] {
            let mut meter = FrameMeter::new(0);
            bytes.chunks(step).for_each(|part| meter.read(part, 7));
            assert_eq!(meter.block_since(), Some(7), "its block goes on");
            let end = frame(9, 4, 12);
            end[..20].chunks(step).for_each(|part| meter.read(part, 9));
            assert_eq!(meter.block_since(), Some(7), "its last frame is not whole");
            meter.read(&end[20..], 9);
            assert_eq!(meter.block_since(), None);
            assert_eq!(meter.idle_frames.left, HTTP2_FRAMES_BURST - 1);
        }
    }
}
