//! WebSocket frames (RFC 6455 section 5.2) on their way to the client. Only their lengths are read, to know where a frame
//! ends: the router ends a tunnel with a Close frame of its own, which may stand only between two frames.

/// The longest frame header without a mask: 2 bytes, and 8 of length.
const HEADER_BYTES_MAX: usize = 10;

/// The code of a WebSocket whose release has ended: connecting again leads to another release (1012).
pub const CLOSE_SERVICE_RESTART: u16 = 1012;
/// The code of a WebSocket whose router or endpoint goes away (1001).
pub const CLOSE_GOING_AWAY: u16 = 1001;

/// Where in a stream of frames a tunnel is.
#[derive(Debug, Clone, Default)]
pub struct FrameTracker {
    header: [u8; HEADER_BYTES_MAX],
    header_bytes: u8,
    payload_left: u64,
}

impl FrameTracker {
    /// Whether the last frame has ended and none has begun.
    pub fn between_frames(&self) -> bool {
        self.header_bytes == 0 && self.payload_left == 0
    }

    /// Follows bytes that are sent, and returns how many it took. With `stop` it takes only those of the frame that has begun.
    pub fn follow(&mut self, bytes: &[u8], stop: bool) -> usize {
        let mut at = 0;
        while at < bytes.len() {
            if stop && self.between_frames() {
                break;
            }
            if self.payload_left > 0 {
                let rest = bytes.len() - at;
                let length = usize::try_from(self.payload_left).map_or(rest, |left| left.min(rest));
                self.payload_left -= length as u64;
                at += length;
            } else {
                self.take_header_byte(bytes[at]);
                at += 1;
            }
        }
        at
    }

    fn take_header_byte(&mut self, byte: u8) {
        let at = usize::from(self.header_bytes);
        self.header[at] = byte;
        self.header_bytes += 1;
        let Some(length_bytes) = self.header.get(1).filter(|_| at >= 1).map(|second| match second & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        }) else {
            return;
        };
        if at + 1 < 2 + length_bytes {
            return;
        }
        let length = match length_bytes {
            0 => u64::from(self.header[1] & 0x7f),
            _ => self.header[2..2 + length_bytes].iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
        };
        // A server does not mask. If one does, the four bytes of the mask are skipped like payload.
        let mask = if self.header[1] & 0x80 == 0 { 0 } else { 4 };
        self.payload_left = length.saturating_add(mask);
        self.header_bytes = 0;
    }
}

/// A Close frame with this code, unmasked, as servers send it.
pub fn close_frame(code: u16) -> [u8; 4] {
    let [high, low] = code.to_be_bytes();
    [0x88, 2, high, low]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(length: usize) -> Vec<u8> {
        let mut frame = vec![0x82];
        match length {
            0..=125 => frame.push(length as u8),
            126..=65_535 => frame.extend([&[126][..], &(length as u16).to_be_bytes()].concat()),
            _ => frame.extend([&[127][..], &(length as u64).to_be_bytes()].concat()),
        }
        frame.resize(frame.len() + length, 0x81);
        frame
    }

    #[test]
    fn every_frame_ends_where_it_ends_whatever_the_split() {
        for length in [0, 1, 125, 126, 127, 65_535, 65_536] {
            let frame = frame(length);
            for step in [1, 2, 3, 1_000, frame.len()] {
                let mut tracker = FrameTracker::default();
                for (index, piece) in frame.chunks(step).enumerate() {
                    assert_eq!(tracker.follow(piece, false), piece.len());
                    let end = (index + 1) * step >= frame.len();
                    assert_eq!(tracker.between_frames(), end, "{length} by {step}");
                }
            }
        }
    }

    #[test]
    fn a_tunnel_that_stops_takes_the_frame_that_has_begun() {
        let (one, other) = (frame(300), frame(5));
        let mut tracker = FrameTracker::default();
        assert_eq!(tracker.follow(&one[..100], false), 100);
        let rest = [&one[100..], &other].concat();
        assert_eq!(tracker.follow(&rest, true), one.len() - 100);
        assert!(tracker.between_frames());
        assert_eq!(tracker.follow(&other, true), 0);
    }

    #[test]
    fn a_length_beyond_all_bounds_is_followed_too() {
        let mut tracker = FrameTracker::default();
        tracker.follow(&[0x82, 0xff, 255, 255, 255, 255, 255, 255, 255, 255], false);
        assert!(!tracker.between_frames());
        assert_eq!(tracker.follow(&[0; 1_000], true), 1_000);
    }
}
