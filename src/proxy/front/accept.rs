//! Listening and accepting: each worker has listeners of its own on the same addresses, and the kernel spreads new
//! connections over them.

use std::{
    future::poll_fn,
    io,
    net::{SocketAddr, TcpListener as StdListener},
    rc::Rc,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    time::sleep,
};
use tokio_rustls::TlsAcceptor;

use crate::{
    limits::{ACCEPT_BATCH, ACCEPT_PAUSE_MS, LISTEN_BACKLOG},
    proxy::{
        downstream::stream::Stream,
        front::serve::serve,
        worker::{
            Worker,
            client::{Client, Door},
            deadlines::WaitState,
            phase::{Phase, reached},
        },
    },
};

/// Binds one listener for each worker to an address; port 0 takes any free port, the same for all.
///
/// An address that anything else listens on is refused: `SO_REUSEPORT` alone would let a second router take half of
/// the first one's connections. So the first listener binds and listens without it, which only one can do at a time,
/// and is opened to its siblings afterwards.
pub fn bind(address: SocketAddr, workers: usize) -> io::Result<Vec<StdListener>> {
    let first = listener(address, false)?;
    first.set_reuse_port(true)?;
    let mut listeners: Vec<StdListener> = vec![first.into()];
    let address = listeners[0].local_addr()?;
    for _ in 1..workers {
        listeners.push(listener(address, true)?.into());
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

/// Accepts until the front drains; what waits in the queue then is still taken.
pub async fn accept(
    worker: Rc<Worker>,
    listener: TcpListener,
    tls: Option<Arc<rustls::ServerConfig>>,
    door: Door,
    mut phase: watch::Receiver<Phase>,
) {
    tokio::select! {
        biased;
        () = reached(&mut phase, Phase::Draining) => {}
        () = accept_on(&worker, &listener, tls.as_ref(), door) => {}
    }
    let waiting = poll_fn(|cx| {
        while let Poll::Ready(Ok((stream, peer))) = listener.poll_accept(cx) {
            take(&worker, stream, peer, tls.as_ref(), door);
        }
        Poll::Ready(())
    });
    waiting.await;
}

async fn accept_on(
    worker: &Rc<Worker>,
    listener: &TcpListener,
    tls: Option<&Arc<rustls::ServerConfig>>,
    door: Door,
) {
    let mut pause_ms = ACCEPT_PAUSE_MS.0;
    let mut taken = 0;
    loop {
        if worker.is_full() {
            worker.counters().limit_connections.add(1);
            while worker.is_full() {
                sleep(Duration::from_millis(ACCEPT_PAUSE_MS.0)).await;
            }
        }
        match listener.accept().await {
            Ok((stream, peer)) => {
                pause_ms = ACCEPT_PAUSE_MS.0;
                take(worker, stream, peer, tls, door);
                taken += 1;
                if taken % ACCEPT_BATCH == 0 {
                    tokio::task::yield_now().await;
                }
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                worker.counters().accept_paused.add(1);
                tracing::warn!(%error, pause_ms, "cannot accept connections: resting");
                sleep(Duration::from_millis(pause_ms)).await;
                pause_ms = (pause_ms * 2).min(ACCEPT_PAUSE_MS.1);
            }
        }
    }
}

/// Errors that concern the connection that was to be accepted, not the listener.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    )
}

fn take(
    worker: &Rc<Worker>,
    stream: TcpStream,
    peer: SocketAddr,
    tls: Option<&Arc<rustls::ServerConfig>>,
    door: Door,
) {
    let address = peer.ip().to_canonical();
    worker.counters().connections_accepted.add(1);
    if !worker.connection_opened(address) {
        return;
    }
    // Without it small writes would wait for acknowledgements; with it failing they still arrive.
    let _ = stream.set_nodelay(true);
    let client = Client::new(address, (worker.shared.trust)(address), tls.is_some(), door);
    let worker = Rc::clone(worker);
    match tls {
        None => drop(tokio::task::spawn_local(serve(worker, Stream::Plain(stream), client))),
        Some(config) => drop(tokio::task::spawn_local(secure(worker, stream, client, Arc::clone(config)))),
    }
}

/// Shakes hands, then serves.
async fn secure(worker: Rc<Worker>, stream: TcpStream, client: Client, config: Arc<rustls::ServerConfig>) {
    let deadline = worker.deadlines.enter();
    deadline.set_in(worker.limits().header_ms);
    let mut handshake = Box::pin(TlsAcceptor::from(config).accept(stream));
    let mut registered = false;
    let shaken = poll_fn(|cx| {
        if !std::mem::replace(&mut registered, true) {
            deadline.register(cx);
        }
        match Future::poll(handshake.as_mut(), cx) {
            Poll::Ready(shaken) => Poll::Ready(shaken.ok()),
            Poll::Pending if deadline.state() == WaitState::Waiting => Poll::Pending,
            Poll::Pending => Poll::Ready(None),
        }
    })
    .await;
    drop(handshake);
    drop(deadline);
    match shaken {
        Some(stream) => {
            worker.counters().tls_handshakes.add(1);
            serve(worker, Stream::Tls(Box::new(stream)), client).await;
        }
        None => {
            worker.counters().tls_failures.add(1);
            worker.connection_closed(client.peer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_workers_share_a_port_and_nobody_else_does() {
        let listeners = bind("127.0.0.1:0".parse().unwrap(), 3).unwrap();
        let address = listeners[0].local_addr().unwrap();
        assert!(listeners.iter().all(|listener| listener.local_addr().unwrap() == address));
        let error = bind(address, 1).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        let clients: Vec<_> = (0..100).map(|_| std::net::TcpStream::connect(address).unwrap()).collect();
        let accepted = |listener: &StdListener| std::iter::from_fn(|| listener.accept().ok()).count();
        let shares: Vec<_> = listeners.iter().map(accepted).collect();
        assert_eq!(shares.iter().sum::<usize>(), clients.len());
        assert!(shares.iter().all(|share| *share > 0), "every worker gets some: {shares:?}");
    }
}
