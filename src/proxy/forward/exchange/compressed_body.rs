//! A response's body between the encoder and the client: what was put in, what came out, and what of it was sent.

use crate::{
    limits::HEADROOM_BYTES,
    proxy::{
        downstream::BodyPart,
        forward::failure::Failure,
        worker::{
            buffers::{Lease, Text},
            encoders::{Encoder, Step},
        },
    },
};

/// How many bytes are compressed before other connections of the worker get their turn: half a millisecond's work.
const TURN_BYTES: usize = 128 * 1024;

/// A body that is compressed on its way.
pub struct CompressedBody {
    /// Set until the body has ended.
    encoder: Option<Encoder>,
    /// What has come out of it.
    out: Text,
    /// How much of that was sent.
    sent: usize,
    /// Something was put in that may not have come out.
    holds: bool,
    /// The endpoint's trailer lines.
    trailers: Vec<u8>,
    /// Bytes that were put in since other connections last had their turn.
    turn_bytes: usize,
}

impl CompressedBody {
    /// Nothing is put in yet.
    pub fn new(encoder: Encoder, out: Text) -> Self {
        Self { encoder: Some(encoder), out, sent: 0, holds: false, trailers: Vec::new(), turn_bytes: 0 }
    }

    /// Puts a part in, and takes one out, which may be empty.
    pub fn exchange(&mut self, part: BodyPart) -> Result<BodyPart, Failure> {
        let BodyPart { lease, data, last, trailers } = part;
        self.turn_bytes += data.len();
        self.holds |= !data.is_empty();
        self.trailers = trailers;
        self.encode(lease.get(data), if last { Step::Finish } else { Step::GoOn })?;
        if last {
            self.encoder = None;
        }
        Ok(self.take_part(lease))
    }

    /// Whether other connections are to get their turn. Asked once.
    pub fn ends_turn(&mut self) -> bool {
        let ends = self.turn_bytes >= TURN_BYTES;
        if ends {
            self.turn_bytes = 0;
        }
        ends
    }

    /// Lets everything come out that was put in. Whether there was anything.
    pub fn flush(&mut self) -> Result<bool, Failure> {
        self.turn_bytes = 0;
        let holds = std::mem::take(&mut self.holds);
        if holds {
            self.encode(&[], Step::Flush)?;
        }
        Ok(holds)
    }

    fn encode(&mut self, data: &[u8], step: Step) -> Result<(), Failure> {
        let Some(encoder) = &mut self.encoder else { return Ok(()) };
        encoder.encode(data, step, &mut self.out.bytes).map_err(|_| Failure::Resources)
    }

    /// Whether there is something to send: data, or the end.
    pub fn has_part(&self) -> bool {
        self.encoder.is_none() || !self.out.bytes.is_empty()
    }

    /// Takes out what there is, as much as the lease has room for.
    pub fn take_part(&mut self, lease: Lease) -> BodyPart {
        let mut lease = lease;
        let (space, rest) = (lease.space(), &self.out.bytes[self.sent..]);
        let length = rest.len().min(space.len());
        space[..length].copy_from_slice(&rest[..length]);
        self.sent += length;
        if self.sent == self.out.bytes.len() {
            self.out.bytes.clear();
            self.sent = 0;
        }
        let last = self.encoder.is_none() && self.out.bytes.is_empty();
        let trailers = if last { std::mem::take(&mut self.trailers) } else { Vec::new() };
        BodyPart { lease, data: HEADROOM_BYTES..HEADROOM_BYTES + length, last, trailers }
    }
}
