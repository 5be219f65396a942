//! The client's side of one connection to the proxy: one request at a time, its pin kept, its answers checked.

use crate::message;
use crate::options::Options;
use crate::sys::{Moved, find};

/// How many answers are compared with the pin; later ones are recognised by their bytes.
const PIN_CHECKS: u8 = 4;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Body {
    Left(usize),
    Chunked,
}

/// A keep-alive client.
pub struct Client {
    /// When the current request was due, ns.
    pub planned: u64,
    /// Whether room to write is awaited.
    pub writing: bool,
    /// Whether the last answer came from another endpoint than the pinned one.
    pub mispinned: bool,
    request: Vec<u8>,
    sent: usize,
    busy: bool,
    ahead: Vec<u8>,
    body: Option<Body>,
    pinned_to: Option<Vec<u8>>,
    checks: u8,
    known: Vec<u8>,
    known_length: usize,
    /// The last bytes of a body in chunks.
    tail: [u8; 5],
    /// Bytes of the body that came, with what is around chunks.
    body_bytes: usize,
}

impl Client {
    /// A client that will send `request`.
    pub fn new(request: Vec<u8>) -> Self {
        Self {
            planned: 0,
            writing: false,
            mispinned: false,
            request,
            sent: 0,
            busy: false,
            ahead: Vec::new(),
            body: None,
            pinned_to: None,
            checks: 0,
            known: Vec::new(),
            known_length: 0,
            tail: [0; 5],
            body_bytes: 0,
        }
    }

    /// Starts a request that was due at `planned`.
    pub fn begin(&mut self, planned: u64) {
        self.planned = planned;
        self.busy = true;
        self.sent = 0;
        self.body_bytes = 0;
        self.tail = [0; 5];
    }

    /// How long the body of the last answer was on the wire.
    pub fn body_bytes(&self) -> usize {
        self.body_bytes
    }

    /// Sends what is left of the request; `Ok(true)` when the interest in writing changed.
    pub fn push(&mut self, mut send: impl FnMut(&[u8]) -> Moved) -> Result<bool, ()> {
        match send(&self.request[self.sent..]) {
            Moved::Gone => return Err(()),
            Moved::Later => {}
            Moved::Bytes(count) => self.sent += count,
        }
        let before = std::mem::replace(&mut self.writing, self.sent < self.request.len());
        Ok(before != self.writing)
    }

    /// Takes bytes of the response; `Ok(true)` when it is complete.
    pub fn take(&mut self, bytes: &[u8], options: &Options) -> Result<bool, String> {
        if !self.busy {
            return Err("bytes that nobody asked for".to_owned());
        }
        let rest_is_body = match self.body {
            Some(_) => bytes,
            None if self.ahead.is_empty() && !self.known.is_empty() && bytes.starts_with(&self.known) => {
                self.body = Some(Body::Left(self.known_length));
                &bytes[self.known.len()..]
            }
            None => return self.take_head(bytes, options),
        };
        self.take_body(rest_is_body)
    }

    fn take_head(&mut self, bytes: &[u8], options: &Options) -> Result<bool, String> {
        self.ahead.extend_from_slice(bytes);
        let Some(end) = find(&self.ahead, b"\r\n\r\n").map(|end| end + 4) else { return Ok(false) };
        let held = std::mem::take(&mut self.ahead);
        let (head, body) = held.split_at(end);
        if options.websocket && head.starts_with(b"HTTP/1.1 101") {
            self.body = Some(Body::Left(0));
            return self.take_body(body);
        }
        if !head.starts_with(b"HTTP/1.1 200") {
            return Err(String::from_utf8_lossy(&head[..head.len().min(60)]).into_owned());
        }
        self.check_pin(head, options);
        self.body = match message::content_length(head) {
            Some(length) => {
                if self.checks >= PIN_CHECKS {
                    self.known = head.to_vec();
                    self.known_length = length;
                }
                Some(Body::Left(length))
            }
            None if options.chunked || options.json => Some(Body::Chunked),
            None => return Err("a response without a length".to_owned()),
        };
        self.take_body(body)
    }

    fn check_pin(&mut self, head: &[u8], options: &Options) {
        let endpoint = message::header(head, "x-endpoint").unwrap_or_default();
        match &self.pinned_to {
            None => {
                let prefix = format!("{}=", options.cookie);
                let pin =
                    message::headers(head, "set-cookie").find(|cookie| cookie.starts_with(prefix.as_bytes()));
                if let Some(pin) = pin.and_then(|cookie| cookie.split(|byte| *byte == b';').next()) {
                    self.request = message::request(options, Some(pin));
                    self.pinned_to = Some(endpoint.to_vec());
                } else {
                    self.checks = PIN_CHECKS;
                }
            }
            Some(pinned_to) if self.checks < PIN_CHECKS => {
                self.checks += 1;
                self.mispinned = endpoint != &pinned_to[..];
            }
            Some(_) => {}
        }
    }

    fn take_body(&mut self, bytes: &[u8]) -> Result<bool, String> {
        self.body_bytes += bytes.len();
        let done = match &mut self.body {
            Some(Body::Left(left)) => {
                *left = left.checked_sub(bytes.len()).ok_or("more body than was declared")?;
                *left == 0
            }
            _ => {
                // The end may come in pieces.
                let held = [&self.tail[..], &bytes[bytes.len().saturating_sub(5)..]].concat();
                self.tail.copy_from_slice(&held[held.len() - 5..]);
                self.tail == *b"0\r\n\r\n"
            }
        };
        if done {
            self.body = None;
            self.busy = false;
        }
        Ok(done)
    }
}
