//! The body of a request: what has come of it and was not used. The client may send more only as it is used.

use std::{
    collections::VecDeque,
    task::{Context, Poll, Waker, ready},
};

use bytes::Bytes;
use h2::RecvStream;
use http::HeaderMap;

use super::{fields::to_text, head::KnownBody};
use crate::{
    limits::HELD_BODY_BYTES_MAX,
    proxy::{
        codec::{
            chunked::{write_chunk, write_end},
            head::HeaderLine,
            trailers::pass_on,
        },
        downstream::BodyFault,
    },
};

/// The body of a request.
pub struct RequestBody {
    from: RecvStream,
    /// What has come and was not used.
    ahead: VecDeque<Bytes>,
    /// All of it has come.
    whole: bool,
    /// How many bytes of it were not used, if its length was stated.
    left: Option<u64>,
    trailers: HeaderMap,
}

impl RequestBody {
    /// A body of which nothing was read.
    pub fn new(from: RecvStream) -> Self {
        let whole = from.is_end_stream();
        Self { from, ahead: VecDeque::new(), whole, left: None, trailers: HeaderMap::new() }
    }

    /// Notes its stated length. Its last byte is not used before its end has come: one whose client states another length than
    /// it sends never looks whole to an endpoint.
    pub fn state_length(&mut self, length: u64) {
        self.left = Some(length);
    }

    /// Ready when a body without a byte has ended.
    pub fn poll_nothing(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BodyFault>> {
        while self.left == Some(0) && !self.whole {
            ready!(self.poll_more(cx))?;
        }
        Poll::Ready(Ok(()))
    }

    /// Reads what is here already, as much of it as may be held, and says what is known of the body.
    pub fn look_ahead(&mut self) -> KnownBody {
        let cx = &mut Context::from_waker(Waker::noop());
        let mut length = 0;
        while !self.whole && length < HELD_BODY_BYTES_MAX && matches!(self.poll_more(cx), Poll::Ready(Ok(())))
        {
            length = self.ahead.iter().map(Bytes::len).sum();
        }
        match length as u64 {
            _ if !self.whole || !self.trailers.is_empty() => KnownBody::Open,
            0 => KnownBody::None,
            length => KnownBody::Whole(length),
        }
    }

    /// Whether all of it was used.
    pub fn is_used(&self) -> bool {
        self.whole && self.ahead.is_empty()
    }

    /// Appends what was read ahead, in chunks if `chunked`. `true` if that was all.
    pub fn take_ahead(
        &mut self,
        chunked: bool,
        private: Option<&str>,
        lines: &mut Vec<HeaderLine>,
        out: &mut Vec<u8>,
    ) -> Result<bool, BodyFault> {
        while let Some(part) = self.take_part(usize::MAX) {
            if chunked { write_chunk(&part, out) } else { out.extend_from_slice(&part) }
        }
        if self.whole && chunked {
            write_end(&self.take_trailers(private, lines)?, out);
        }
        Ok(self.whole)
    }

    /// Reads into `space`: how much, and whether that was the end.
    pub fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        space: &mut [u8],
    ) -> Poll<Result<(usize, bool), BodyFault>> {
        let mut filled = 0;
        loop {
            filled += self.fill(&mut space[filled..]);
            if filled == space.len() || self.is_used() {
                return Poll::Ready(Ok((filled, self.is_used())));
            }
            match self.poll_more(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(fault)) if filled == 0 => return Poll::Ready(Err(fault)),
                Poll::Pending if filled == 0 => return Poll::Pending,
                _ => return Poll::Ready(Ok((filled, false))),
            }
        }
    }

    /// The trailers that may be passed on, as lines.
    pub fn take_trailers(
        &mut self,
        private: Option<&str>,
        lines: &mut Vec<HeaderLine>,
    ) -> Result<Vec<u8>, BodyFault> {
        let (mut section, mut out) = (Vec::new(), Vec::new());
        let trailers = std::mem::take(&mut self.trailers);
        if !trailers.is_empty() {
            to_text(&trailers, &mut section);
            section.extend_from_slice(b"\r\n");
            pass_on(&section, private, lines, &mut out).map_err(|fault| BodyFault::Malformed(fault.0))?;
        }
        Ok(out)
    }

    fn fill(&mut self, space: &mut [u8]) -> usize {
        let mut filled = 0;
        while let Some(part) = self.take_part(space.len() - filled) {
            space[filled..filled + part.len()].copy_from_slice(&part);
            filled += part.len();
        }
        filled
    }

    /// Takes some of what has come, and lets the client send as much again.
    fn take_part(&mut self, most: usize) -> Option<Bytes> {
        let first = self.ahead.front_mut()?;
        let usable = match self.left {
            Some(left) if !self.whole => usize::try_from(left.saturating_sub(1)).unwrap_or(usize::MAX),
            _ => usize::MAX,
        };
        let part = first.split_to(first.len().min(most).min(usable));
        if first.is_empty() {
            self.ahead.pop_front();
        }
        self.left = self.left.map(|left| left.saturating_sub(part.len() as u64));
        // An error means that the stream is gone, which reading shows.
        let _ = self.from.flow_control().release_capacity(part.len());
        (!part.is_empty()).then_some(part)
    }

    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BodyFault>> {
        match self.from.poll_data(cx) {
            Poll::Ready(Some(Ok(part))) => {
                if !part.is_empty() {
                    self.ahead.push_back(part);
                }
                self.whole = self.from.is_end_stream();
                Poll::Ready(Ok(()))
            }
            Poll::Ready(None) => self.from.poll_trailers(cx).map(|trailers| {
                self.trailers = trailers.map_err(|_| BodyFault::Left)?.unwrap_or_default();
                self.whole = true;
                Ok(())
            }),
            // The client reset it, or broke its own framing and was reset.
            Poll::Ready(Some(Err(_))) => Poll::Ready(Err(BodyFault::Left)),
            Poll::Pending => Poll::Pending,
        }
    }
}
