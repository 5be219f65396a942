//! Connections to endpoints that wait for another request. Each worker has a pool of its own, so nothing is shared or locked.
//!
//! The connection that was used last is taken first: it is the least likely to have been closed, and under less load the
//! others grow old and are dropped. A connection that the endpoint has closed is found when it is taken. One that it closes at
//! this very moment cannot be found. So a request that cannot be repeated takes a connection only from an endpoint that is
//! known to keep connections, or that has had the time to close it.
//!
//! Deliberately absent: any sharing between releases, even of one address, so that a pool ends with its endpoint.

use std::{
    cell::{Cell, RefCell},
    net::SocketAddr,
    task::{Context, Poll, Waker},
};

use tokio::net::TcpStream;

use crate::{limits::SETTLED_IDLE_MS, rollout::target::EndpointSlot};

/// A worker's pooled connections, by endpoint.
#[derive(Debug, Default)]
pub struct Pool {
    slots: RefCell<Vec<Slot>>,
    idle: Cell<usize>,
}

#[derive(Debug, Default)]
struct Slot {
    address: Option<SocketAddr>,
    idle: Vec<Idle>,
    /// A pooled connection of this endpoint has carried another request, and none was found closed since.
    proven: bool,
}

#[derive(Debug)]
struct Idle {
    stream: TcpStream,
    since_ms: u64,
}

/// Which pooled connection a request may take.
#[derive(Debug, Clone, Copy)]
pub struct PoolQuery {
    /// Idle for less than this, in ms.
    pub idle_ms_max: u64,
    /// The request cannot be repeated, so the endpoint must not be about to close the connection.
    pub careful: bool,
}

/// A pooled connection that was taken, if there was one.
#[derive(Debug, Default)]
pub struct PoolAnswer {
    /// The connection, if there was a usable one.
    pub stream: Option<TcpStream>,
    /// How many connections turned out to be closed.
    pub stale: u64,
}

impl Pool {
    /// Takes the connection that was used last, if it is wanted and still open.
    pub fn take(
        &self,
        slot: EndpointSlot,
        address: SocketAddr,
        now_ms: u64,
        wanted: PoolQuery,
    ) -> PoolAnswer {
        let mut taken = PoolAnswer::default();
        let mut slots = self.slots.borrow_mut();
        let Some(slot) = slots.get_mut(slot.0).filter(|slot| slot.address == Some(address)) else {
            return taken;
        };
        while let Some(last) = slot.idle.last() {
            let idle_ms = now_ms.saturating_sub(last.since_ms);
            let unsettled = wanted.careful && !slot.proven && idle_ms < SETTLED_IDLE_MS;
            if idle_ms >= wanted.idle_ms_max || unsettled {
                break;
            }
            let idle = slot.idle.pop().expect("there is a last one");
            self.idle.set(self.idle.get() - 1);
            if is_open(&idle.stream) {
                taken.stream = Some(idle.stream);
                break;
            }
            taken.stale += 1;
        }
        taken
    }

    /// Keeps a connection from which everything was read, unless `idle_max` are kept already.
    pub fn keep(
        &self,
        slot: EndpointSlot,
        address: SocketAddr,
        stream: TcpStream,
        now_ms: u64,
        idle_max: usize,
    ) {
        let mut slots = self.slots.borrow_mut();
        if slots.len() <= slot.0 {
            slots.resize_with(slot.0 + 1, Slot::default);
        }
        let slot = &mut slots[slot.0];
        if slot.address != Some(address) {
            self.idle.set(self.idle.get() - slot.idle.len());
            *slot = Slot { address: Some(address), ..Slot::default() };
        }
        if slot.idle.len() < idle_max {
            slot.idle.push(Idle { stream, since_ms: now_ms });
            self.idle.set(self.idle.get() + 1);
        }
    }

    /// Notes whether a pooled connection carried another request to its end, or turned out to be closed.
    pub fn note_reuse(&self, slot: EndpointSlot, address: SocketAddr, carried: bool) {
        let mut slots = self.slots.borrow_mut();
        if let Some(slot) = slots.get_mut(slot.0).filter(|slot| slot.address == Some(address)) {
            slot.proven = carried;
        }
    }

    /// Drops connections that were idle for too long or that their endpoint closed. Returns how many.
    pub fn sweep(&self, now_ms: u64, idle_ms_max: u64) -> usize {
        let before = self.idle.get();
        let mut left = 0;
        for slot in self.slots.borrow_mut().iter_mut() {
            slot.idle
                .retain(|idle| now_ms.saturating_sub(idle.since_ms) < idle_ms_max && is_open(&idle.stream));
            if slot.idle.is_empty() {
                slot.idle = Vec::new();
            }
            left += slot.idle.len();
        }
        self.idle.set(left);
        before - left
    }

    /// Drops all connections.
    pub fn clear(&self) {
        self.slots.borrow_mut().clear();
        self.idle.set(0);
    }

    /// How many connections are kept.
    pub fn idle(&self) -> usize {
        self.idle.get()
    }
}

/// Whether a connection is usable: the endpoint has neither closed it nor sent bytes without a request. This costs no system
/// call unless the runtime saw something arrive.
pub fn is_open(stream: &TcpStream) -> bool {
    let mut context = Context::from_waker(Waker::noop());
    match stream.poll_read_ready(&mut context) {
        Poll::Pending => true,
        // The socket may still count as readable since the last response, so only a read tells.
        Poll::Ready(_) => {
            matches!(stream.try_read(&mut [0; 1]), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::{io::AsyncWriteExt, net::TcpListener};

    use super::*;

    /// A connection and its other side.
    async fn connected() -> (TcpStream, TcpStream, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (ours, theirs) = tokio::join!(TcpStream::connect(address), listener.accept());
        (ours.unwrap(), theirs.unwrap().0, address)
    }

    const ANY: PoolQuery = PoolQuery { idle_ms_max: 100, careful: false };

    /// The port that tells two connections apart.
    fn port(stream: &TcpStream) -> u16 {
        stream.local_addr().unwrap().port()
    }

    #[tokio::test]
    async fn the_connection_used_last_is_taken_first() {
        let pool = Pool::default();
        let (first, _other, address) = connected().await;
        let (second, _another, _) = connected().await;
        let expected = port(&second);
        pool.keep(EndpointSlot(3), address, first, 0, 8);
        pool.keep(EndpointSlot(3), address, second, 10, 8);
        assert_eq!(
            pool.take(EndpointSlot(3), address, 20, ANY).stream.map(|stream| port(&stream)),
            Some(expected)
        );
        assert!(pool.take(EndpointSlot(3), address, 100, ANY).stream.is_none(), "too old");
        assert_eq!(pool.sweep(100, 100), 1);
        assert_eq!(pool.idle(), 0);
    }

    #[tokio::test]
    async fn a_closed_connection_is_never_given_out() {
        let pool = Pool::default();
        let (stream, other, address) = connected().await;
        let (talking, mut unasked, _) = connected().await;
        drop(other);
        unasked.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        stream.readable().await.unwrap();
        talking.readable().await.unwrap();
        pool.keep(EndpointSlot(0), address, stream, 0, 8);
        pool.keep(EndpointSlot(0), address, talking, 0, 8);
        let taken = pool.take(EndpointSlot(0), address, 0, ANY);
        assert!(taken.stream.is_none());
        assert_eq!(taken.stale, 2);
    }

    #[tokio::test]
    async fn a_careful_request_takes_only_what_is_proven_or_settled() {
        let pool = Pool::default();
        let careful = PoolQuery { careful: true, ..ANY };
        let (stream, _other, address) = connected().await;
        pool.keep(EndpointSlot(0), address, stream, 0, 8);
        assert!(pool.take(EndpointSlot(0), address, SETTLED_IDLE_MS - 1, careful).stream.is_none());
        let stream =
            pool.take(EndpointSlot(0), address, SETTLED_IDLE_MS, careful).stream.expect("it has settled");
        pool.note_reuse(EndpointSlot(0), address, true);
        pool.keep(EndpointSlot(0), address, stream, 60, 8);
        let stream =
            pool.take(EndpointSlot(0), address, 60, careful).stream.expect("its endpoint keeps connections");
        pool.note_reuse(EndpointSlot(0), address, false);
        pool.keep(EndpointSlot(0), address, stream, 60, 8);
        assert!(
            pool.take(EndpointSlot(0), address, 60, careful).stream.is_none(),
            "until one turns out to be closed"
        );
    }

    #[tokio::test]
    async fn a_slot_that_names_another_endpoint_starts_anew() {
        let pool = Pool::default();
        let (stream, _other, address) = connected().await;
        let (next, _another, next_address) = connected().await;
        pool.keep(EndpointSlot(0), address, stream, 0, 8);
        assert!(pool.take(EndpointSlot(0), next_address, 0, ANY).stream.is_none());
        pool.keep(EndpointSlot(0), next_address, next, 0, 8);
        assert!(pool.take(EndpointSlot(0), address, 0, ANY).stream.is_none());
        assert_eq!(pool.idle(), 1);
    }
}
