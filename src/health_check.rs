//! One health check: whether an endpoint accepts a connection, or answers a path as its app's settings say
//! (docs/design.md section 6).
//!
//! A check ends with a FIN, after the whole response was read: a reset would show as an error in the log of the endpoint. A
//! response that is not over a second after the check has its result is cut.

mod failure;
mod grpc;
pub mod http2;

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::{
    Request,
    body::Incoming,
    client::conn::http1,
    header::{self, ACCEPT, CONNECTION, HOST, HeaderName, HeaderValue},
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    time::timeout,
};

use crate::{
    client_tls::TlsClient,
    endpoint_sockets::connect,
    rollout::{
        address::Address,
        settings::{HealthSettings, Settings},
    },
};

pub use failure::CheckFailure;
use failure::{BODY_BYTES_MAX, CLOSE_MAX};

/// What a check calls itself.
const USER_AGENT: &str = "rolling-router (health check)";
/// How much of the answer is buffered at once, in bytes: what the largest head may have.
const BUFFER_BYTES_MAX: usize = 65_536;

/// Checks an endpoint once, by its app's settings. `router` is what this router calls itself in CDN-Loop.
pub async fn check_endpoint(address: Address, settings: &Settings, router: &str) -> Result<(), CheckFailure> {
    let limit = settings.health.timeout_ms;
    let checked = timeout(Duration::from_millis(limit), ask(address, settings, router)).await;
    checked.unwrap_or(Err(CheckFailure::Late(limit)))
}

async fn ask(address: Address, settings: &Settings, router: &str) -> Result<(), CheckFailure> {
    let mut stream = connect(address).await.map_err(CheckFailure::of_connect)?;
    // The router asks for itself, so it names no client.
    let header = settings.upstream_proxy_protocol.header(None, address);
    stream.write_all(&header).await.map_err(CheckFailure::Unreachable)?;
    match TlsClient::for_app(settings) {
        None => ask_on(stream, address, settings, router).await,
        Some(tls) => {
            ask_on(
                tls.handshake(stream, address, settings.upstream.is_http2()).await?,
                address,
                settings,
                router,
            )
            .await
        }
    }
}

/// Asks on a connection that is open, with whatever is around its bytes.
async fn ask_on(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    address: Address,
    settings: &Settings,
    router: &str,
) -> Result<(), CheckFailure> {
    let health = &settings.health;
    if let Some(service) = &health.grpc {
        let host = host_of(address, settings);
        return grpc::ask(http2::connect(stream, settings).await?, service, &host, settings).await;
    }
    let Some(path) = &health.path else {
        tokio::spawn(timeout(CLOSE_MAX, close(stream)));
        return Ok(());
    };
    let request = request(path, address, settings, router)?;
    if settings.upstream.is_http2() {
        return http2::ask(stream, request, path, settings).await;
    }
    let failed = |error: hyper::Error| CheckFailure::of_exchange(&error);
    let mut builder = http1::Builder::new();
    let handshake = builder.max_buf_size(BUFFER_BYTES_MAX).handshake(TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.map_err(failed)?;
    tokio::spawn(timeout(Duration::from_millis(health.timeout_ms) + CLOSE_MAX, connection));
    // It passes over 1xx responses.
    let response = sender.send_request(request).await.map_err(failed)?;
    let status = response.status().as_u16();
    let mut body = response.into_body();
    let judged = judge(path, status, &mut body, health).await;
    tokio::spawn(timeout(CLOSE_MAX, async move {
        while let Some(Ok(_)) = body.frame().await {}
        drop(sender);
    }));
    judged
}

/// What the endpoint is asked for as: a name of its app, or else its address. A path is no host.
fn host_of(address: Address, settings: &Settings) -> String {
    let own = settings.check_host().map(str::to_owned);
    own.unwrap_or_else(|| address.tcp().map_or_else(|| "localhost".to_owned(), |address| address.to_string()))
}

fn request(
    path: &str,
    address: Address,
    settings: &Settings,
    router: &str,
) -> Result<Request<Empty<Bytes>>, CheckFailure> {
    let host = host_of(address, settings);
    let mut request = Request::get(path)
        .header(HOST, host)
        .header(header::USER_AGENT, USER_AGENT)
        .header(ACCEPT, "*/*")
        .header("cdn-loop", router)
        .header(CONNECTION, "close")
        .body(Empty::new())?;
    for (name, value) in settings.health.own_headers() {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(http::Error::from)?;
        let value = HeaderValue::from_str(value).map_err(http::Error::from)?;
        request.headers_mut().insert(name, value);
    }
    Ok(request)
}

/// Judges a response by its status, and by its body if the settings name a text that it must contain.
async fn judge(
    path: &str,
    status: u16,
    body: &mut Incoming,
    health: &HealthSettings,
) -> Result<(), CheckFailure> {
    let path = path.to_owned();
    if !health.accepts(status) {
        return Err(CheckFailure::Status { path, status, allowed: health.status.clone() });
    }
    let Some(wanted) = &health.body_contains else { return Ok(()) };
    let mut seen = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| CheckFailure::of_exchange(&error))?;
        let room = BODY_BYTES_MAX - seen.len();
        let data = frame.data_ref().map_or(&[][..], |data| &data[..data.len().min(room)]);
        seen.extend_from_slice(data);
        if memchr::memmem::find(&seen, wanted.as_bytes()).is_some() {
            return Ok(());
        }
        if seen.len() == BODY_BYTES_MAX {
            break;
        }
    }
    Err(CheckFailure::Body { path, status, wanted: wanted.clone() })
}

/// Ends a connection with a FIN, and reads what the endpoint sends until it ends it too: to close while something is
/// unread would be a reset.
async fn close(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let mut unread = [0; 512];
    if stream.shutdown().await.is_ok() {
        while matches!(stream.read(&mut unread).await, Ok(1..)) {}
    }
}
