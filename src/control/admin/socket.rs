//! One connection of the admin port: the bytes themselves, and what the table of places has to know of it.
//!
//! The task that serves the connection and the table of places share it, so the table can close it at any time. Whatever
//! waits for the connection then sees its end, a tunnel too.

use std::{
    future::poll_fn,
    io::{self, IoSlice},
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::timeout,
};

use crate::{
    clock::Clock,
    control::{
        limits::{LINGER_BYTES_MAX, LINGER_MAX, SEND_BUFFER_BYTES, VANISHED_MAX},
        shared::access::network::network,
    },
};

/// What one read of bytes that nobody wants takes.
const DISCARD_BYTES: usize = 16 << 10;

/// A connection of the admin port.
#[derive(Debug)]
pub struct Socket {
    stream: TcpStream,
    /// What counts as one client: see [`network`].
    pub address: IpAddr,
    clock: Clock,
    /// When it last read or sent (monotonic, ms).
    active_ms: AtomicU64,
    /// Bytes sent, as far as the kernel took them.
    sent: AtomicU64,
    /// The last write found no room: the peer does not read.
    is_full: AtomicBool,
    /// The peer has ended its side.
    has_ended: AtomicBool,
    /// It speaks another protocol now.
    is_upgraded: AtomicBool,
    /// Somebody has looked whether its peer sent something.
    was_looked_at: AtomicBool,
    /// Reserved calls under way.
    reserved: AtomicU32,
}

/// The order in which connections leave: the least leaves first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    /// A reserved call is under way on it.
    is_reserved: bool,
    /// Nobody has looked at it yet, so what its peer sent may wait: a crowd that comes behind an operator takes nothing from
    /// them.
    is_new: bool,
    active_ms: u64,
}

/// A reserved call that is under way. Until it is dropped, connections without one leave first.
#[derive(Debug)]
pub struct Reservation(Arc<Socket>);

impl Socket {
    /// A connection that was accepted just now.
    pub fn new(stream: TcpStream, peer: SocketAddr, clock: Clock) -> Arc<Self> {
        // Answers are small and waited for; a peer that has gone shows when it is written to.
        let _ = stream.set_nodelay(true);
        // Else the kernel holds megabytes for each peer that does not read.
        let _ = SockRef::from(&stream).set_send_buffer_size(SEND_BUFFER_BYTES);
        let _ = SockRef::from(&stream).set_tcp_user_timeout(Some(VANISHED_MAX));
        let socket = Self {
            stream,
            address: network(peer.ip()),
            clock,
            active_ms: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            is_full: AtomicBool::new(false),
            has_ended: AtomicBool::new(false),
            is_upgraded: AtomicBool::new(false),
            was_looked_at: AtomicBool::new(false),
            reserved: AtomicU32::new(0),
        };
        socket.touch();
        Arc::new(socket)
    }

    /// Ends it, both ways and at once.
    pub fn close(&self) {
        // One that has ended already is as good.
        let _ = SockRef::from(&self.stream).shutdown(std::net::Shutdown::Both);
    }

    /// Which connection leaves first.
    pub fn rank(&self) -> Rank {
        let is_reserved = self.reserved.load(Ordering::Relaxed) > 0;
        let is_new = !self.was_looked_at.load(Ordering::Relaxed);
        Rank { is_reserved, is_new, active_ms: self.active_ms.load(Ordering::Relaxed) }
    }

    /// Bytes that the kernel took so far, and whether it has no room for more.
    pub fn progress(&self) -> (u64, bool) {
        (self.sent.load(Ordering::Relaxed), self.is_full.load(Ordering::Relaxed))
    }

    /// Says that a reserved call is under way.
    pub fn reserve(self: &Arc<Self>) -> Reservation {
        self.reserved.fetch_add(1, Ordering::Relaxed);
        Reservation(Arc::clone(self))
    }

    /// Says that its bytes belong to another protocol from now on.
    pub fn set_upgraded(&self) {
        self.is_upgraded.store(true, Ordering::Relaxed);
    }

    /// Whether its bytes belong to another protocol.
    pub fn is_upgraded(&self) -> bool {
        self.is_upgraded.load(Ordering::Relaxed)
    }

    /// The first byte that the peer sends, which stays to be read; none: it has gone.
    pub async fn first_byte(&self) -> Option<u8> {
        let peeked = poll_fn(|cx| {
            let mut byte = [0];
            let mut space = ReadBuf::new(&mut byte);
            let peeked = self.stream.poll_peek(cx, &mut space);
            self.was_looked_at.store(true, Ordering::Relaxed);
            peeked.map_ok(|_| space.filled().first().copied())
        });
        peeked.await.ok().flatten()
    }

    /// Reads what the peer still sends, for a while: if it were closed with bytes unread, the kernel would answer with a
    /// reset, which takes the answer away from a peer that is still sending (RFC 9112 section 9.6).
    pub async fn linger(&self) {
        if self.is_upgraded() || self.has_ended.load(Ordering::Relaxed) {
            return;
        }
        let _ = SockRef::from(&self.stream).shutdown(std::net::Shutdown::Write);
        let _ = timeout(LINGER_MAX, self.discard()).await;
    }

    async fn discard(&self) {
        let mut buffer = vec![0; DISCARD_BYTES];
        let mut left = LINGER_BYTES_MAX;
        while left > 0 && self.stream.readable().await.is_ok() {
            match self.stream.try_read(&mut buffer) {
                Ok(0) => return,
                Ok(count) => left = left.saturating_sub(count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return,
            }
        }
    }

    fn touch(&self) {
        let now: Duration = self.clock.monotonic();
        self.active_ms.store(u64::try_from(now.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn poll_read(&self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.stream.poll_read_ready(cx))?;
            match self.stream.try_read(buffer.initialize_unfilled()) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Ok(count) => {
                    buffer.advance(count);
                    match count {
                        0 => self.has_ended.store(true, Ordering::Relaxed),
                        _ => self.touch(),
                    }
                    return Poll::Ready(Ok(()));
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    fn poll_try_write(
        &self,
        cx: &mut Context<'_>,
        mut write: impl FnMut(&TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            match self.stream.poll_write_ready(cx) {
                Poll::Pending => {
                    self.is_full.store(true, Ordering::Relaxed);
                    return Poll::Pending;
                }
                Poll::Ready(ready) => ready?,
            }
            match write(&self.stream) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Ok(count) => {
                    self.is_full.store(false, Ordering::Relaxed);
                    self.sent.fetch_add(count as u64, Ordering::Relaxed);
                    self.touch();
                    return Poll::Ready(Ok(count));
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.0.reserved.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The bytes of a connection, for whoever serves it.
#[derive(Debug)]
pub struct SocketIo(pub Arc<Socket>);

impl AsyncRead for SocketIo {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let socket = &self.0;
        let read = socket.poll_read(cx, buffer);
        // Not before: until then its peer's bytes were waiting, however long ago it was accepted.
        socket.was_looked_at.store(true, Ordering::Relaxed);
        read
    }
}

impl AsyncWrite for SocketIo {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.0.poll_try_write(cx, |stream| stream.try_write(bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.0.poll_try_write(cx, |stream| stream.try_write_vectored(slices))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(SockRef::from(&self.0.stream).shutdown(std::net::Shutdown::Write))
    }
}
