//! A client of HTTP/2 that sends frames as they are, valid or not, and says how the router took them.

use super::clock::PATIENCE;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

/// Frame types (RFC 9113 section 6).
pub const DATA: u8 = 0;
/// A header block.
pub const HEADERS: u8 = 1;
/// The end of one stream.
pub const RST_STREAM: u8 = 3;
/// Settings of a side.
pub const SETTINGS: u8 = 4;
/// A question that is answered at once.
pub const PING: u8 = 6;
/// The end of a connection.
pub const GOAWAY: u8 = 7;
/// More to send is allowed.
pub const WINDOW_UPDATE: u8 = 8;
/// More of a header block.
pub const CONTINUATION: u8 = 9;

/// The flag of the last frame of a stream.
pub const END_STREAM: u8 = 1;
/// The flag of the last frame of a header block.
pub const END_HEADERS: u8 = 4;
/// The flag of an answer to SETTINGS or PING.
pub const ACK: u8 = 1;

/// Error codes (section 7).
pub const NO_ERROR: u32 = 0;
/// The rules were broken.
pub const PROTOCOL_ERROR: u32 = 1;
/// Something failed here.
pub const INTERNAL_ERROR: u32 = 2;
/// Too much of something.
pub const ENHANCE_YOUR_CALM: u32 = 11;

/// A connection of raw frames.
pub struct Frames {
    stream: TcpStream,
}

/// A frame that came.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Its type.
    pub kind: u8,
    /// Its flags.
    pub flags: u8,
    /// Its stream; 0: the connection's.
    pub stream: u32,
    /// Its payload.
    pub payload: Vec<u8>,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was answered.
    Status(u16),
    /// Its stream was reset, with this code.
    Reset(u32),
    /// The connection ends, with this code.
    Goodbye(u32),
    /// The connection was closed without a word.
    Closed,
}

impl Frames {
    /// Connects and says what every client says first.
    pub fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the router accepts connections");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time-out can be set");
        let mut frames = Self { stream };
        frames.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        frames.frame(SETTINGS, 0, 0, &[]);
        frames
    }

    /// Sends bytes. A router that has closed already is no failure: its last word may still be here.
    pub fn send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// Sends a frame.
    pub fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> bool {
        self.send(&frame(kind, flags, stream, payload))
    }

    /// Sends the head of a request, in one frame.
    pub fn headers(&mut self, stream: u32, fields: &[(&str, &str)], flags: u8) -> bool {
        self.frame(HEADERS, flags | END_HEADERS, stream, &block(fields))
    }

    /// The next frame; `None` at the end of the connection.
    pub fn read(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        self.stream.read_exact(&mut head).ok()?;
        let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        self.stream.read_exact(&mut payload).ok()?;
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        Some(Frame { kind: head[3], flags: head[4], stream, payload })
    }

    /// What becomes of the request on this stream.
    pub fn outcome(&mut self, stream: u32) -> Outcome {
        while let Some(frame) = self.read() {
            match frame.kind {
                HEADERS if frame.stream == stream => return Outcome::Status(status_of(&frame.payload)),
                RST_STREAM if frame.stream == stream => return Outcome::Reset(code_at(&frame.payload, 0)),
                GOAWAY if code_at(&frame.payload, 4) != NO_ERROR => {
                    return Outcome::Goodbye(code_at(&frame.payload, 4));
                }
                _ => {}
            }
        }
        Outcome::Closed
    }

    /// How the connection ends.
    pub fn ending(&mut self) -> Outcome {
        // No request has this number.
        self.outcome(u32::MAX)
    }

    /// The socket.
    pub fn stream(&mut self) -> &mut TcpStream {
        &mut self.stream
    }
}

/// A frame as bytes.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [_, length @ ..] = u32::try_from(payload.len()).expect("a frame is small").to_be_bytes();
    [&length[..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A header block in which every field is spelled out, names as they are given (RFC 7541 section 6.2.2).
pub fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in fields {
        out.push(0);
        push_text(name.as_bytes(), &mut out);
        push_text(value.as_bytes(), &mut out);
    }
    out
}

/// The fields of a GET that is right.
pub fn get<'a>(host: &'a str, target: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![(":method", "GET"), (":scheme", "http"), (":authority", host), (":path", target)]
}

fn push_text(text: &[u8], out: &mut Vec<u8>) {
    // Lengths have a prefix of seven bits (section 5.1).
    match u8::try_from(text.len()).ok().filter(|length| *length < 127) {
        Some(length) => out.push(length),
        None => {
            out.push(127);
            let mut rest = text.len() - 127;
            while rest >= 128 {
                out.push((rest % 128) as u8 | 128);
                rest /= 128;
            }
            out.push(rest as u8);
        }
    }
    out.extend(text);
}

fn code_at(payload: &[u8], at: usize) -> u32 {
    let bytes = payload.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
    u32::from_be_bytes(bytes.expect("it has a code"))
}

/// The status with which a response's block begins: one of the static table, or three digits as Huffman has them.
fn status_of(block: &[u8]) -> u16 {
    // A change of the table's size may stand before it.
    let block = &block[block.iter().take_while(|byte| **byte >> 5 == 1).count()..];
    match block {
        [byte @ 0x88..=0x8e, ..] => [200, 204, 206, 304, 400, 404, 500][usize::from(byte - 0x88)],
        [0x48 | 0x08 | 0x18, length, text @ ..] if length & 0x80 != 0 => {
            huffman_digits(&text[..usize::from(length & 0x7f)])
        }
        [0x48 | 0x08 | 0x18, 3, text @ ..] => {
            std::str::from_utf8(&text[..3]).expect("a status is text").parse().expect("a status is a number")
        }
        other => panic!("no status: {other:02x?}"),
    }
}

fn huffman_digits(text: &[u8]) -> u16 {
    let bits: String = text.iter().map(|byte| format!("{byte:08b}")).collect();
    let (mut rest, mut number) = (bits.as_str(), 0);
    for _ in 0..3 {
        // RFC 7541 appendix B: 0 to 2 have five bits, 3 to 9 six.
        let bits = |length| u16::from_str_radix(&rest[..length], 2).expect("bits are digits");
        let (digit, length) = match bits(5) {
            short @ 0..=2 => (short, 5),
            _ => (bits(6) - 0b011_001 + 3, 6),
        };
        number = number * 10 + digit;
        rest = &rest[length..];
    }
    number
}
