//! Listeners: each worker has its own on the same addresses, and the kernel spreads new connections over them.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    os::unix::net::UnixListener,
    path::PathBuf,
    sync::Arc,
};

#[cfg(target_os = "linux")]
use socket2::SockFilter;
use socket2::{Domain, Protocol, SockRef, Socket, Type};

use super::{tls::ListenerTls, unix::ListeningFile};
use crate::{limits::LISTEN_BACKLOG, live::handover::HandoverReceiver, upstream::vanished::notice_vanished};

/// What one worker takes connections from.
#[derive(Default)]
pub struct Sources {
    /// Listeners, and the TLS of those that are not plain.
    pub listeners: Vec<(ListeningSocket, Option<Arc<ListenerTls>>)>,
    /// What the admin port hands over.
    pub handovers: Option<HandoverReceiver>,
}

/// A socket that listens.
#[derive(Debug)]
pub enum ListeningSocket {
    /// For connections of TCP.
    Tcp(TcpListener),
    /// For those of this machine alone.
    Unix(UnixListener),
}

/// A socket that listens, and the address of the settings that it listens for.
pub type Listening = (SocketAddr, TcpListener);

/// Where a front listens.
#[derive(Default)]
pub struct Bound {
    /// One address for each that was wanted.
    pub addresses: Vec<SocketAddr>,
    /// All sockets, for a process that takes over.
    pub sockets: Vec<Listening>,
}

/// Binds addresses, and gives each worker a listener for each; where they listen then. Sockets that another process listened
/// on are taken out of `inherited` instead, with the connections that wait there. Clients may pause for `paused_ms`.
pub fn bind_all(
    wanted: impl Iterator<Item = (SocketAddr, Option<Arc<ListenerTls>>)>,
    inherited: &mut Vec<Listening>,
    workers: &mut [Sources],
    paused_ms: u64,
) -> io::Result<Bound> {
    let mut bound = Bound::default();
    for (address, tls) in wanted {
        let taken =
            inherited.extract_if(.., |(wanted, _)| *wanted == address).map(|(_, socket)| socket).collect();
        let listeners = bind(address, workers.len(), taken)
            .map_err(|error| io::Error::new(error.kind(), format!("cannot listen on {address}: {error}")))?;
        bound.addresses.push(listeners[0].local_addr()?);
        for listener in &listeners {
            // Every connection that is accepted has these options of its listener. Without them it works as well, but is
            // kept when the client has vanished.
            let _ = notice_vanished(&SockRef::from(listener), paused_ms);
        }
        for (index, listener) in listeners.into_iter().enumerate() {
            bound.sockets.push((address, listener.try_clone()?));
            // There may be more of them than workers: each has connections that wait.
            let worker = index % workers.len();
            workers[worker].listeners.push((ListeningSocket::Tcp(listener), tls.clone()));
        }
    }
    Ok(bound)
}

/// Listens on files, all workers on each. Sockets that another process listened on are taken out of `inherited` instead, with the
/// connections that wait there.
pub fn bind_files(
    wanted: Vec<PathBuf>,
    inherited: &mut Vec<(PathBuf, UnixListener)>,
    workers: &mut [Sources],
) -> io::Result<Vec<ListeningFile>> {
    let bind = |path: PathBuf| {
        let file = match inherited.iter().position(|(known, _)| *known == path) {
            Some(index) => ListeningFile::inherited(path, inherited.swap_remove(index).1),
            None => {
                let what = format!("cannot listen on unix:{}", path.display());
                let bound = ListeningFile::bind(path);
                bound.map_err(|error| io::Error::new(error.kind(), format!("{what}: {error}")))?
            }
        };
        for worker in workers.iter_mut() {
            worker.listeners.push((ListeningSocket::Unix(file.socket.try_clone()?), None));
        }
        Ok(file)
    };
    wanted.into_iter().map(bind).collect()
}

/// Binds one listener for each worker to an address, where `taken` are not enough. Port 0 takes any free port, the same for all.
///
/// An address on which anything else listens is refused: with `SO_REUSEPORT` alone a second router would get half of the
/// connections of the first. So the first listener binds and listens without it, which only one process can do. The option is
/// set afterwards, for the other listeners.
fn bind(address: SocketAddr, workers: usize, taken: Vec<TcpListener>) -> io::Result<Vec<TcpListener>> {
    let mut listeners = taken;
    if listeners.is_empty() {
        let first = listener(address, false)?;
        first.set_reuse_port(true)?;
        listeners.push(first.into());
    }
    let address = listeners[0].local_addr()?;
    // A socket that a service manager has opened is shared: its owner may be another user, and then nobody else binds to its port.
    let shared = !SockRef::from(&listeners[0]).reuse_port()?;
    while listeners.len() < workers {
        let next = if shared { listeners[0].try_clone()? } else { listener(address, true)?.into() };
        listeners.push(next);
    }
    Ok(listeners)
}

fn listener(address: SocketAddr, share: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_port(share)?;
    socket.bind(&address.into())?;
    socket.listen(LISTEN_BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Opcodes of the kernel's packet filters (linux/bpf_common.h): load a byte, and, jump if equal, return.
#[cfg(target_os = "linux")]
const OPCODES: [u16; 4] = [0x30, 0x54, 0x15, 0x06];
/// Where a TCP header has its flags, which of them tell a packet that opens a connection, and what they are there: SYN, no ACK.
#[cfg(target_os = "linux")]
const OPENING: [u32; 3] = [13, 0x12, 0x02];

/// Lets nobody begin to connect any more; who has begun may go on. When a listener is closed, the kernel resets connections
/// that it has not handed over. Whoever is not heard asks again after a second, and is refused then or taken by whoever
/// listens next.
///
/// # Errors
/// The kernel has no such filters.
pub fn turn_away(listener: &SockRef<'_>) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        let ([load, and, is, end], [flags, mask, opening]) = (OPCODES, OPENING);
        listener.attach_filter(&[
            SockFilter::new(load, 0, 0, flags),
            SockFilter::new(and, 0, 0, mask),
            SockFilter::new(is, 0, 1, opening),
            SockFilter::new(end, 0, 0, 0),
            SockFilter::new(end, 0, 0, u32::MAX),
        ])
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = listener;
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_workers_share_a_port_and_nobody_else_does() {
        let listeners = bind("127.0.0.1:0".parse().unwrap(), 3, Vec::new()).unwrap();
        let address = listeners[0].local_addr().unwrap();
        assert!(listeners.iter().all(|listener| listener.local_addr().unwrap() == address));
        let error = bind(address, 1, Vec::new()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        let clients: Vec<_> = (0..100).map(|_| std::net::TcpStream::connect(address).unwrap()).collect();
        let accepted = |listener: &TcpListener| std::iter::from_fn(|| listener.accept().ok()).count();
        let shares: Vec<_> = listeners.iter().map(accepted).collect();
        assert_eq!(shares.iter().sum::<usize>(), clients.len());
        assert!(shares.iter().all(|share| *share > 0), "every worker gets some: {shares:?}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn who_is_turned_away_is_not_heard_and_who_came_before_is() {
        let mut listeners = bind("127.0.0.1:0".parse().unwrap(), 1, Vec::new()).unwrap();
        let listener = listeners.remove(0);
        let address = listener.local_addr().unwrap();
        let connect =
            || std::net::TcpStream::connect_timeout(&address, std::time::Duration::from_millis(200));
        let before = connect().unwrap();
        turn_away(&SockRef::from(&listener)).unwrap();
        assert_eq!(connect().unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(listener.accept().unwrap().1, before.local_addr().unwrap());
        drop(listener);
        assert_eq!(connect().unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
    }
}
