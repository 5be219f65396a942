//! The endpoint's side of one connection from the proxy.

use crate::message;
use crate::sys::{Moved, find};

/// A connection that the proxy opened.
pub struct Served {
    /// Which endpoint it reached.
    pub endpoint: usize,
    /// Whether room to write is awaited.
    pub writing: bool,
    ahead: Vec<u8>,
    body_left: usize,
    known: Vec<u8>,
    owed: usize,
    sent: usize,
}

impl Served {
    /// A fresh connection.
    pub fn new(endpoint: usize) -> Self {
        Self {
            endpoint,
            writing: false,
            ahead: Vec::new(),
            body_left: 0,
            known: Vec::new(),
            owed: 0,
            sent: 0,
        }
    }

    /// Takes bytes of requests; each whole request owes one response.
    pub fn take(&mut self, bytes: &[u8]) {
        if self.ahead.is_empty() && self.body_left == 0 && self.known == bytes {
            self.owed += 1;
            return;
        }
        self.ahead.extend_from_slice(bytes);
        let held = std::mem::take(&mut self.ahead);
        let rest = self.consume(&held).len();
        self.ahead = held[held.len() - rest..].to_vec();
    }

    fn consume<'a>(&mut self, mut rest: &'a [u8]) -> &'a [u8] {
        loop {
            if self.body_left > 0 {
                let step = self.body_left.min(rest.len());
                rest = &rest[step..];
                self.body_left -= step;
                if self.body_left > 0 {
                    return rest;
                }
                self.owed += 1;
            }
            let Some(end) = find(rest, b"\r\n\r\n").map(|end| end + 4) else { return rest };
            let head = &rest[..end];
            match message::content_length(head) {
                Some(length) if length > 0 => self.body_left = length,
                _ => {
                    self.owed += 1;
                    if head.len() == rest.len() {
                        self.known = head.to_vec();
                    }
                }
            }
            rest = &rest[end..];
        }
    }

    /// Sends what is owed; `Ok(true)` when the interest in writing changed.
    pub fn push(&mut self, response: &[u8], mut send: impl FnMut(&[u8]) -> Moved) -> Result<bool, ()> {
        while self.owed > 0 {
            match send(&response[self.sent..]) {
                Moved::Gone => return Err(()),
                Moved::Later => break,
                Moved::Bytes(count) => self.sent += count,
            }
            if self.sent == response.len() {
                self.sent = 0;
                self.owed -= 1;
            }
        }
        let before = std::mem::replace(&mut self.writing, self.owed > 0);
        Ok(before != self.writing)
    }
}
