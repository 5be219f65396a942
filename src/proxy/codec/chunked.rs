//! The chunked transfer coding (RFC 9112 section 7.1), decoded in place.
//!
//! Sizes are hexadecimal digits and nothing else. Lines end with CRLF and nothing else. Extensions are counted and thrown
//! away. Trailers are kept until the end. Data stays where it was read, except when several chunks arrive in one read: then
//! the later ones are moved up to the first.

use super::{
    bytes::{CLASS, HEX, VALUE},
    fault::Malformed,
    piece::Piece,
};
use crate::limits::{BODY_BYTES_MAX, CHUNK_SIZE_DIGITS_MAX, TRAILER_BYTES_MAX};

/// Where a chunked body is.
#[derive(Debug, Clone)]
pub struct ChunkedDecoder {
    state: State,
    digits: u8,
    remaining: u64,
    extension_bytes_left: u32,
    /// Bare line feeds and blanks around sizes are let pass.
    lenient: bool,
    /// Some were.
    let_pass: bool,
    trailers: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Size,
    Padding,
    Extension,
    SizeLineFeed,
    Data,
    DataReturn,
    DataLineFeed,
    Trailers,
    Done,
}

impl ChunkedDecoder {
    /// A decoder at the start of a body, which may have so many bytes of chunk extensions in all.
    pub fn new(extension_bytes_max: u32) -> Self {
        Self {
            state: State::Size,
            digits: 0,
            remaining: 0,
            extension_bytes_left: extension_bytes_max,
            lenient: false,
            let_pass: false,
            trailers: Vec::new(),
        }
    }

    /// From now on lines may end with a bare line feed, and sizes may have blanks around them.
    pub fn allow_lenient(&mut self) {
        self.lenient = true;
    }

    /// Whether something was let pass, asked once.
    pub fn take_let_pass(&mut self) -> bool {
        std::mem::take(&mut self.let_pass)
    }

    /// Whether the body has ended.
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Takes the trailer section, the empty line that ends it included. Empty if there were no trailers.
    pub fn take_trailers(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.trailers)
    }

    /// Decodes what was read. Bytes behind the end of the body are not consumed.
    pub fn decode(&mut self, bytes: &mut [u8]) -> Result<Piece, Malformed> {
        let mut data = 0..0;
        let mut at = 0;
        while at < bytes.len() && self.state != State::Done {
            if self.state == State::Data {
                at = self.take_data(bytes, at, &mut data);
            } else {
                match self.step(bytes[at]) {
                    Ok(()) => {}
                    Err(_) if self.lenient && self.step_leniently(bytes[at]) => self.let_pass = true,
                    Err(malformed) => return Err(malformed),
                }
                at += 1;
            }
        }
        Ok(Piece { data, consumed: at, done: self.is_done() })
    }

    /// Takes data from `at` on, joined to what was taken before.
    fn take_data(&mut self, bytes: &mut [u8], at: usize, data: &mut std::ops::Range<usize>) -> usize {
        let available = bytes.len() - at;
        let length = usize::try_from(self.remaining).map_or(available, |remaining| remaining.min(available));
        if data.start == data.end {
            *data = at..at;
        }
        if data.end != at {
            bytes.copy_within(at..at + length, data.end);
        }
        data.end += length;
        self.remaining -= length as u64;
        if self.remaining == 0 {
            self.state = State::DataReturn;
        }
        at + length
    }

    fn step(&mut self, byte: u8) -> Result<(), Malformed> {
        self.state = match (self.state, byte) {
            (State::Size, _) if CLASS[usize::from(byte)] & HEX != 0 => {
                self.take_digit(byte)?;
                State::Size
            }
            (State::Size, b'\r') if self.digits > 0 => State::SizeLineFeed,
            (State::Size, b';') if self.digits > 0 => State::Extension,
            (State::Padding, b'\r') => State::SizeLineFeed,
            (State::Padding, b';') => State::Extension,
            (State::Size | State::Padding, _) => {
                return Err(Malformed("a chunk's size is not a hexadecimal number"));
            }
            (State::Extension, b'\r') => State::SizeLineFeed,
            (State::Extension, _) if CLASS[usize::from(byte)] & VALUE != 0 => {
                let left = self.extension_bytes_left.checked_sub(1);
                self.extension_bytes_left = left.ok_or(Malformed("too many chunk extensions"))?;
                State::Extension
            }
            (State::Extension, _) => return Err(Malformed("a chunk extension contains a control byte")),
            (State::SizeLineFeed, b'\n') => self.end_size(),
            (State::DataReturn, b'\r') => State::DataLineFeed,
            (State::DataLineFeed, b'\n') => State::Size,
            (State::Trailers, _) => self.take_trailer_byte(byte)?,
            _ => return Err(Malformed("a chunk's line does not end with CRLF")),
        };
        Ok(())
    }

    /// Takes a byte that the rules do not allow, if it is one of those that are let pass.
    #[cold]
    fn step_leniently(&mut self, byte: u8) -> bool {
        self.state = match (self.state, byte) {
            (State::Size, b' ' | b'\t') if self.digits == 0 => State::Size,
            (State::Size | State::Padding, b' ' | b'\t') => State::Padding,
            (State::Size | State::Padding, b'\n') if self.digits > 0 => self.end_size(),
            (State::Extension, b'\n') => self.end_size(),
            (State::DataReturn, b'\n') => State::Size,
            (State::Trailers, b'\n') if self.take_trailer_byte(b'\r').is_ok() => {
                match self.take_trailer_byte(b'\n') {
                    Ok(state) => state,
                    Err(_) => return false,
                }
            }
            _ => return false,
        };
        true
    }

    fn end_size(&mut self) -> State {
        self.digits = 0;
        if self.remaining == 0 { State::Trailers } else { State::Data }
    }

    fn take_digit(&mut self, digit: u8) -> Result<(), Malformed> {
        if self.digits == CHUNK_SIZE_DIGITS_MAX {
            return Err(Malformed("a chunk's size has more than 16 digits"));
        }
        self.digits += 1;
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            _ => (digit | 0x20) - b'a' + 10,
        };
        self.remaining = self.remaining << 4 | u64::from(value);
        if self.remaining > BODY_BYTES_MAX {
            return Err(Malformed("a chunk's size is larger than any body"));
        }
        Ok(())
    }

    /// Trailers are kept as they are; [`super::trailers`] reads them once they are whole.
    fn take_trailer_byte(&mut self, byte: u8) -> Result<State, Malformed> {
        if self.trailers.len() == TRAILER_BYTES_MAX {
            return Err(Malformed("the trailers are too long"));
        }
        let before = self.trailers.last().copied();
        if (byte == b'\n') != (before == Some(b'\r')) {
            return Err(Malformed("a trailer's line does not end with CRLF"));
        }
        self.trailers.push(byte);
        if self.trailers == b"\r\n" {
            self.trailers.clear();
            return Ok(State::Done);
        }
        Ok(if self.trailers.ends_with(b"\r\n\r\n") { State::Done } else { State::Trailers })
    }
}

/// The size line of a chunk, written so that it ends at `end` of `buffer`; returns where it begins. Needs 18 bytes
/// at most.
pub fn write_size_before(buffer: &mut [u8], end: usize, size: usize) -> usize {
    buffer[end - 2..end].copy_from_slice(b"\r\n");
    let mut at = end - 2;
    let mut rest = size;
    loop {
        at -= 1;
        buffer[at] = b"0123456789abcdef"[rest & 15];
        rest >>= 4;
        if rest == 0 {
            return at;
        }
    }
}

/// Appends the size line of a chunk.
fn write_size(size: usize, out: &mut Vec<u8>) {
    let mut text = [0; 18];
    let start = write_size_before(&mut text, 18, size);
    out.extend_from_slice(&text[start..]);
}

/// Appends data as a chunk; nothing if there is none, since an empty chunk is the last one.
pub fn write_chunk(data: &[u8], out: &mut Vec<u8>) {
    if !data.is_empty() {
        write_size(data.len(), out);
        out.extend_from_slice(data);
        out.extend_from_slice(b"\r\n");
    }
}

/// Appends the end of a body in chunks, with these trailer lines if there are any.
pub fn write_end(trailers: &[u8], out: &mut Vec<u8>) {
    match trailers {
        [] => out.extend_from_slice(LAST_CHUNK),
        _ => write_last_chunk(trailers, out),
    }
}

/// Appends the last chunk with these trailer lines; nothing if there are none.
pub fn write_last_chunk(trailers: &[u8], out: &mut Vec<u8>) {
    if !trailers.is_empty() {
        out.extend_from_slice(b"0\r\n");
        out.extend_from_slice(trailers);
        out.extend_from_slice(b"\r\n");
    }
}

/// The last chunk, without trailers.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

#[cfg(test)]
mod tests {
    use super::*;

    /// Decodes `body` in pieces of `step` bytes; the data, the trailers and what was left over.
    fn decode(body: &[u8], step: usize) -> Result<(Vec<u8>, Vec<u8>, usize, bool), Malformed> {
        let mut decoder = ChunkedDecoder::new(16);
        let (mut data, mut at) = (Vec::new(), 0);
        while at < body.len() && !decoder.is_done() {
            let mut piece = body[at..body.len().min(at + step)].to_vec();
            let decoded = decoder.decode(&mut piece)?;
            data.extend_from_slice(&piece[decoded.data]);
            at += decoded.consumed;
        }
        let done = decoder.is_done();
        Ok((data, decoder.take_trailers(), body.len() - at, done))
    }

    #[test]
    fn data_comes_out_whatever_the_split() {
        let body = b"5\r\nhello\r\n00001;a=\"b\"\r\n \r\nA\r\n0123456789\r\n0\r\nX: y\r\n\r\nGET /";
        for step in 1..=body.len() {
            let expected = (b"hello 0123456789".to_vec(), b"X: y\r\n\r\n".to_vec(), 5, true);
            assert_eq!(decode(body, step), Ok(expected), "{step}");
        }
        assert_eq!(decode(b"0\r\n\r\n", 9), Ok((vec![], vec![], 0, true)));
        assert_eq!(decode(b"3\r\nab", 9), Ok((b"ab".to_vec(), vec![], 0, false)));
    }

    #[test]
    fn what_old_endpoints_write_is_let_pass_where_that_is_allowed() {
        let decode = |body: &str| {
            let mut decoder = ChunkedDecoder::new(16);
            decoder.allow_lenient();
            let mut bytes = body.as_bytes().to_vec();
            let piece = decoder.decode(&mut bytes)?;
            Ok::<_, Malformed>((bytes[piece.data].to_vec(), piece.done, decoder.take_let_pass()))
        };
        let whole = |let_pass| Ok((b"hello".to_vec(), true, let_pass));
        assert_eq!(decode("5\r\nhello\r\n0\r\n\r\n"), whole(false));
        for body in [
            "5  \r\nhello\r\n0 \r\n\r\n",
            " 5\r\nhello\r\n0\r\n\r\n",
            "5\nhello\n0\n\n",
            "5\r\nhello\r\n0\r\nX: y\n\n",
        ] {
            assert_eq!(decode(body), whole(true), "{body:?}");
        }
        for body in ["5 5\r\n", "5\rhello", "0x5\n", "\n", "5\nhelloX"] {
            assert!(decode(body).is_err(), "{body:?}");
        }
    }

    #[test]
    fn bad_chunks_are_refused() {
        for body in [
            "-5\r\n",
            "+5\r\n",
            "0x5\r\n",
            "5xyz\r\n",
            "\r\n",
            "12345678901234567\r\n",
            "ffffffffffffffff\r\n",
            "4000000000001\r\n",
            " 5\r\n",
            "5 \r\n",
            "5\n",
            "5;a\n",
            "5;\0\r\n",
            "5\r\nhello0",
            "5\r\nhello\n",
            "5\r\nhello\rX",
            "5\rX",
            "0\r\nX: y\n\r\n",
            "0\r\n\n",
            "0\r\nX\rY",
            "5;12345678901234567\r\n",
            ";a\r\n",
            "g\r\n",
        ] {
            for step in [1, 100] {
                assert!(
                    decode(body.as_bytes(), step).is_err(),
                    "{body:?}: {:?}",
                    decode(body.as_bytes(), step)
                );
            }
        }
        let long = format!("0\r\nX: {}", "y".repeat(TRAILER_BYTES_MAX));
        assert!(decode(long.as_bytes(), 1_000).is_err());
    }

    #[test]
    fn sizes_are_written_without_leading_zeros() {
        for (size, text) in [(0, "0\r\n"), (15, "f\r\n"), (16, "10\r\n"), (0x12_ab, "12ab\r\n")] {
            let mut out = Vec::new();
            write_size(size, &mut out);
            assert_eq!(out, text.as_bytes());
        }
    }
}
