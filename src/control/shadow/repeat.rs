//! One copy of a request, asked of one endpoint on a connection of its own.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::{
    Request, Response,
    body::Incoming,
    client::conn::http1,
    header::{ACCEPT_ENCODING, CONNECTION, HeaderName, HeaderValue},
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};

use crate::{
    client_tls::TlsClient,
    clock::Clock,
    live::shadow::ShadowRequest,
    rollout::{
        settings::Settings,
        shadow::{Answer, Reply},
    },
};

/// How long one answer is waited for.
const ANSWER_MAX: Duration = Duration::from_secs(10);
/// How much of a body is read.
const BODY_BYTES_MAX: usize = 262_144;
/// How much of an answer is buffered at once, in bytes: what the largest head may have.
const BUFFER_BYTES_MAX: usize = 65_536;
/// By this header an app knows a copy, for instance to leave it out of its statistics.
const MARK: HeaderName = HeaderName::from_static("rolling-shadow");

/// Asks an endpoint; never longer than [`ANSWER_MAX`].
pub async fn repeat(
    request: &ShadowRequest,
    address: SocketAddr,
    settings: &Settings,
    clock: &Clock,
) -> Reply {
    match timeout(ANSWER_MAX, ask(request, address, settings, clock)).await {
        Ok(Ok(answer)) => Reply::Answer(answer),
        Ok(Err(why)) => Reply::Nothing(why),
        Err(_) => Reply::Nothing(format!("no answer within {} s", ANSWER_MAX.as_secs())),
    }
}

async fn ask(
    request: &ShadowRequest,
    address: SocketAddr,
    settings: &Settings,
    clock: &Clock,
) -> Result<Answer, String> {
    let stream = TcpStream::connect(address).await.map_err(|error| format!("no connection: {error}"))?;
    match TlsClient::for_app(settings) {
        None => ask_on(stream, request, clock).await,
        Some(tls) => {
            let session = tls.handshake(stream, address, false).await.map_err(|fault| fault.to_string())?;
            ask_on(session, request, clock).await
        }
    }
}

async fn ask_on(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: &ShadowRequest,
    clock: &Clock,
) -> Result<Answer, String> {
    let failed = |error: hyper::Error| format!("no answer: {error}");
    let copy = copy_of(request).map_err(|error| format!("it cannot be repeated: {error}"))?;
    let mut builder = http1::Builder::new();
    let handshake = builder.max_buf_size(BUFFER_BYTES_MAX).handshake(TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.map_err(failed)?;
    tokio::spawn(timeout(ANSWER_MAX, connection));
    let asked = clock.monotonic();
    let mut response = sender.send_request(copy).await.map_err(failed)?;
    let (body, cut) = read(&mut response).await.map_err(failed)?;
    let took = clock.monotonic().saturating_sub(asked);
    Ok(Answer { status: response.status().as_u16(), headers: lines_of(&response), body, cut, took })
}

/// The body, or the beginning of one that is long; and whether it is longer.
async fn read(response: &mut Response<Incoming>) -> Result<(Vec<u8>, bool), hyper::Error> {
    let mut body = Vec::new();
    while let Some(frame) = response.body_mut().frame().await {
        let frame = frame?;
        let data = frame.data_ref().map_or(&[][..], |data| data);
        if body.len() + data.len() > BODY_BYTES_MAX {
            return Ok((body, true));
        }
        body.extend_from_slice(data);
    }
    Ok((body, false))
}

fn copy_of(request: &ShadowRequest) -> Result<Request<Empty<Bytes>>, http::Error> {
    let mut copy = Request::builder()
        .method(request.method.as_slice())
        .uri(request.target.as_str())
        .body(Empty::new())?;
    let headers = copy.headers_mut();
    for (name, value) in &request.headers {
        headers.append(HeaderName::from_bytes(name)?, HeaderValue::from_bytes(value)?);
    }
    headers.insert(MARK, HeaderValue::from_static("1"));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    Ok(copy)
}

fn lines_of(response: &Response<Incoming>) -> Vec<(String, String)> {
    let line = |(name, value): (&HeaderName, &HeaderValue)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    response.headers().iter().map(line).collect()
}
