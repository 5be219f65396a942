//! What a worker accepts connections from: a port, or a socket in the file system.

use std::{
    io,
    net::SocketAddr,
    task::{Context, Poll, ready},
};

use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream, UnixListener};

use super::{
    listen::{ListeningSocket, turn_away},
    unix,
};

/// Accepts connections.
pub enum Listener {
    /// Of TCP.
    Tcp(TcpListener),
    /// Of this machine alone.
    Unix(UnixListener),
}

impl Listener {
    /// Accepts on the event loop of this thread.
    ///
    /// # Errors
    /// The event loop does not take it.
    pub fn new(socket: ListeningSocket) -> io::Result<Self> {
        match socket {
            ListeningSocket::Tcp(socket) => TcpListener::from_std(socket).map(Self::Tcp),
            ListeningSocket::Unix(socket) => UnixListener::from_std(socket).map(Self::Unix),
        }
    }

    /// The next connection, and whose it is.
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        match self {
            Self::Tcp(listener) => listener.poll_accept(cx),
            Self::Unix(listener) => {
                let accepted = ready!(listener.poll_accept(cx));
                let stream = accepted.and_then(|(stream, _)| unix::stream_of(stream));
                Poll::Ready(stream.map(|stream| (stream, unix::PEER)))
            }
        }
    }

    /// Lets nobody begin to connect any more. Whether it can: a service manager keeps its socket for who comes next, and a file is taken
    /// away.
    pub fn turns_away(&self) -> bool {
        let Self::Tcp(listener) = self else { return false };
        let socket = SockRef::from(listener);
        // One without this option is a service manager's.
        socket.reuse_port().unwrap_or(false) && turn_away(&socket).is_ok()
    }
}
