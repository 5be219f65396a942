//! How far a request is on its way to the endpoint.

use crate::proxy::{codec::head::Framing, downstream::BodyPart, forward::failure::has_body, route::Plan};

/// How far a request is. Its text is the plan's: the head, and what is held of the body.
pub struct Upload {
    /// Bytes of the text that were sent.
    pub sent: usize,
    /// A part of the body that was not all sent.
    pub part: Option<BodyPart>,
    /// All of the body was read.
    pub body_read: bool,
    /// All of the body is in the text.
    pub body_in_text: bool,
    /// Some of the body was sent without being held.
    pub streamed: bool,
    /// Nothing more is sent.
    pub over: bool,
    /// The endpoint stopped taking it.
    pub broken: bool,
    /// The body is sent in chunks.
    pub chunked: bool,
    /// The endpoint takes whole reads.
    pub keeps_up: bool,
}

impl Upload {
    /// Nothing is sent yet.
    pub fn new(plan: &Plan) -> Self {
        let whole = !has_body(plan.framing);
        Self {
            sent: 0,
            part: None,
            body_read: whole,
            body_in_text: whole,
            streamed: false,
            over: false,
            broken: false,
            chunked: plan.framing == Framing::Streamed,
            keeps_up: true,
        }
    }

    /// All of the body has been put into the text.
    pub fn hold_all(&mut self) {
        self.body_read = true;
        self.body_in_text = true;
    }

    /// Begins anew, for another attempt.
    pub fn restart(&mut self) {
        self.sent = 0;
        self.over = false;
        self.broken = false;
        self.body_read = self.body_in_text;
    }

    /// The endpoint did nothing with what was sent, as if it had not been.
    pub fn note_refused(&mut self) {
        self.sent = 0;
    }

    /// Whether the whole request is still held, so that it can be sent again.
    pub fn is_held(&self) -> bool {
        !self.streamed
    }

    /// Whether the endpoint has taken the whole request.
    pub fn is_whole(&self) -> bool {
        self.over && !self.broken
    }

    /// Whether everything that was read has been sent, and the client has more to send.
    pub fn waits_for_client(&self) -> bool {
        !self.over && self.part.is_none() && !self.body_read
    }

    /// From now on the client's bytes are sent without framing.
    pub fn become_tunnel(&mut self) {
        self.body_read = false;
        self.over = false;
        self.streamed = true;
        self.chunked = false;
    }

    /// Takes no more of the client's bytes.
    pub fn give_up(&mut self) {
        self.over = true;
        self.broken = true;
        self.part = None;
    }
}
