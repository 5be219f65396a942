//! Follows the requests on a connection that another HTTP server serves, by the rules of this one
//! ([`crate::live::request_follower`]).

use crate::{
    limits::Limits,
    live::request_follower::{Part, RequestFollower, RequestFollowers, UnreadableRequest},
    proxy::codec::{
        body::BodyDecoder,
        fault::RequestFault,
        head::HeaderLine,
        lines::Progress,
        protocol::Protocol,
        request::{Request, read_request},
    },
};

/// Reads heads with the codec, and bodies as far as it takes to find their end.
#[derive(Debug)]
struct Follower {
    limits: Limits,
    lines: Vec<HeaderLine>,
    /// The body that the connection is in.
    body: Option<BodyDecoder>,
    /// Bodies are decoded in place, so that needs a copy.
    scratch: Vec<u8>,
}

/// Followers that hold requests to these limits.
pub fn followers(limits: &Limits) -> RequestFollowers {
    let limits = limits.clone();
    RequestFollowers::new(move || {
        let (limits, lines, scratch) = (limits.clone(), Vec::new(), Vec::new());
        Box::new(Follower { limits, lines, body: None, scratch })
    })
}

impl RequestFollower for Follower {
    fn follow(&mut self, bytes: &[u8]) -> Result<Part, UnreadableRequest> {
        if self.body.as_ref().is_some_and(|body| !body.is_done()) {
            self.body(bytes)
        } else {
            self.head(bytes)
        }
    }
}

impl Follower {
    fn head(&mut self, bytes: &[u8]) -> Result<Part, UnreadableRequest> {
        match read_request(bytes, &mut self.lines, &self.limits).map_err(unreadable)? {
            Progress::Partial => Ok(Part::Partial),
            Progress::Complete(Request { head, length, .. }) => {
                self.body = Some(BodyDecoder::new(head.framing, self.limits.chunk_extension_bytes_max));
                Ok(Part::Head { length, websocket: head.upgrade == Some(Protocol::WebSocket) })
            }
        }
    }

    fn body(&mut self, bytes: &[u8]) -> Result<Part, UnreadableRequest> {
        let Some(body) = &mut self.body else { return self.head(bytes) };
        self.scratch.clear();
        self.scratch.extend_from_slice(bytes);
        match body.decode(&mut self.scratch) {
            Ok(piece) => Ok(Part::Body(piece.consumed)),
            Err(malformed) => Err(UnreadableRequest { status: 400, detail: malformed.0, in_body: true }),
        }
    }
}

fn unreadable(fault: RequestFault) -> UnreadableRequest {
    UnreadableRequest { status: fault.status(), detail: fault.detail(), in_body: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The parts of what one connection brings, however it is split, and why it is refused if it is.
    fn parts(bytes: &[u8], step: usize) -> (Vec<Part>, Option<UnreadableRequest>) {
        let mut follower = followers(&Limits::default()).begin();
        let (mut parts, mut at, mut seen) = (Vec::new(), 0, 0);
        while at < bytes.len() {
            seen = bytes.len().min(seen.max(at) + step);
            match follower.follow(&bytes[at..seen]) {
                Ok(Part::Partial) if seen == bytes.len() => break,
                Ok(Part::Partial) => {}
                Ok(part @ (Part::Head { length, .. } | Part::Body(length))) => {
                    at += length;
                    parts.push(part);
                }
                Err(refused) => return (parts, Some(refused)),
            }
        }
        (parts, None)
    }

    #[test]
    fn requests_are_told_apart_however_they_arrive() {
        let first = b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        let body = b"5;x=y\r\nhello\r\n0\r\nT: v\r\n\r\n";
        let second = b"PUT /b HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nxyz";
        let third = b"GET /healthz HTTP/1.0\r\n\r\n";
        let bytes = [&first[..], body, second, third].concat();
        for step in [1, 7, 1_000] {
            let (parts, refused) = parts(&bytes, step);
            assert_eq!(refused, None);
            let heads: Vec<usize> = parts
                .iter()
                .filter_map(|part| match part {
                    Part::Head { length, .. } => Some(*length),
                    _ => None,
                })
                .collect();
            assert_eq!(heads, [first.len(), second.len() - 3, third.len()], "{step}");
            let length = |part: &Part| match part {
                Part::Head { length, .. } | Part::Body(length) => *length,
                Part::Partial => 0,
            };
            assert_eq!(parts.iter().map(length).sum::<usize>(), bytes.len());
        }
    }

    #[test]
    fn what_the_front_refuses_is_refused() {
        for (bytes, status, in_body) in [
            (
                &b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"[..],
                400,
                false,
            ),
            (b"GET / HTTP/1.1\nHost: a\n\n", 400, false),
            (b"GET /#x HTTP/1.1\r\nHost: a\r\n\r\n", 400, false),
            (b"GET / HTTP/1.1\r\n\r\n", 400, false),
            (b"GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400, false),
            (b"GET / HTTP/1.0\r\nX Y: a\r\n\r\n", 400, false),
            (b"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 405, false),
            (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505, false),
            (b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello", 400, true),
        ] {
            let (_, refused) = parts(bytes, 1_000);
            let refused = refused.map(|refused| (refused.status, refused.in_body));
            assert_eq!(refused, Some((status, in_body)), "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn a_websocket_is_told() {
        let bytes = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
            Sec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n\r\n";
        assert_eq!(parts(bytes, 9_999).0, [Part::Head { length: bytes.len(), websocket: true }]);
    }
}
