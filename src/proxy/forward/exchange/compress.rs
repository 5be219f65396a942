//! Compressing a response on its way: what the endpoint sends goes into an encoder, and what comes out goes to the client.
//!
//! When the endpoint pauses, everything that it has sent so far comes out, so that a line reaches the client without waiting for the
//! next one. The end of what the encoder makes is sent only if the endpoint's response ended where it should, so a response that
//! was cut is seen to be cut.

use std::task::Context;

use super::{compressed_body::CompressedBody, state::Exchange};
use crate::{
    proxy::{
        codec::{
            head::Framing,
            lines::{Progress, read_lines},
            response::ResponseHead,
        },
        downstream::{BodyPart, Downstream},
        forward::failure::Failure,
        rewrite::compression::{Compression, has_strong},
        route::Plan,
    },
    upstream::stream::Stream,
};

impl<D: Downstream> Exchange<'_, D> {
    /// What is done about the coding of this response. Takes an encoder if there is something to encode.
    pub(super) fn choose_compression(&mut self, head: &ResponseHead<'_>) -> Compression {
        if self.plan.app.routes.settings.compression.enabled {
            self.begin_compression(head)
        } else {
            Compression::Never
        }
    }

    #[inline(never)]
    fn begin_compression(&mut self, head: &ResponseHead<'_>) -> Compression {
        let (worker, plan) = (self.worker, &self.plan);
        let settings = &plan.app.routes.settings.compression;
        let compression = Compression::of(head, settings, plan.coding, |tag| knows(plan, tag));
        let Some(coding) = compression.coding().filter(|_| head.framing != Framing::None) else {
            return compression;
        };
        let Some(encoder) = worker.encoders.lend(coding) else {
            worker.counters().limit_encoders.add(1);
            return Compression::Possible;
        };
        worker.counters().responses_compressed.add(1);
        self.download.compressed = Some(Box::new(CompressedBody::new(encoder, worker.buffers.text())));
        compression
    }

    /// Compresses the part of the body that came with the head, if the body is compressed.
    pub(super) fn compress_first(&mut self, part: BodyPart) -> Result<BodyPart, Failure> {
        match self.download.compressed.take() {
            None => Ok(part),
            Some(mut body) => {
                let part = self.compress(&mut body, part);
                self.download.compressed = Some(body);
                part
            }
        }
    }

    /// Reads what the endpoint sent and hands on what the encoder makes of it. Everything before is flushed.
    #[inline(never)]
    pub(super) fn receive_compressed(
        &mut self,
        cx: &mut Context<'_>,
        link: &mut Stream,
    ) -> Result<(), Failure> {
        if self.download.done || !self.worker.buffers.may_lend() {
            return Ok(());
        }
        let Some(mut body) = self.download.compressed.take() else { return Ok(()) };
        let part = self.next_part(cx, link, &mut body);
        self.download.compressed = Some(body);
        let Some(part) = part? else { return Ok(()) };
        self.went_on = true;
        self.download.done = part.last;
        if part.last || !part.data.is_empty() {
            self.outcome.sent += part.data.len() as u64;
            self.down.send(cx, part);
        }
        Ok(())
    }

    /// The next part for the client, which may be empty; `None` if the endpoint has sent nothing more.
    fn next_part(
        &mut self,
        cx: &mut Context<'_>,
        link: &mut Stream,
        body: &mut CompressedBody,
    ) -> Result<Option<BodyPart>, Failure> {
        if !body.has_part() {
            if body.ends_turn() {
                cx.waker().wake_by_ref();
                return Ok(None);
            }
            // Not a large buffer, so that no other connection waits for long.
            if let Some(part) = self.read_body_part(cx, link, false)? {
                return self.compress(body, part).map(Some);
            }
            if !body.flush()? {
                return Ok(None);
            }
        }
        let part = body.take_part(self.worker.buffers.lend(false));
        self.worker.counters().compression_after.add(part.data.len() as u64);
        Ok(Some(part))
    }

    fn compress(&self, body: &mut CompressedBody, part: BodyPart) -> Result<BodyPart, Failure> {
        let counters = self.worker.counters();
        counters.compression_before.add(part.data.len() as u64);
        let part = body.exchange(part)?;
        counters.compression_after.add(part.data.len() as u64);
        Ok(part)
    }
}

/// Whether the request names a strong entity tag in If-None-Match. Read again from the head that was sent upstream, since it is
/// needed rarely.
#[cold]
fn knows(plan: &Plan, tag: &[u8]) -> bool {
    let out = &plan.out.bytes;
    let start = memchr::memchr(b'\n', out).map_or(out.len(), |end| end + 1);
    let (block, mut lines) = (&out[start..], Vec::new());
    let Ok(Progress::Complete(_)) = read_lines(block, &mut lines, usize::MAX) else { return false };
    let mut named = lines.iter().filter(|line| line.name(block).eq_ignore_ascii_case(b"if-none-match"));
    named.any(|line| has_strong(line.value(block), tag))
}
