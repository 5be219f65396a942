//! Accepting connections, and the TLS handshake.

use std::{future::poll_fn, io, net::SocketAddr, rc::Rc, sync::Arc, task::Poll, time::Duration};

use tokio::{
    io::ReadBuf,
    net::TcpStream,
    sync::watch,
    time::{sleep, timeout},
};

use crate::{
    limits::{ACCEPT_BATCH, ACCEPT_PAUSE_MS, CONNECTING_MS},
    proxy::{
        downstream::stream::Stream,
        front::{
            handshake::shake_hands,
            listener::Listener,
            proxied::{client_of, note_fault},
            serve::{refuse_plain_http, serve},
            serve_http2::serve_http2,
            tls::{ACME_PROTOCOL, ListenerTls},
        },
        worker::{
            Worker,
            client::{Client, Door},
            deadlines::WaitState,
            phase::{Phase, reached},
            seat::ConnectionSeat,
        },
    },
};

/// Accepts until the front drains. What waits in the queue then is still taken, unless another process accepts from it.
pub async fn accept(
    worker: Rc<Worker>,
    listener: Listener,
    tls: Option<Arc<ListenerTls>>,
    mut phase: watch::Receiver<Phase>,
) {
    tokio::select! {
        biased;
        () = turn_newcomers_away(&worker, &listener, &mut phase) => {}
        () = accept_on(&worker, &listener, tls.as_ref()) => {}
    }
    if worker.shared.is_replaced() {
        return;
    }
    let waiting = poll_fn(|cx| {
        while let Poll::Ready(Ok((stream, peer))) = listener.poll_accept(cx) {
            take(&worker, stream, peer, tls.as_ref());
        }
        Poll::Ready(())
    });
    waiting.await;
}

/// Waits until the front accepts no more, and then for those who are about to connect, unless another process accepts.
async fn turn_newcomers_away(worker: &Worker, listener: &Listener, phase: &mut watch::Receiver<Phase>) {
    reached(phase, Phase::Replaced).await;
    if !worker.shared.is_replaced() && listener.turns_away() {
        // Nobody waits for them when the front is dropped.
        let _ = timeout(Duration::from_millis(CONNECTING_MS), reached(phase, Phase::Ending)).await;
    }
}

async fn accept_on(worker: &Rc<Worker>, listener: &Listener, tls: Option<&Arc<ListenerTls>>) {
    let mut pause_ms = ACCEPT_PAUSE_MS.0;
    let mut taken = 0;
    loop {
        wait_for_descriptors(worker).await;
        match poll_fn(|cx| listener.poll_accept(cx)).await {
            Ok((stream, peer)) => {
                pause_ms = ACCEPT_PAUSE_MS.0;
                take(worker, stream, peer, tls);
                taken += 1;
                if taken % ACCEPT_BATCH == 0 {
                    tokio::task::yield_now().await;
                }
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                worker.counters().accept_paused.add(1);
                tracing::warn!(%error, pause_ms, "cannot accept connections: trying again after a pause");
                sleep(Duration::from_millis(pause_ms)).await;
                pause_ms = (pause_ms * 2).min(ACCEPT_PAUSE_MS.1);
            }
        }
    }
}

/// Waits while as many descriptors are used as the worker may use.
pub async fn wait_for_descriptors(worker: &Worker) {
    if worker.is_full() {
        worker.counters().limit_connections.add(1);
        while worker.is_full() {
            sleep(Duration::from_millis(ACCEPT_PAUSE_MS.0)).await;
        }
    }
}

/// Whether an error concerns the connection that was to be accepted, and not the listener.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    )
}

fn take(worker: &Rc<Worker>, stream: TcpStream, peer: SocketAddr, tls: Option<&Arc<ListenerTls>>) {
    worker.counters().connections_accepted.add(1);
    if worker.shared.proxy_protocol {
        let tls = tls.map(Arc::clone);
        return drop(tokio::task::spawn_local(take_proxied(Rc::clone(worker), stream, peer, tls)));
    }
    begin(worker, stream, peer, tls);
}

/// Finds out whose connection it is before it counts as theirs.
async fn take_proxied(
    worker: Rc<Worker>,
    mut stream: TcpStream,
    peer: SocketAddr,
    tls: Option<Arc<ListenerTls>>,
) {
    worker.unknown_opened();
    let found = client_of(&worker, &mut stream, peer).await;
    worker.unknown_closed();
    match found {
        Ok(client) => begin(&worker, stream, client, tls.as_ref()),
        Err(error) => note_fault(&worker, peer, &error),
    }
}

/// Serves a connection of this client.
fn begin(worker: &Rc<Worker>, stream: TcpStream, peer: SocketAddr, tls: Option<&Arc<ListenerTls>>) {
    let address = peer.ip().to_canonical();
    if !worker.connection_opened(address) {
        return;
    }
    // Small writes then do not wait for acknowledgements. Should it fail, they still arrive.
    let _ = stream.set_nodelay(true);
    let client = Client::new(address, (worker.shared.trust)(address), tls.is_some(), Door::Front);
    let client = Client { peer_port: peer.port(), ..client };
    let worker = Rc::clone(worker);
    match tls {
        None => drop(tokio::task::spawn_local(serve(worker, Stream::Plain(stream), client))),
        Some(config) => drop(tokio::task::spawn_local(secure(worker, stream, client, Arc::clone(config)))),
    }
}

/// As many bytes as tell a request in plain http from a handshake, whose first byte is no letter.
const FIRST_BYTES: usize = 5;

/// Whether a connection begins as a request in plain http does.
fn is_http(first: &[u8; FIRST_BYTES]) -> bool {
    first[0].is_ascii_alphabetic()
}

/// Makes the TLS handshake, then serves.
async fn secure(worker: Rc<Worker>, stream: TcpStream, client: Client, tls: Arc<ListenerTls>) {
    let deadline = worker.deadlines.enter();
    deadline.set_in(worker.limits().header_ms);
    let mut registered = false;
    let first = poll_fn(|cx| {
        if !std::mem::replace(&mut registered, true) {
            deadline.register(cx);
        }
        let mut bytes = [0; FIRST_BYTES];
        match stream.poll_peek(cx, &mut ReadBuf::new(&mut bytes)) {
            Poll::Ready(Ok(_)) => Poll::Ready(Some(bytes)),
            Poll::Ready(Err(_)) => Poll::Ready(None),
            Poll::Pending if deadline.state() == WaitState::Waiting => Poll::Pending,
            Poll::Pending => Poll::Ready(None),
        }
    })
    .await;
    if let Some(bytes) = first.filter(is_http) {
        drop(deadline);
        worker.counters().tls_failures.add(1);
        return Box::pin(refuse_plain_http(worker, stream, client, bytes.starts_with(b"HEAD "))).await;
    }
    let mut handshake = Box::pin(shake_hands(&worker, stream, &tls));
    let accepted = poll_fn(|cx| match Future::poll(handshake.as_mut(), cx) {
        Poll::Ready(accepted) => Poll::Ready(accepted.ok()),
        Poll::Pending if deadline.state() == WaitState::Waiting => Poll::Pending,
        Poll::Pending => Poll::Ready(None),
    })
    .await;
    drop(handshake);
    drop(deadline);
    drop(tls);
    match accepted {
        // A CA has seen what it came for, and closes.
        Some(secured) if secured.session.get_ref().1.alpn_protocol() == Some(ACME_PROTOCOL) => {
            worker.counters().tls_handshakes.add(1);
            worker.connection_closed(client.peer);
        }
        Some(secured) => {
            worker.counters().tls_handshakes.add(1);
            let stream = Stream::Tls(Box::new(secured));
            if stream.speaks_http2() {
                let seat = ConnectionSeat::new(worker, client.peer);
                serve_http2(seat, stream, client, Vec::new()).await;
            } else {
                serve(worker, stream, client).await;
            }
        }
        None => {
            worker.counters().tls_failures.add(1);
            worker.connection_closed(client.peer);
        }
    }
}
