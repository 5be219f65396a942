//! One attempt at one exchange: the request goes up, the response comes down, both at once, until one side is done.
//!
//! It is one state machine that is polled, not two tasks with a channel between them: everything is in one place,
//! nothing is allocated while bytes move, and a side that does not take its bytes stops the other one. Order within
//! a poll: flush to the client, [`send`] to the endpoint, [`receive`] from the endpoint; again as long as the response goes
//! on.

mod answer;
mod compress;
mod compressed_body;
mod download;
mod half_closed;
mod lenient;
mod open;
mod pace;
mod presence;
mod receive;
mod send;
mod state;
mod suspend;
mod tunnel;
mod upload;
mod wait;
mod websocket;

use std::task::{Context, Poll};

pub use self::{
    presence::WaitBefore,
    state::{Exchange, PausedAttempt},
    suspend::SuspendedAttempt,
};
use super::failure::Failure;
use crate::{proxy::downstream::Downstream, upstream::stream::Stream};

impl<D: Downstream> Exchange<'_, D> {
    /// Moves what can be moved; ready when the response is whole and with the client.
    pub fn poll(&mut self, cx: &mut Context<'_>, link: &mut Stream) -> Poll<Result<(), Failure>> {
        loop {
            self.went_on = false;
            let flushed = match self.down.poll_flush(cx) {
                Poll::Ready(Ok(())) => true,
                Poll::Ready(Err(_)) => return Poll::Ready(Err(Failure::ClientGone)),
                Poll::Pending => false,
            };
            if flushed && self.is_over() {
                return Poll::Ready(Ok(()));
            }
            if self.is_tunnel() {
                self.went_on |= self.end_tunnel(cx, flushed);
            }
            self.send_request(cx, link)?;
            if self.tunnel_closed() {
                self.drop_response(cx, link);
                // If the client has closed its side too, nothing is left to wait for.
                self.download.done |= self.upload.over;
            } else if flushed {
                self.receive_response(cx, link)?;
            }
            if !self.went_on {
                if flushed && self.is_over() {
                    return Poll::Ready(Ok(()));
                }
                return self.wait(cx, flushed);
            }
        }
    }

    /// Whether nothing is left to be moved: the response is whole, and the request, if it goes on after an early response.
    fn is_over(&self) -> bool {
        self.download.done && (self.upload.over || !self.download.upload_goes_on)
    }
}
