//! A health check by HTTP/2.

use std::time::Duration;

use bytes::Bytes;
use h2::client::SendRequest;
use http::{
    Request, Uri,
    header::{CONNECTION, HOST},
};
use http_body_util::Empty;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};

use super::failure::{BODY_BYTES_MAX, CLOSE_MAX, CheckFailure};
use crate::rollout::settings::Settings;

/// Asks on a connection that is open. `path` is that of the request.
pub async fn ask(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Empty<Bytes>>,
    path: &str,
    settings: &Settings,
) -> Result<(), CheckFailure> {
    let health = &settings.health;
    let sender = connect(stream, settings).await?;
    let request = with_authority(request, settings.upstream.is_secure())?;
    let (response, _) = sender.ready().await.map_err(failed)?.send_request(request, true).map_err(failed)?;
    let (head, mut body) = response.await.map_err(failed)?.into_parts();
    let (path, status) = (path.to_owned(), head.status.as_u16());
    if !health.accepts(status) {
        return Err(CheckFailure::Status { path, status, allowed: health.status.clone() });
    }
    let Some(wanted) = &health.body_contains else { return Ok(()) };
    let mut seen = Vec::new();
    while let Some(data) = body.data().await {
        let data = data.map_err(failed)?;
        body.flow_control().release_capacity(data.len()).map_err(failed)?;
        seen.extend_from_slice(&data[..data.len().min(BODY_BYTES_MAX - seen.len())]);
        if memchr::memmem::find(&seen, wanted.as_bytes()).is_some() {
            return Ok(());
        }
        if seen.len() == BODY_BYTES_MAX {
            break;
        }
    }
    Err(CheckFailure::Body { path, status, wanted: wanted.clone() })
}

/// Exchanges the first frames. What was opened is driven beside, and not for long.
pub async fn connect(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    settings: &Settings,
) -> Result<SendRequest<Bytes>, CheckFailure> {
    let (sender, connection) = h2::client::handshake(stream).await.map_err(failed)?;
    tokio::spawn(timeout(Duration::from_millis(settings.health.timeout_ms) + CLOSE_MAX, connection));
    Ok(sender)
}

/// An exchange that broke off.
pub fn failed(error: h2::Error) -> CheckFailure {
    if error.is_io() { CheckFailure::Closed } else { CheckFailure::NotHttp2 }
}

/// The Host becomes the authority, and what belongs to a connection of HTTP/1.1 goes.
pub fn with_authority(request: Request<Empty<Bytes>>, secure: bool) -> Result<Request<()>, http::Error> {
    let (mut parts, _) = request.into_parts();
    parts.headers.remove(CONNECTION);
    let host = parts.headers.remove(HOST);
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let scheme = if secure { "https" } else { "http" };
    let host = host.as_ref().map_or(&b""[..], |host| host.as_bytes());
    parts.uri = Uri::builder().scheme(scheme).authority(host).path_and_query(path).build()?;
    Ok(Request::from_parts(parts, ()))
}
