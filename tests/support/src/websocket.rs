//! WebSocket (RFC 6455) as far as a tunnel needs it: the handshake of the RFC's own example, frames, an echo endpoint.

use super::endpoint::{Endpoint, Peer, serving};
use super::router::Router;
use super::wire::Wire;
use std::io::Read;

/// The nonce of RFC 6455 section 1.3, and the only answer to it.
pub const NONCE: &str = "dGhlIHNhbXBsZSBub25jZQ==";
/// What a server must answer to [`NONCE`].
pub const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// Set in a frame's first byte if the message ends with it.
pub const FINAL: u8 = 0x80;
/// Frame types.
pub const TEXT: u8 = 1;
/// A frame of bytes.
pub const BINARY: u8 = 2;
/// The closing frame: two bytes of status code, then a reason.
pub const CLOSE: u8 = 8;
/// A ping.
pub const PING: u8 = 9;

/// The head of an upgrade request.
pub fn upgrade(target: &str, host: &str) -> String {
    format!(
        "GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {NONCE}\r\n\r\n"
    )
}

/// The answer to [`upgrade`], from a release.
pub fn upgrade_answer(release: &str) -> String {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         X-Release: {release}\r\nSec-WebSocket-Accept: {ACCEPT}\r\n\r\n"
    )
}

/// An endpoint that accepts upgrades and echoes every frame unmasked; anything else gets 426.
pub fn echo_sockets(release: &str) -> Endpoint {
    sockets(release, |peer, _target| echo_frames(peer))
}

/// An endpoint that accepts upgrades and then converses, told what the target was; anything else gets 426.
pub fn sockets(release: &str, converse: impl Fn(&mut Peer, &str) + Send + Sync + 'static) -> Endpoint {
    let release = release.to_owned();
    serving(move |peer| serve(peer, &release, &converse))
}

fn serve(peer: &mut Peer, release: &str, converse: &dyn Fn(&mut Peer, &str)) {
    while let Some(request) = peer.request() {
        let upgrades = request.header("upgrade").is_some_and(|value| value.eq_ignore_ascii_case("websocket"));
        let nonce = request.header("sec-websocket-key").map(str::to_owned);
        let target = request.target();
        peer.keep(request);
        if !upgrades || nonce.as_deref() != Some(NONCE) {
            peer.send(format!(
                "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX-Release: {release}\r\n\
                 Content-Length: 0\r\n\r\n"
            ));
            continue;
        }
        peer.send(upgrade_answer(release));
        converse(peer, &target);
        return;
    }
}

/// Echoes every frame, fragments as they are, until one is a Close.
pub fn echo_frames(peer: &mut Peer) {
    let mut ahead = peer.ahead();
    while let Some((first, payload)) = read_fragment(peer.stream(), &mut ahead) {
        if !peer.send(fragment(first, &payload)) || first & 0x0f == CLOSE {
            return;
        }
    }
}

/// An unmasked, unfragmented frame.
pub fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    fragment(FINAL | opcode, payload)
}

/// An unmasked frame with this first byte.
pub fn fragment(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![first];
    push_length(&mut out, payload.len(), 0);
    out.extend(payload);
    out
}

/// A masked, unfragmented frame, as clients must send it.
pub fn masked_frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    masked_fragment(FINAL | opcode, payload)
}

/// A masked frame with this first byte.
pub fn masked_fragment(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    let mut out = vec![first];
    push_length(&mut out, payload.len(), 0x80);
    out.extend(mask);
    out.extend(payload.iter().enumerate().map(|(at, byte)| byte ^ mask[at % 4]));
    out
}

fn push_length(out: &mut Vec<u8>, length: usize, flag: u8) {
    match length {
        0..=125 => out.push(flag | u8::try_from(length).expect("it is below 126")),
        126..=65_535 => {
            out.push(flag | 126);
            out.extend(u16::try_from(length).expect("it is below 65,536").to_be_bytes());
        }
        _ => {
            out.push(flag | 127);
            out.extend((length as u64).to_be_bytes());
        }
    }
}

/// Reads one frame, unmasked if it was masked; `None` at the end of the connection.
pub fn read_frame(stream: &mut impl Read, ahead: &mut Vec<u8>) -> Option<(u8, Vec<u8>)> {
    read_fragment(stream, ahead).map(|(first, payload)| (first & 0x0f, payload))
}

/// The same with the frame's first byte as it is.
pub fn read_fragment(stream: &mut impl Read, ahead: &mut Vec<u8>) -> Option<(u8, Vec<u8>)> {
    let start = take(stream, ahead, 2)?;
    let masked = start[1] & 0x80 != 0;
    let length = match start[1] & 0x7f {
        126 => usize::from(u16::from_be_bytes(take(stream, ahead, 2)?.try_into().ok()?)),
        127 => usize::try_from(u64::from_be_bytes(take(stream, ahead, 8)?.try_into().ok()?)).ok()?,
        short => usize::from(short),
    };
    let mask = if masked { take(stream, ahead, 4)? } else { vec![0; 4] };
    let payload = take(stream, ahead, length)?;
    Some((start[0], payload.iter().enumerate().map(|(at, byte)| byte ^ mask[at % 4]).collect()))
}

fn take(stream: &mut impl Read, ahead: &mut Vec<u8>, length: usize) -> Option<Vec<u8>> {
    let mut buffer = [0; 16 * 1024];
    while ahead.len() < length {
        match stream.read(&mut buffer) {
            Ok(n) if n > 0 => ahead.extend_from_slice(&buffer[..n]),
            _ => return None,
        }
    }
    Some(ahead.drain(..length).collect())
}

/// A client's open WebSocket through a router.
pub struct Socket {
    wire: Wire,
    ahead: Vec<u8>,
    /// The release that accepted it.
    pub release: String,
}

impl Socket {
    /// Opens one, with these further header lines (each ended by CRLF).
    pub fn open(router: &Router, target: &str, headers: &str) -> Self {
        let mut wire = Wire::open(router.front);
        let head = upgrade(target, &router.host);
        wire.send(format!("{}{headers}\r\n", &head[..head.len() - 2]));
        let response = wire.response("GET");
        assert_eq!(response.status, 101, "{}", String::from_utf8_lossy(&response.head));
        assert_eq!(response.header("sec-websocket-accept"), Some(ACCEPT));
        let release = response.header("x-release").unwrap_or_default().to_owned();
        Self { wire, ahead: Vec::new(), release }
    }

    /// Sends a text frame and fails unless it is echoed.
    pub fn assert_echo(&mut self, text: &str) {
        self.wire.send(masked_frame(TEXT, text.as_bytes()));
        assert_eq!(self.frame(), Some((TEXT, text.as_bytes().to_vec())));
    }

    /// Sends raw bytes.
    pub fn send(&mut self, bytes: &[u8]) {
        self.wire.send(bytes);
    }

    /// Reads one frame; `None` at the end.
    pub fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        read_frame(self.wire.stream(), &mut self.ahead)
    }

    /// The status code of the closing frame, if the connection ends with one.
    pub fn close_code(&mut self) -> Option<u16> {
        while let Some((opcode, payload)) = self.frame() {
            if opcode == CLOSE && payload.len() >= 2 {
                return Some(u16::from_be_bytes([payload[0], payload[1]]));
            }
        }
        None
    }
}
