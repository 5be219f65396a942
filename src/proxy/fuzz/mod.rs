//! Entry points for fuzzing: plain functions over bytes, used by the fuzz targets and by a bounded run in the tests.
//!
//! Each panics if something does not hold that must always hold. None may loop, and none may allocate beyond its limits.
//! They compare reading a whole with reading it in pieces, and the router's reading with its own writing.

mod differential;
mod http2;

use std::sync::LazyLock;

pub use differential::differential;
pub use http2::http2_frames;

use super::{
    codec::{
        body::BodyDecoder,
        chunked::{ChunkedDecoder, write_chunk, write_end},
        head::Framing,
        lines::Progress,
        request::read_request,
        response::read_response,
    },
    rewrite::cookie,
};
use crate::{
    limits::Limits,
    rollout::pin::{PinCodec, PinFormat, PinKey, PinKeys},
};

/// A request's head: what is accepted is unambiguous, and no shorter prefix is accepted too.
pub fn request_head(bytes: &[u8]) {
    let (limits, mut lines) = (Limits::default(), Vec::new());
    let Ok(Progress::Complete(request)) = read_request(bytes, &mut lines, &limits) else { return };
    let (head, length) = (request.head, request.length);
    assert!(length <= limits.header_bytes() && length <= bytes.len());
    assert!(matches!(head.target, [b'/' | b'?', ..] | b"*"));
    assert!(head.target_is_high != head.target.is_ascii());
    assert!(
        head.authority.is_none() == head.authority.host().is_empty()
            && (!head.authority.is_none() || head.minor_version == 0)
            && head.authority.as_str().bytes().all(super::codec::authority::may_hold)
    );
    assert!(head.block.ends_with(b"\r\n"));
    let control = |byte: &u8| (*byte < b' ' && !b"\t\r\n".contains(byte)) || *byte == 0x7f;
    assert!(!head.block.iter().any(control));
    let (lines_before, _) = bytes.as_chunks();
    let skipped = 2 * lines_before.iter().take_while(|line| *line == b"\r\n").count();
    assert_eq!(memchr::memmem::find(&bytes[skipped..length], b"\r\n\r\n"), Some(length - 4 - skipped));
    let mut lines = Vec::new();
    let shorter = read_request(&bytes[..length - 1], &mut lines, &limits);
    assert!(matches!(shorter, Ok(Progress::Partial)), "a prefix of a head is no head");
}

/// A response's head.
pub fn response_head(bytes: &[u8]) {
    let (limits, mut lines) = (Limits::default(), Vec::new());
    for to_head in [false, true] {
        let Ok(Progress::Complete(head)) = read_response(bytes, &mut lines, &limits, to_head) else { return };
        assert!((100..=999).contains(&head.status));
        assert!(head.length <= bytes.len());
        assert!(!to_head || head.framing == Framing::None);
        assert!(head.upgrade.is_none() || head.status == 101);
    }
}

/// A chunked body: the same data however it is split, and the same again after it was framed anew.
pub fn chunked_body(bytes: &[u8]) {
    let whole = decode_chunked(bytes, bytes.len().max(1));
    assert_eq!(whole, decode_chunked(bytes, 1));
    assert_eq!(whole, decode_chunked(bytes, 7));
    let Some((data, true)) = whole else { return };
    let mut framed = Vec::new();
    for piece in data.chunks(1_000) {
        write_chunk(piece, &mut framed);
    }
    write_end(&[], &mut framed);
    assert_eq!(decode_chunked(&framed, 64), Some((data, true)));
}

/// The data and whether the body ended; `None` when it was refused.
fn decode_chunked(bytes: &[u8], step: usize) -> Option<(Vec<u8>, bool)> {
    let mut body = BodyDecoder::Chunked(ChunkedDecoder::new(1_000));
    let (mut data, mut at) = (Vec::new(), 0);
    while at < bytes.len() && !body.is_done() {
        let mut piece = bytes[at..bytes.len().min(at + step)].to_vec();
        let decoded = body.decode(&mut piece).ok()?;
        assert!(decoded.consumed > 0, "every step goes on");
        data.extend_from_slice(&piece[decoded.data]);
        at += decoded.consumed;
    }
    assert!(data.len() <= bytes.len());
    Some((data, body.is_done()))
}

/// A Cookie value: what is left holds no cookie of that name, and no more bytes than before. A pin that verifies is
/// exactly what the router would write, so there is one spelling of each.
pub fn cookies(bytes: &[u8]) {
    let removed: Vec<_> = cookie::find(bytes, b"rolling_pin").map(|found| found.whole).collect();
    let mut left = Vec::new();
    cookie::write_without(bytes, removed, &mut left);
    assert!(left.len() <= bytes.len());
    assert_eq!(cookie::find(&left, b"rolling_pin").count(), 0);
    for codec in PINS.iter() {
        if let Ok(pin) = codec.decode(bytes)
            && codec.encode(&pin).len() == bytes.len()
        {
            assert_eq!(&codec.encode(&pin)[..], bytes);
        }
    }
}

/// One for each format.
static PINS: LazyLock<[PinCodec; 2]> = LazyLock::new(|| {
    let current = PinKey { id: 1, secret: [7; 16] };
    let codec = |format| {
        let app = "shop".parse().expect("a valid name");
        PinCodec::new(app, PinKeys { next: None, current, previous: None }, format)
    };
    [PinFormat::One, PinFormat::Two].map(codec)
});

#[cfg(test)]
mod tests;
