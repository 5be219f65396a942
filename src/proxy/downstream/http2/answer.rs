//! Answering a request of HTTP/2.

use std::{
    rc::Rc,
    task::{Context, Poll},
};

use h2::Reason;
use http::{HeaderValue, Response, StatusCode, header};

use super::{
    fields,
    piece::Piece,
    stream::{ClientStream, Unsent},
};
use crate::{
    limits::HEADROOM_BYTES,
    proxy::{
        downstream::{Answer, BodyFault, BodyPart, ClientGone, Departure, Downstream},
        worker::deadlines::Deadline,
    },
    upstream::{login::LoginLink, vanished::tolerate_pause},
};

impl Downstream for ClientStream {
    fn buffered_body(
        &mut self,
        chunked: bool,
        private: Option<&str>,
        out: &mut Vec<u8>,
    ) -> Result<bool, BodyFault> {
        let worker = Rc::clone(self.worker());
        self.body.take_ahead(chunked, private, &mut worker.lines.borrow_mut(), out)
    }

    fn poll_body(
        &mut self,
        cx: &mut Context<'_>,
        large: bool,
        private: Option<&str>,
    ) -> Poll<Result<BodyPart, BodyFault>> {
        let worker = Rc::clone(self.worker());
        let mut lease = worker.buffers.lend(large);
        self.body.poll_read(cx, lease.space()).map(|read| {
            let (length, last) = read?;
            let trailers = match last {
                true => self.body.take_trailers(private, &mut worker.lines.borrow_mut())?,
                false => Vec::new(),
            };
            Ok(BodyPart { lease, data: HEADROOM_BYTES..HEADROOM_BYTES + length, last, trailers })
        })
    }

    fn interim(&mut self, _: &mut Context<'_>, answer: &Answer<'_>) {
        let sent = self.out.respond.borrow_mut().send_informational(head_of(answer, answer.status));
        self.out.gone |= sent.is_err();
    }

    fn answer(&mut self, cx: &mut Context<'_>, answer: &Answer<'_>, first: BodyPart) {
        let mut head = head_of(answer, self.status_of(answer));
        if answer.tunnel.is_some() {
            // It answers the key, which the router made (RFC 8441 section 5.1).
            head.headers_mut().remove(header::SEC_WEBSOCKET_ACCEPT);
        }
        if let Some(length) = answer.length() {
            head.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        let ends = first.last && first.data.is_empty() && first.trailers.is_empty();
        let sent = self.out.respond.borrow_mut().send_response(head, ends);
        match sent {
            Ok(sender) => {
                *self.out.sender.borrow_mut() = Some(sender);
                self.session.wire.sent_head();
            }
            Err(_) => self.out.gone = true,
        }
        self.out.ended |= ends;
        if !ends {
            self.send(cx, first);
        }
    }

    fn send(&mut self, cx: &mut Context<'_>, part: BodyPart) {
        let BodyPart { lease, data, last, trailers } = part;
        if data.is_empty() && !last {
            return;
        }
        self.session.wire.sent_part();
        self.out.unsent = Some(Unsent { piece: Piece::new(lease, data), last, trailers });
        self.out.waits = 0;
        if let Poll::Ready(Err(_)) = self.out.poll_hand_over(cx) {
            self.out.gone = true;
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ClientGone>> {
        if self.out.gone || self.out.outstanding.is_lost() {
            return Poll::Ready(Err(ClientGone));
        }
        let handed_over = self.out.poll_hand_over(cx)?;
        if handed_over.is_ready() && self.out.outstanding.bytes() == 0 {
            // The connection's task has written it in its first turn.
            self.out.keeps_up = self.out.waits <= 1;
            return Poll::Ready(Ok(()));
        }
        self.out.waits = self.out.waits.saturating_add(1);
        self.out.keeps_up &= self.out.waits <= 1;
        self.out.outstanding.register(cx);
        Poll::Pending
    }

    fn abort(&mut self) {
        self.reset(Reason::INTERNAL_ERROR);
    }

    fn close_early(&mut self) {
        // A response that is whole ends by itself. Any other must not look whole.
        self.reset(Reason::INTERNAL_ERROR);
    }

    fn shows_cut(&self) -> bool {
        true
    }

    fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<Departure> {
        if self.is_left(cx) { Poll::Ready(Departure::Left) } else { Poll::Pending }
    }

    fn has_ahead(&self) -> bool {
        false
    }

    fn departure(&self) -> Option<Departure> {
        self.is_left_now().then_some(Departure::Left)
    }

    fn tolerate_pause(&self, ms: u64) {
        if ms > self.worker().limits().body_grace_ms {
            // Should it fail, a longer pause ends the connection.
            self.session.wire.with_stream(|stream| drop(tolerate_pause(&stream.socket(), ms)));
        }
    }

    fn unflushed(&self) -> usize {
        let unsent = self.out.unsent.as_ref().map_or(0, |unsent| bytes::Buf::remaining(&unsent.piece));
        unsent + self.out.outstanding.bytes()
    }

    fn keeps_up(&self) -> bool {
        self.out.keeps_up
    }

    fn login(&mut self) -> &mut Option<Box<LoginLink>> {
        &mut self.login
    }

    fn deadline(&self) -> &Deadline {
        &self.deadline
    }
}

impl ClientStream {
    /// In HTTP/2 a WebSocket is open with any status of success (RFC 8441 section 5), so an endpoint that answered with one and
    /// did not open it has failed.
    fn status_of(&self, answer: &Answer<'_>) -> u16 {
        match answer.status {
            _ if answer.tunnel.is_some() => 200,
            200..300 if self.websocket => 502,
            status => status,
        }
    }
}

fn head_of(answer: &Answer<'_>, status: u16) -> Response<()> {
    let mut head = Response::new(());
    *head.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    fields::from_text(answer.fields, head.headers_mut());
    head
}
