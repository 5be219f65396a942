//! The places of the admin port's connections: how many there may be, and which leaves when another comes.
//!
//! A new connection is never refused, since it may be that of the operator who stops a rollout. At a limit the connection
//! that has not read or sent for longest is closed instead. One that nobody has looked at yet, so that its request may wait
//! to be read, leaves after those; one on which a reserved call is under way leaves last. So
//! whoever opens connections without end loses their own, and a peer that does not read loses its place by itself.

use std::{collections::HashMap, net::IpAddr, sync::Arc};

use parking_lot::Mutex;

use super::socket::{Rank, Socket};
use crate::{
    control::limits::{ANSWER_RATE_MIN, ANSWER_SLOW_SECONDS_MAX},
    limits::Limits,
};

/// The places of all listeners.
#[derive(Debug)]
pub struct Places {
    connections_max: usize,
    per_address_max: usize,
    open: Mutex<OpenConnections>,
}

#[derive(Debug, Default)]
struct OpenConnections {
    /// Numbers connections.
    last: u64,
    connections: HashMap<u64, Connection>,
    by_address: HashMap<IpAddr, usize>,
}

#[derive(Debug)]
struct Connection {
    socket: Arc<Socket>,
    /// Bytes sent at the last look.
    sent: u64,
    /// Looks in a row at which it took less than it has to.
    slow_for: u32,
}

/// A connection's place; free again when it is dropped.
#[derive(Debug)]
pub struct Place {
    number: u64,
    places: Arc<Places>,
    pub socket: Arc<Socket>,
}

impl Places {
    pub fn new(limits: &Limits) -> Arc<Self> {
        let count = |limit: u32| usize::try_from(limit).unwrap_or(usize::MAX);
        let per_address_max = match limits.admin_connections_per_address_max {
            0 => usize::MAX,
            limit => count(limit),
        };
        Arc::new(Self {
            connections_max: count(limits.admin_connections_max),
            per_address_max,
            open: Mutex::default(),
        })
    }

    /// Gives a connection its place, and closes those that have to leave for it.
    pub fn take(self: &Arc<Self>, socket: Arc<Socket>) -> Place {
        let mut open = self.open.lock();
        if open.by_address.get(&socket.address).is_some_and(|count| *count >= self.per_address_max) {
            open.close_first(|connection| connection.address == socket.address);
        }
        if open.connections.len() >= self.connections_max {
            open.close_first(|_| true);
        }
        open.last += 1;
        let number = open.last;
        *open.by_address.entry(socket.address).or_default() += 1;
        let connection = Connection { socket: Arc::clone(&socket), sent: 0, slow_for: 0 };
        open.connections.insert(number, connection);
        Place { number, places: Arc::clone(self), socket }
    }

    /// Closes the connection that has to leave first, when something else than places has run out.
    pub fn make_room(&self) {
        self.open.lock().close_first(|_| true);
    }

    /// How many connections there are.
    pub fn open(&self) -> usize {
        self.open.lock().connections.len()
    }

    /// Closes connections whose peers do not read what they asked for. To be called every second.
    pub fn close_unread(&self) {
        let mut open = self.open.lock();
        let mut unread = Vec::new();
        for (number, connection) in &mut open.connections {
            let (sent, is_full) = connection.socket.progress();
            let is_slow = is_full && sent - connection.sent < ANSWER_RATE_MIN;
            connection.slow_for = if is_slow { connection.slow_for + 1 } else { 0 };
            connection.sent = sent;
            if connection.slow_for >= ANSWER_SLOW_SECONDS_MAX {
                unread.push(*number);
            }
        }
        unread.into_iter().for_each(|number| open.close(number));
    }
}

impl OpenConnections {
    /// Closes the first to leave of those that are meant.
    fn close_first(&mut self, is_meant: impl Fn(&Socket) -> bool) {
        let meant = self.connections.iter().filter(|(_, connection)| is_meant(&connection.socket));
        let ranked = meant.map(|(number, connection)| (connection.socket.rank(), *number));
        if let Some((_, number)) = ranked.min_by_key(|(rank, number): &(Rank, u64)| (*rank, *number)) {
            self.close(number);
        }
    }

    fn close(&mut self, number: u64) {
        if let Some(connection) = self.remove(number) {
            connection.socket.close();
        }
    }

    fn remove(&mut self, number: u64) -> Option<Connection> {
        let connection = self.connections.remove(&number)?;
        let address = connection.socket.address;
        if let Some(count) = self.by_address.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                self.by_address.remove(&address);
            }
        }
        Some(connection)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Nothing is left of it here if another connection took its place.
        self.places.open.lock().remove(self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::{
        io::AsyncReadExt as _,
        net::{TcpListener, TcpStream},
    };

    use super::*;
    use crate::{clock::Clock, control::admin::socket::SocketIo};

    const PEER: [u8; 4] = [192, 0, 2, 1];

    struct Bench {
        listener: TcpListener,
        clock: Clock,
        places: Arc<Places>,
    }

    impl Bench {
        async fn new(connections: u32, per_address: u32) -> Self {
            let limits = Limits {
                admin_connections_max: connections,
                admin_connections_per_address_max: per_address,
                ..Limits::default()
            };
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            Self { listener, clock: Clock::manual(0), places: Places::new(&limits) }
        }

        /// A client, and its place; a second later than the one before.
        async fn connect(&self, peer: [u8; 4]) -> (TcpStream, Place) {
            let address = self.listener.local_addr().unwrap();
            let (client, accepted) = tokio::join!(TcpStream::connect(address), self.listener.accept());
            self.clock.advance(Duration::from_secs(1));
            let socket = Socket::new(accepted.unwrap().0, (peer, 1).into(), self.clock.clone());
            let place = self.places.take(socket);
            look_at(&place).await;
            (client.unwrap(), place)
        }
    }

    /// Looks whether a client has sent something.
    async fn look_at(place: &Place) {
        let mut byte = [0];
        let mut io = SocketIo(Arc::clone(&place.socket));
        let _ = tokio::time::timeout(Duration::ZERO, io.read(&mut byte)).await;
    }

    async fn is_closed(client: &mut TcpStream) -> bool {
        let read = tokio::time::timeout(Duration::from_millis(50), client.read_u8()).await;
        matches!(read, Ok(Err(_)))
    }

    #[tokio::test]
    async fn at_the_limit_the_connection_that_was_still_for_longest_leaves() {
        let bench = Bench::new(3, 0).await;
        let (mut reserved, first) = bench.connect(PEER).await;
        let (mut still, _second) = bench.connect(PEER).await;
        let (mut busy, _third) = bench.connect(PEER).await;
        let call = first.socket.reserve();
        let (_, _fourth) = bench.connect(PEER).await;
        assert!(is_closed(&mut still).await, "it was still for longest without a reserved call");
        assert!(!is_closed(&mut reserved).await && !is_closed(&mut busy).await);
        drop(call);
        let (_, _fifth) = bench.connect(PEER).await;
        assert!(is_closed(&mut reserved).await);
    }

    /// A crowd that came behind an operator took the place of the operator, whose request nobody had read yet.
    #[tokio::test]
    async fn a_connection_whose_request_waits_leaves_after_those_that_were_looked_at() {
        let bench = Bench::new(2, 0).await;
        let address = bench.listener.local_addr().unwrap();
        let (client, accepted) = tokio::join!(TcpStream::connect(address), bench.listener.accept());
        let (mut operator, accepted) = (client.unwrap(), accepted.unwrap().0);
        let place = bench.places.take(Socket::new(accepted, (PEER, 1).into(), bench.clock.clone()));
        let (mut still, _second) = bench.connect(PEER).await;
        let (_third, _third_place) = bench.connect(PEER).await;
        assert!(is_closed(&mut still).await && !is_closed(&mut operator).await);
        look_at(&place).await;
        let (_fourth, _fourth_place) = bench.connect(PEER).await;
        assert!(is_closed(&mut operator).await, "then it leaves as others do");
    }

    #[tokio::test]
    async fn an_address_at_its_limit_loses_its_own_connection() {
        let bench = Bench::new(100, 2).await;
        let (mut other, _other) = bench.connect([192, 0, 2, 2]).await;
        let (mut first, _first) = bench.connect(PEER).await;
        let (_second, second) = bench.connect(PEER).await;
        let (_third, _place) = bench.connect(PEER).await;
        assert!(is_closed(&mut first).await && !is_closed(&mut other).await);
        drop(second);
        let (mut fourth, _fourth) = bench.connect(PEER).await;
        assert!(!is_closed(&mut fourth).await, "a place that is free again is taken first");
    }
}
