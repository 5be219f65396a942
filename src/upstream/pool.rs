//! Connections to endpoints that wait for another request. Each worker has a pool of its own, so nothing is shared or locked.
//!
//! The connection that was used last is taken first: it is the least likely to have been closed, and under less load the
//! others grow old and are dropped. A connection that the endpoint has closed is found when it is taken. One that it closes at
//! this very moment cannot be found. So a request that cannot be repeated takes a connection only from an endpoint that is
//! known to keep connections, or that has had the time to close it.
//!
//! Deliberately absent: any sharing between releases, even of one address, so that a pool ends with its endpoint.

use std::cell::{Cell, RefCell};

use super::stream::Stream;
use crate::{
    limits::SETTLED_IDLE_MS,
    rollout::{address::Address, target::EndpointSlot},
};

/// A worker's pooled connections, by endpoint.
#[derive(Debug, Default)]
pub struct Pool {
    slots: RefCell<Vec<Slot>>,
    idle: Cell<usize>,
}

/// What a connection leads to, and how. Connections that differ in any of it are never taken for each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Destination {
    /// The endpoint's slot.
    pub slot: EndpointSlot,
    /// Its address.
    pub address: Address,
    /// The number of the client in TLS; 0: none.
    pub tls: u32,
}

#[derive(Debug, Default)]
struct Slot {
    leads_to: Option<Destination>,
    idle: Vec<Idle>,
    /// A pooled connection of this endpoint has carried another request, and none was found closed since.
    proven: bool,
}

#[derive(Debug)]
struct Idle {
    stream: Stream,
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
    pub stream: Option<Stream>,
    /// How many connections turned out to be closed.
    pub stale: u64,
}

impl Pool {
    /// Takes the connection that was used last, if it is wanted and still open.
    pub fn take(&self, from: Destination, now_ms: u64, wanted: PoolQuery) -> PoolAnswer {
        let mut taken = PoolAnswer::default();
        let mut slots = self.slots.borrow_mut();
        let Some(slot) = slots.get_mut(from.slot.0).filter(|slot| slot.leads_to == Some(from)) else {
            return taken;
        };
        while let Some(last) = slot.idle.last() {
            let idle_ms = now_ms.saturating_sub(last.since_ms);
            let unsettled = wanted.careful && !slot.proven && idle_ms < SETTLED_IDLE_MS;
            if idle_ms >= wanted.idle_ms_max || unsettled {
                break;
            }
            let mut idle = slot.idle.pop().expect("there is a last one");
            self.idle.set(self.idle.get() - 1);
            if idle.stream.is_open() {
                taken.stream = Some(idle.stream);
                break;
            }
            taken.stale += 1;
        }
        taken
    }

    /// Keeps a connection from which everything was read, unless `idle_max` are kept already.
    pub fn keep(&self, to: Destination, stream: Stream, now_ms: u64, idle_max: usize) {
        let mut slots = self.slots.borrow_mut();
        if slots.len() <= to.slot.0 {
            slots.resize_with(to.slot.0 + 1, Slot::default);
        }
        let slot = &mut slots[to.slot.0];
        if slot.leads_to != Some(to) {
            self.idle.set(self.idle.get() - slot.idle.len());
            *slot = Slot { leads_to: Some(to), ..Slot::default() };
        }
        if slot.idle.len() < idle_max {
            slot.idle.push(Idle { stream, since_ms: now_ms });
            self.idle.set(self.idle.get() + 1);
        }
    }

    /// Notes whether a pooled connection carried another request to its end, or turned out to be closed.
    pub fn note_reuse(&self, of: Destination, carried: bool) {
        let mut slots = self.slots.borrow_mut();
        if let Some(slot) = slots.get_mut(of.slot.0).filter(|slot| slot.leads_to == Some(of)) {
            slot.proven = carried;
        }
    }

    /// Drops connections that were idle for too long or that their endpoint closed. Returns how many.
    pub fn sweep(&self, now_ms: u64, idle_ms_max: u64) -> usize {
        let before = self.idle.get();
        let mut left = 0;
        for slot in self.slots.borrow_mut().iter_mut() {
            slot.idle.retain_mut(|idle| {
                now_ms.saturating_sub(idle.since_ms) < idle_ms_max && idle.stream.is_open()
            });
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

#[cfg(test)]
mod tests {
    use tokio::{
        io::AsyncWriteExt,
        net::{TcpListener, TcpStream},
    };

    use super::*;

    /// A connection and its other side.
    async fn connected() -> (TcpStream, TcpStream, Address) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (ours, theirs) = tokio::join!(TcpStream::connect(address), listener.accept());
        (ours.unwrap(), theirs.unwrap().0, address.into())
    }

    const ANY: PoolQuery = PoolQuery { idle_ms_max: 100, careful: false };

    /// The port that tells two connections apart.
    fn port(stream: &Stream) -> u16 {
        match stream {
            Stream::Plain(stream) => stream.local_addr().unwrap().port(),
            other => panic!("{other:?}"),
        }
    }

    fn to(slot: usize, address: Address) -> Destination {
        Destination { slot: EndpointSlot(slot), address, tls: 0 }
    }

    #[tokio::test]
    async fn the_connection_used_last_is_taken_first() {
        let pool = Pool::default();
        let (first, _other, address) = connected().await;
        let (second, _another, _) = connected().await;
        let (first, second) = (Stream::Plain(first), Stream::Plain(second));
        let expected = port(&second);
        pool.keep(to(3, address), first, 0, 8);
        pool.keep(to(3, address), second, 10, 8);
        assert_eq!(pool.take(to(3, address), 20, ANY).stream.map(|stream| port(&stream)), Some(expected));
        assert!(pool.take(to(3, address), 100, ANY).stream.is_none(), "too old");
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
        pool.keep(to(0, address), Stream::Plain(stream), 0, 8);
        pool.keep(to(0, address), Stream::Plain(talking), 0, 8);
        let taken = pool.take(to(0, address), 0, ANY);
        assert!(taken.stream.is_none());
        assert_eq!(taken.stale, 2);
    }

    #[tokio::test]
    async fn a_careful_request_takes_only_what_is_proven_or_settled() {
        let pool = Pool::default();
        let careful = PoolQuery { careful: true, ..ANY };
        let (stream, _other, address) = connected().await;
        pool.keep(to(0, address), Stream::Plain(stream), 0, 8);
        assert!(pool.take(to(0, address), SETTLED_IDLE_MS - 1, careful).stream.is_none());
        let stream = pool.take(to(0, address), SETTLED_IDLE_MS, careful).stream.expect("it has settled");
        pool.note_reuse(to(0, address), true);
        pool.keep(to(0, address), stream, 60, 8);
        let stream = pool.take(to(0, address), 60, careful).stream.expect("its endpoint keeps connections");
        pool.note_reuse(to(0, address), false);
        pool.keep(to(0, address), stream, 60, 8);
        assert!(pool.take(to(0, address), 60, careful).stream.is_none(), "until one turns out to be closed");
    }

    #[tokio::test]
    async fn a_slot_that_names_another_endpoint_starts_anew() {
        let pool = Pool::default();
        let (stream, _other, address) = connected().await;
        let (next, _another, next_address) = connected().await;
        pool.keep(to(0, address), Stream::Plain(stream), 0, 8);
        assert!(pool.take(to(0, next_address), 0, ANY).stream.is_none());
        pool.keep(to(0, next_address), Stream::Plain(next), 0, 8);
        assert!(pool.take(to(0, address), 0, ANY).stream.is_none());
        assert_eq!(pool.idle(), 1);
    }

    #[tokio::test]
    async fn what_is_in_tls_is_never_taken_for_what_is_not() {
        let pool = Pool::default();
        let (stream, _other, address) = connected().await;
        let secure = Destination { tls: 1, ..to(0, address) };
        pool.keep(secure, Stream::Plain(stream), 0, 8);
        assert!(pool.take(to(0, address), 0, ANY).stream.is_none());
        assert!(pool.take(Destination { tls: 2, ..secure }, 0, ANY).stream.is_none());
        assert!(pool.take(secure, 0, ANY).stream.is_some());
    }
}
