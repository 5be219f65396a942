//! The admin port's connections: HTTP/1.1 by hyper, bounded in number, head and time.

use std::{
    convert::Infallible,
    future::{Future, poll_fn},
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use axum::{
    Router,
    extract::ConnectInfo,
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use hyper::{Request, body::Incoming, server::conn::http1, service::Service as _};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinSet, yield_now},
    time::{MissedTickBehavior, interval, sleep, timeout},
};

use super::{
    base,
    guard::secure,
    places::{Place, Places},
    socket::Socket,
    stream::Stream,
    strict::{StrictIo, Turns},
    track_hosts::{Origin, forward, track_host},
};
use crate::{
    control::{
        limits::{HEAD_BYTES_MAX, HEAD_MAX, LISTEN_BACKLOG, STOP_MAX, UNREAD_LOOK},
        shared::{
            core::Core,
            error::{ApiError, Kind},
        },
    },
    memory::{HighWater, give_back},
};

/// A pause after accepting failed, for whatever it failed on to be freed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A bound socket as this port listens on it.
pub fn listener(socket: std::net::TcpListener) -> io::Result<TcpListener> {
    socket.set_nonblocking(true)?;
    // As many may wait as a crowd of clients needs that all come at once.
    socket2::SockRef::from(&socket).listen(LISTEN_BACKLOG)?;
    TcpListener::from_std(socket)
}

/// How long a connection that was just accepted may take for its first request when the router stops: whoever had connected
/// before would lose it.
const FIRST_REQUEST_MAX: Duration = Duration::from_millis(250);

/// What plain http is told on a port that speaks https.
const ONLY_HTTPS: &str = "this port speaks https alone; write the address with https://";

/// What a port serves.
#[derive(Debug, Clone)]
pub struct Port {
    pub routes: Router,
    /// Whether it is the admin port, which has hosts that show a track.
    pub is_admin: bool,
}

/// Accepts until told to stop, then lets open connections finish for a while.
pub async fn serve(core: Core, listener: TcpListener, port: Port, places: Arc<Places>) {
    let mut stop = core.lifecycle.ports_signal();
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = connections.join_next(), if !connections.is_empty() => continue,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                let connection = Connection::new(&core, stream, peer, &places);
                connections.spawn(connection.serve(core.clone(), port.clone()));
                // What it asks for is read before the next ones come: a crowd may be as long as the table of places.
                yield_now().await;
            }
            Err(error) => {
                if is_waited_for(&listener) {
                    tracing::warn!(%error, "the admin port cannot accept a connection; it closes an old one");
                    places.make_room();
                }
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    let _ = timeout(STOP_MAX, async { while connections.join_next().await.is_some() {} }).await;
}

/// Whether a client waits to be accepted. Where descriptors have run out, Linux says so before it looks whether anybody
/// is there, and then nobody may lose a connection for it.
fn is_waited_for(listener: &TcpListener) -> bool {
    let mut polled = [PollFd::new(listener, PollFlags::IN)];
    poll(&mut polled, Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
}

/// Closes connections that nobody reads, for ever, and gives their memory back when a crowd has left.
pub async fn close_unread(places: Arc<Places>) {
    let water = HighWater::default();
    let mut looks = interval(UNREAD_LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        places.close_unread();
        if water.has_fallen_to(places.open()) {
            give_back();
        }
    }
}

/// One connection. Its place is free when everything of it has ended, tunnels too.
struct Connection {
    place: Arc<Place>,
    peer: SocketAddr,
}

impl Connection {
    fn new(core: &Core, stream: TcpStream, peer: SocketAddr, places: &Arc<Places>) -> Self {
        let socket = Socket::new(stream, peer, core.clock.clone());
        Self { place: Arc::new(places.take(socket)), peer }
    }

    async fn serve(self, core: Core, port: Port) {
        let Self { place, peer } = self;
        let mut stop = core.lifecycle.ports_signal();
        let socket = Arc::clone(&place.socket);
        let (routes, is_admin) = (TowerToHyperService::new(port.routes), port.is_admin);
        let turns = Arc::new(Turns::default());
        let opened = open(&core, Arc::clone(&socket), &mut stop).await;
        let Some(stream) = opened else { return };
        let secure = stream.is_secure();
        let in_plain = core.options.tls.is_some() && !secure;
        let begun = Arc::clone(&turns);
        let io = StrictIo::new(stream, core.options.followers.as_ref(), Arc::clone(&turns));
        let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
            let shown = track_host(&core, &request).filter(|_| is_admin);
            if shown.is_none() {
                base::take_off(&core.options.admin_base, &mut request);
            }
            request.extensions_mut().insert(ConnectInfo(peer));
            request.extensions_mut().insert(Arc::clone(&place));
            let (core, routes, turns) = (core.clone(), routes.clone(), Arc::clone(&turns));
            let origin = Origin { peer, secure, place: Arc::clone(&place) };
            let turn = turns.begin();
            async move {
                if in_plain {
                    turns.end(turn);
                    return Ok(last_answer(ApiError::new(Kind::Malformed, ONLY_HTTPS)));
                }
                let answered = match (turns.refusal(turn), shown) {
                    (Some(_), _) => None,
                    (None, Some(shown)) => Some(forward(&core, shown, request, origin).await),
                    (None, None) => Some(routes.call(request).await?),
                };
                turns.end(turn);
                let answered = match turns.refusal(turn) {
                    Some(refused) => Some(last_answer(refused)),
                    None => answered,
                };
                Ok::<_, Infallible>(answered.unwrap_or_default())
            }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_MAX)
            .max_buf_size(HEAD_BYTES_MAX)
            .serve_connection(TokioIo::new(io), service)
            .with_upgrades();
        tokio::pin!(connection);
        let mut served = tokio::select! {
            ended = connection.as_mut() => Some(ended),
            _ = stop.wait_for(|stop| *stop) => None,
        };
        if served.is_none() && !begun.has_begun() {
            served = await_first(connection.as_mut(), &begun).await;
        }
        let ended = match served {
            Some(ended) => ended,
            None => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "an admin connection ended early");
        }
        socket.linger().await;
    }
}

/// What is spoken on a connection. A handshake that has begun when the port closes may take a moment.
async fn open(core: &Core, socket: Arc<Socket>, stop: &mut watch::Receiver<bool>) -> Option<Stream> {
    let mut opening = Box::pin(Stream::open(socket, core.options.tls.as_ref()));
    let opened = tokio::select! {
        opened = opening.as_mut() => Some(opened),
        _ = stop.wait_for(|stop| *stop) => None,
    };
    match opened {
        Some(opened) => opened,
        None => timeout(FIRST_REQUEST_MAX, opening).await.ok().flatten(),
    }
}

/// Waits a moment for the first request on a connection that has had none; how the connection ended, if it did.
async fn await_first<C: Future>(mut connection: Pin<&mut C>, turns: &Turns) -> Option<C::Output> {
    let first = poll_fn(|cx| match connection.as_mut().poll(cx) {
        Poll::Ready(ended) => Poll::Ready(Some(ended)),
        Poll::Pending if turns.has_begun() => Poll::Ready(None),
        Poll::Pending => Poll::Pending,
    });
    timeout(FIRST_REQUEST_MAX, first).await.ok().flatten()
}

/// Refuses a request; the connection ends with it.
fn last_answer(refused: ApiError) -> Response {
    let mut response = refused.into_response();
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    secure(&mut response);
    response
}
