//! A connection to an endpoint, for one attempt: from the worker's pool, or new.

use std::{
    future::poll_fn,
    net::SocketAddr,
    pin::pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
};

use socket2::SockRef;
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use super::{
    exchange::{Exchange, WaitBefore},
    failure::Failure,
    http2::Http2Carrier,
};
use crate::{
    client_tls::{HandshakeFault, TlsClient},
    endpoint_sockets::connect as dial,
    limits::UNSAFE_IDLE_MS,
    proxy::{downstream::Downstream, route::Plan, worker::coarse},
    rollout::{
        address::Address,
        assign::{PinChange, PinEvidence},
        pin::Pin,
        table::EndpointRoute,
    },
    upstream::{
        http2::{Boarding, Http2Seat},
        login::{LoginLink, LoginSeat},
        pool::PoolQuery,
        shortage::is_shortage,
        stream::{Carrier, Stream},
        vanished::notice_vanished,
    },
};

/// A connection to an endpoint.
pub struct Link {
    /// The connection.
    pub stream: Stream,
    reused: bool,
    /// It carries the client's login already.
    seat: Option<LoginSeat>,
}

impl Link {
    /// Takes a connection from the pool. A request that cannot be repeated takes only one that was used just now, since an
    /// endpoint may close an idle one at any moment.
    pub fn from_pool<D: Downstream>(exchange: &Exchange<'_, D>, route: &EndpointRoute) -> Option<Self> {
        let worker = exchange.worker;
        if exchange.plan.app.http2 {
            let seat = worker.http2.take(exchange.plan.app.destination(route))?;
            worker.counters().upstream_reuses.add(1);
            return Some(Self::carried(exchange, seat));
        }
        let idle_ms_max = worker.limits().upstream_idle_ms;
        let idle_ms_max =
            if exchange.plan.idempotent { idle_ms_max } else { idle_ms_max.min(UNSAFE_IDLE_MS) };
        let wanted = PoolQuery { idle_ms_max, careful: !exchange.plan.idempotent };
        let taken = worker.pool.take(exchange.plan.app.destination(route), coarse::now_ms(), wanted);
        worker.counters().upstream_stale.add(taken.stale);
        let stream = taken.stream?;
        worker.counters().upstream_reuses.add(1);
        Some(Self { stream, reused: true, seat: None })
    }

    /// Takes the connection that carries the client's login, if it leads to this endpoint: a move ends the login. A sibling is
    /// asked as a stranger would ask.
    #[cold]
    pub fn with_login<D: Downstream>(exchange: &mut Exchange<'_, D>, route: &EndpointRoute) -> Option<Self> {
        if exchange.asks_sibling() {
            return None;
        }
        let to = exchange.plan.app.destination(route);
        let mut login = exchange.down.login().take()?;
        if !login.leads_to(to) {
            return None;
        }
        exchange.worker.counters().upstream_reuses.add(1);
        Some(Self { stream: login.stream, reused: true, seat: Some(login.seat) })
    }

    /// Opens a connection.
    pub async fn open<D: Downstream>(
        exchange: &mut Exchange<'_, D>,
        address: Address,
    ) -> Result<Self, Failure> {
        if exchange.plan.app.http2 && exchange.plan.upgrade.is_none() {
            // Boxed for the same reason.
            return Box::pin(timed(exchange, board)).await.map(|seat| Self::carried(exchange, seat));
        }
        exchange.worker.counters().upstream_connects.add(1);
        // Boxed, since every exchange has the size of the largest.
        let stream = Box::pin(timed(exchange, async |exchange| connect(exchange, address).await)).await?;
        Ok(Self { stream, reused: false, seat: None })
    }

    /// One request on a connection of HTTP/2.
    fn carried<D: Downstream>(exchange: &Exchange<'_, D>, seat: Http2Seat) -> Self {
        let scheme = if exchange.plan.app.tls.is_some() { "https" } else { "http" };
        let extension_bytes_max = exchange.worker.limits().chunk_extension_bytes_max;
        let reused = seat.reused;
        let carrier: Box<dyn Carrier> = Box::new(Http2Carrier::new(seat, scheme, extension_bytes_max));
        Self { stream: Stream::Carried(Box::new(carrier)), reused, seat: None }
    }

    /// Ready when the endpoint has sent or closed something. It may turn out to be nothing.
    pub fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.stream.poll_readable(cx)
    }

    /// Whether it came from the pool.
    pub fn is_reused(&self) -> bool {
        self.reused
    }

    /// Gives the connection to the pool after a whole exchange, if it can carry another one.
    pub fn give_back<D: Downstream>(self, exchange: &mut Exchange<'_, D>) {
        let route = exchange.plan.endpoint().route;
        let worker = exchange.worker;
        if self.reused {
            Self::note_reuse(exchange, true);
        }
        if self.seat.is_some() || exchange.binds_login() {
            return self.keep_for_client(exchange);
        }
        let mut stream = self.stream;
        // TLS may have taken in more than the response.
        let reusable = exchange.link_reusable() && !exchange.plan.app.names_clients();
        if reusable && (matches!(stream, Stream::Plain(_)) || stream.is_open()) {
            let idle_max = worker.limits().upstream_idle_per_endpoint_max as usize;
            let to = exchange.plan.app.destination(&route);
            worker.pool.keep(to, stream, coarse::now_ms(), idle_max);
        }
    }

    /// Keeps a connection that carries a login for the client whose login it is. Where that cannot be, it is closed.
    #[cold]
    fn keep_for_client<D: Downstream>(self, exchange: &mut Exchange<'_, D>) {
        let (worker, plan) = (exchange.worker, &exchange.plan);
        let carried = matches!(self.stream, Stream::Carried(_));
        if carried || !exchange.link_reusable() || plan.hides_logins || exchange.asks_sibling() {
            return;
        }
        let Some(seat) = self.seat.or_else(|| worker.logins.enter(worker.limits().login_connections_max))
        else {
            worker.counters().limit_login_connections.add(1);
            return;
        };
        let route = plan.endpoint().route;
        let (to, tag) = (plan.app.destination(&route), route.tag);
        let pin = match (plan.assignment.pin, plan.pin) {
            (PinChange::First(pin) | PinChange::Replace(pin), _) => Some(Pin { endpoint: tag, ..pin }),
            (PinChange::Refresh(pin), _) | (PinChange::Keep, PinEvidence::Valid(pin)) => Some(pin),
            (PinChange::Keep, _) => None,
        };
        let app = plan.app.routes.slot;
        *exchange.down.login() = Some(Box::new(LoginLink { stream: self.stream, seat, to, app, pin }));
    }

    /// Tells the pool whether a connection of this endpoint carried another request.
    pub fn note_reuse<D: Downstream>(exchange: &Exchange<'_, D>, carried: bool) {
        let to = exchange.plan.app.destination(&exchange.plan.endpoint().route);
        exchange.worker.pool.note_reuse(to, carried);
    }
}

/// Notes how long it takes to open a connection.
async fn timed<'a, D: Downstream, T>(
    exchange: &mut Exchange<'a, D>,
    open: impl AsyncFnOnce(&mut Exchange<'a, D>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let began_us = coarse::now_us();
    let opened = open(exchange).await;
    let took_us = coarse::now_us().saturating_sub(began_us);
    exchange.outcome.connecting_us = u32::try_from(took_us).unwrap_or(u32::MAX);
    opened
}

/// Connects, unless it takes too long or the client leaves meanwhile.
async fn connect<D: Downstream>(exchange: &mut Exchange<'_, D>, address: Address) -> Result<Stream, Failure> {
    let wait = WaitBefore::new(exchange.worker.limits().connect_ms, Failure::ConnectTimeout);
    let tls = exchange.plan.app.tls.clone();
    let first_byte_ms = exchange.worker.limits().first_byte_ms;
    let header = header_before(&exchange.plan, address);
    unless_late(exchange, wait, connect_with(address, tls, header, first_byte_ms)).await
}

/// What stands before the request, or before TLS: who its client is. Empty, which allocates nothing, where the app does not ask for it.
fn header_before(plan: &Plan, endpoint: Address) -> Vec<u8> {
    let client = &plan.client;
    // A proxy in front has the port of its own connection, and not that of the client.
    let port = if client.address == client.peer { client.peer_port } else { 0 };
    let known = client.named.then(|| SocketAddr::new(client.address, port));
    plan.app.routes.settings.upstream_proxy_protocol.header(known, endpoint)
}

/// Waits for something, unless it takes too long or the client leaves meanwhile.
async fn unless_late<T, D: Downstream>(
    exchange: &mut Exchange<'_, D>,
    wait: WaitBefore,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let mut work = pin!(work);
    poll_fn(|cx| match work.as_mut().poll(cx) {
        Poll::Ready(done) => Poll::Ready(wait.end(exchange).and(done)),
        Poll::Pending => match wait.go_on(exchange) {
            Ok(()) => Poll::Pending,
            Err(failure) => Poll::Ready(Err(failure)),
        },
    })
    .await
}

/// Connects, sends `header`, and shakes hands where TLS is asked for: for HTTP/1.1.
async fn connect_with(
    address: Address,
    tls: Option<Arc<TlsClient>>,
    header: Vec<u8>,
    paused_ms: u64,
) -> Result<Stream, Failure> {
    let mut stream = connect_plainly(address, paused_ms).await?;
    if !header.is_empty() {
        stream.write_all(&header).await.map_err(|_| Failure::Connect)?;
    }
    match tls {
        None => Ok(Stream::Plain(stream)),
        Some(tls) => secure(stream, address, &tls, false).await,
    }
}

async fn connect_plainly(address: Address, paused_ms: u64) -> Result<TcpStream, Failure> {
    let connected = dial(address).await;
    let stream =
        connected.map_err(|error| if is_shortage(&error) { Failure::Resources } else { Failure::Connect })?;
    if address.tcp().is_none() {
        return Ok(stream);
    }
    // Small writes then do not wait for acknowledgements. Should it fail, they still arrive.
    let _ = stream.set_nodelay(true);
    // An endpoint may take as long for a request's body as for its answer.
    let _ = notice_vanished(&SockRef::from(&stream), paused_ms);
    Ok(stream)
}

/// Shakes hands. `http2`: the endpoint must agree on HTTP/2.
async fn secure(
    stream: TcpStream,
    address: Address,
    tls: &TlsClient,
    http2: bool,
) -> Result<Stream, Failure> {
    // Boxed, since most connections are without TLS.
    let session = Box::pin(tls.handshake(stream, address, http2)).await;
    session
        .map(|session| Stream::Secure(Box::new(session)))
        .map_err(|HandshakeFault(what)| Failure::Handshake(what))
}

/// Takes a place on a connection of HTTP/2 to the endpoint, and opens one if there is none.
async fn board<D: Downstream>(exchange: &mut Exchange<'_, D>) -> Result<Http2Seat, Failure> {
    let (worker, app) = (exchange.worker, Rc::clone(&exchange.plan.app));
    let to = app.destination(&exchange.plan.endpoint().route);
    let wait = WaitBefore::new(worker.limits().connect_ms, Failure::ConnectTimeout);
    unless_late(exchange, wait, async {
        loop {
            let opening = match worker.http2.board(to) {
                Boarding::Seat(seat) => return Ok(seat),
                Boarding::Wait(opening) => {
                    opening.notified().await;
                    continue;
                }
                Boarding::Open(opening) => opening,
            };
            worker.counters().upstream_connects.add(1);
            let stream = connect_plainly(to.address, worker.limits().first_byte_ms).await?;
            let stream = match &app.tls {
                None => Stream::Plain(stream),
                Some(tls) => secure(stream, to.address, tls, true).await?,
            };
            let begun = match stream {
                Stream::Plain(stream) => opening.begin(stream, worker.limits()).await,
                Stream::Secure(stream) => opening.begin(stream, worker.limits()).await,
                Stream::Carried(_) => return Err(Failure::Connect),
            };
            return begun.map_err(|_| Failure::Reset);
        }
    })
    .await
}
