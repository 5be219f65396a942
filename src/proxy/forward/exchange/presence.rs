//! Whether the client is still there. Nobody works for one that has left: its request does not go on to an endpoint, and its
//! place and its buffers are free.

use std::task::{Context, Poll};

use super::{half_closed::HalfClosedClient, state::Exchange};
use crate::{
    limits::CLIENT_CHECK_MS,
    proxy::{
        downstream::{Departure, Downstream},
        forward::failure::Failure,
        worker::coarse,
    },
};

/// A wait before anything is asked of an endpoint: for room there, or for a connection to it.
#[derive(Debug, Clone, Copy)]
pub struct WaitBefore {
    begun_ms: u64,
    due_ms: u64,
    late: Failure,
}

impl WaitBefore {
    /// A wait that begins now, and is `late` after so many ms.
    pub fn new(most_ms: u64, late: Failure) -> Self {
        let begun_ms = coarse::now_ms();
        Self { begun_ms, due_ms: begun_ms.saturating_add(most_ms), late }
    }

    /// Nothing has come yet. Sets when to look again, unless the wait is over: it is late, or the client has left.
    pub fn go_on<D: Downstream>(&self, exchange: &mut Exchange<'_, D>) -> Result<(), Failure> {
        let now = coarse::now_ms();
        let watch_at = self.begun_ms + CLIENT_CHECK_MS;
        let look_at = if now < watch_at { watch_at } else { exchange.look_for_client(now)? };
        if self.due_ms <= now {
            return Err(self.late);
        }
        exchange.down.deadline().set(self.due_ms.min(look_at));
        Ok(())
    }

    /// What was waited for is there. It is of no use if the client has left meanwhile.
    pub fn end<D: Downstream>(&self, exchange: &mut Exchange<'_, D>) -> Result<(), Failure> {
        let now = coarse::now_ms();
        if now >= self.begun_ms + CLIENT_CHECK_MS {
            exchange.client_look_at_ms = now;
            exchange.look_for_client(now)?;
        }
        Ok(())
    }
}

impl<D: Downstream> Exchange<'_, D> {
    /// Watches whether the client is still there, once an endpoint has been silent for a moment: a request that is answered
    /// sooner does not pay for it. Returns when to look again.
    pub(super) fn check_client(&mut self, cx: &mut Context<'_>) -> Result<u64, Failure> {
        // Where more of its bytes are waited for, reading them shows that it has left.
        if self.upload.waits_for_client() || self.is_tunnel() {
            return Ok(u64::MAX);
        }
        let now = coarse::now_ms();
        if !self.client_watched {
            let watch_at = self.upstream_at_ms + CLIENT_CHECK_MS;
            if now < watch_at {
                return Ok(watch_at);
            }
            self.client_watched = true;
        }
        if !self.upload.over {
            return self.look_for_sender(now);
        }
        if self.client_half_closed.is_none() {
            match self.down.poll_closed(cx) {
                Poll::Pending if self.down.has_ahead() => return self.look_for_client(now),
                Poll::Pending => return Ok(u64::MAX),
                Poll::Ready(departure) => return self.note_departure(now, departure),
            }
        }
        self.note_departure(now, Departure::HalfClosed)
    }

    /// Looks for a client whose bytes are not read at present, since the endpoint takes none. It may have sent all of them and
    /// closed its sending side.
    #[cold]
    fn look_for_sender(&mut self, now: u64) -> Result<u64, Failure> {
        match self.departure(now) {
            Some(Departure::Left) => Err(Failure::ClientGone),
            _ => Ok(self.client_look_at_ms),
        }
    }

    /// Looks for a client that has nothing more to say to this request, whatever else it sent. Returns when to look again.
    #[cold]
    fn look_for_client(&mut self, now: u64) -> Result<u64, Failure> {
        let departure = self.departure(now);
        match departure.or(self.client_half_closed.as_ref().map(|_| Departure::HalfClosed)) {
            Some(departure) => {
                let gone_at = self.note_departure(now, departure)?;
                Ok(gone_at.min(self.client_look_at_ms))
            }
            None => Ok(self.client_look_at_ms),
        }
    }

    /// How the client has gone, if it has. The kernel is asked every [`CLIENT_CHECK_MS`].
    fn departure(&mut self, now: u64) -> Option<Departure> {
        if now < self.client_look_at_ms {
            return None;
        }
        self.client_look_at_ms = now + CLIENT_CHECK_MS;
        self.down.departure()
    }

    /// A client that has closed its sending side counts as gone after a while: at once if it left. Returns when.
    fn note_departure(&mut self, now: u64, departure: Departure) -> Result<u64, Failure> {
        if departure == Departure::Left {
            return Err(Failure::ClientGone);
        }
        let delivered = self.delivered();
        let closed =
            self.client_half_closed.get_or_insert_with(|| Box::new(HalfClosedClient::new(now, delivered)));
        let gone_at = closed.gone_at_ms(now, delivered);
        if gone_at <= now { Err(Failure::ClientGone) } else { Ok(gone_at) }
    }

    /// Bytes of the response's body that are on their way to the client.
    pub(super) fn delivered(&self) -> u64 {
        self.outcome.sent.saturating_sub(self.down.unflushed() as u64)
    }
}
