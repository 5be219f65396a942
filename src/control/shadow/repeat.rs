//! One copy of a request, asked of one endpoint on a connection of its own.

use std::{error::Error, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::{
    Request, Response,
    body::Incoming,
    client::conn::http1,
    header::{ACCEPT_ENCODING, CONNECTION, HeaderMap, HeaderName, HeaderValue},
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};

use crate::{
    client_tls::TlsClient,
    clock::Clock,
    endpoint_sockets::connect,
    health_check::http2::with_authority,
    live::shadow::ShadowRequest,
    rollout::{
        address::Address,
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
pub async fn repeat(request: &ShadowRequest, address: Address, settings: &Settings, clock: &Clock) -> Reply {
    match timeout(ANSWER_MAX, ask(request, address, settings, clock)).await {
        Ok(Ok(answer)) => Reply::Answer(answer),
        Ok(Err(why)) => Reply::Nothing(why),
        Err(_) => Reply::Nothing(format!("no answer within {} s", ANSWER_MAX.as_secs())),
    }
}

async fn ask(
    request: &ShadowRequest,
    address: Address,
    settings: &Settings,
    clock: &Clock,
) -> Result<Answer, String> {
    let stream = connect(address).await.map_err(|error| format!("no connection: {error}"))?;
    let http2 = settings.upstream.is_http2();
    let Some(tls) = TlsClient::for_app(settings) else {
        return ask_on(stream, request, (http2, false), clock).await;
    };
    let session = tls.handshake(stream, address, http2).await.map_err(|fault| fault.to_string())?;
    ask_on(session, request, (http2, true), clock).await
}

async fn ask_on(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: &ShadowRequest,
    (http2, is_secure): (bool, bool),
    clock: &Clock,
) -> Result<Answer, String> {
    let copy = copy_of(request).map_err(|error| format!("it cannot be repeated: {error}"))?;
    if http2 {
        return ask_over_http2(stream, copy, is_secure, clock)
            .await
            .map_err(|error| format!("no answer: {error}"));
    }
    let failed = |error: hyper::Error| format!("no answer: {error}");
    let mut builder = http1::Builder::new();
    let handshake = builder.max_buf_size(BUFFER_BYTES_MAX).handshake(TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.map_err(failed)?;
    tokio::spawn(timeout(ANSWER_MAX, connection));
    let asked = clock.monotonic();
    let mut response = sender.send_request(copy).await.map_err(failed)?;
    let (body, cut) = read(&mut response).await.map_err(failed)?;
    let took = clock.monotonic().saturating_sub(asked);
    Ok(Answer { status: response.status().as_u16(), headers: lines_of(response.headers()), body, cut, took })
}

async fn ask_over_http2(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    copy: Request<Empty<Bytes>>,
    is_secure: bool,
    clock: &Clock,
) -> Result<Answer, Box<dyn Error + Send + Sync>> {
    let (sender, connection) = h2::client::handshake(stream).await?;
    tokio::spawn(timeout(ANSWER_MAX, connection));
    let copy = with_authority(copy, is_secure)?;
    let asked = clock.monotonic();
    let (response, _) = sender.ready().await?.send_request(copy, true)?;
    let (head, mut stream) = response.await?.into_parts();
    let (mut body, mut cut) = (Vec::new(), false);
    while let Some(data) = stream.data().await {
        let data = data?;
        stream.flow_control().release_capacity(data.len())?;
        cut = body.len() + data.len() > BODY_BYTES_MAX;
        if cut {
            break;
        }
        body.extend_from_slice(&data);
    }
    let took = clock.monotonic().saturating_sub(asked);
    Ok(Answer { status: head.status.as_u16(), headers: lines_of(&head.headers), body, cut, took })
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

fn lines_of(headers: &HeaderMap) -> Vec<(String, String)> {
    let line = |(name, value): (&HeaderName, &HeaderValue)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    headers.iter().map(line).collect()
}
