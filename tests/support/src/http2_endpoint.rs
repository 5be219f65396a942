//! An endpoint that speaks HTTP/2 by prior knowledge, on the library that the router uses too. Behind a
//! [`super::tls_front::TlsFront`] it speaks it in TLS.

use super::http2::{read_body, spawn, trailers};
use bytes::Bytes;
use h2::server::{Builder, SendResponse};
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, Request, Response};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::net::{TcpListener, TcpStream};

/// A running endpoint. What it does is up to the path:
///
/// | path | what |
/// |---|---|
/// | `/mirror` | sends back each part of the body as it comes, and its trailers |
/// | `/refuse` | refuses the stream, unless the last one was refused |
/// | `/goodbye` | answers, and says goodbye |
/// | `/early` | answers before it has the body, of which it wants no more (RFC 9113 section 8.1) |
/// | `/hang` | never answers |
/// | `/cut` | resets the stream inside the body |
/// | `/long` | answers with 4 MB |
/// | other | answers with the request as text, and with its body |
pub struct Http2Endpoint {
    /// Where it listens.
    pub address: SocketAddr,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    connections: AtomicUsize,
    /// Requests by path.
    requests: Mutex<HashMap<String, usize>>,
    refused: AtomicUsize,
}

impl Http2Endpoint {
    /// One that says in `X-Release` which release it is, and takes so many requests at once on a connection.
    pub fn start(release: &str, streams_max: u32) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
        listener.set_nonblocking(true).expect("a listener takes it");
        let address = listener.local_addr().expect("a listener has an address");
        let seen = Arc::<Seen>::default();
        spawn(accept(listener, release.to_owned(), streams_max, Arc::clone(&seen)));
        Self { address, seen }
    }

    /// How many connections it has accepted that spoke HTTP/2.
    pub fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::SeqCst)
    }

    /// How many requests came for a path.
    pub fn requests(&self, path: &str) -> usize {
        self.seen.requests.lock().unwrap().get(path).copied().unwrap_or(0)
    }
}

async fn accept(listener: std::net::TcpListener, release: String, streams_max: u32, seen: Arc<Seen>) {
    let listener = TcpListener::from_std(listener).expect("it does not block");
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(serve(stream, release.clone(), streams_max, Arc::clone(&seen)));
    }
}

async fn serve(stream: TcpStream, release: String, streams_max: u32, seen: Arc<Seen>) {
    let mut builder = Builder::new();
    builder.max_concurrent_streams(streams_max);
    let Ok(mut connection) = builder.handshake::<_, Bytes>(stream).await else { return };
    seen.connections.fetch_add(1, Ordering::SeqCst);
    while let Some(Ok((request, respond))) = connection.accept().await {
        let path = request.uri().path().to_owned();
        *seen.requests.lock().unwrap().entry(path.clone()).or_default() += 1;
        if path == "/goodbye" {
            connection.graceful_shutdown();
        }
        let (release, seen) = (release.clone(), Arc::clone(&seen));
        tokio::spawn(async move {
            // A client that has gone is no failure of the endpoint.
            let _ = answer(request, respond, &release, &seen).await;
        });
    }
}

async fn answer(
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    release: &str,
    seen: &Seen,
) -> Result<(), h2::Error> {
    let path = request.uri().path().to_owned();
    let head = || Response::builder().header("x-release", release).body(()).expect("it is a response");
    let text = text_of(&request);
    let mut body = request.into_body();
    match path.as_str() {
        "/refuse" if seen.refused.fetch_add(1, Ordering::SeqCst).is_multiple_of(2) => {
            respond.send_reset(Reason::REFUSED_STREAM);
            Ok(())
        }
        "/early" => {
            let mut sender = respond.send_response(head(), false)?;
            // Once the handles are dropped, the library sends RST_STREAM with NO_ERROR behind it.
            sender.send_data(Bytes::from_static(b"enough"), true)
        }
        "/hang" => std::future::pending().await,
        "/mirror" => mirror(body, respond.send_response(head(), false)?).await,
        "/cut" => {
            let mut sender = respond.send_response(head(), false)?;
            send(&mut sender, b"some of it").await?;
            sender.send_reset(Reason::INTERNAL_ERROR);
            Ok(())
        }
        "/long" => {
            let mut sender = respond.send_response(head(), false)?;
            send(&mut sender, &vec![b'x'; 4 << 20]).await?;
            sender.send_data(Bytes::new(), true)
        }
        _ => {
            let received = read_body(&mut body, usize::MAX).await?;
            let mut sender = respond.send_response(head(), false)?;
            send(&mut sender, text.as_bytes()).await?;
            send(&mut sender, &received).await?;
            sender.send_trailers(trailers(&[("x-sum", "42")]))
        }
    }
}

/// The request as text: its pseudo-headers, and its fields.
fn text_of(request: &Request<RecvStream>) -> String {
    let uri = request.uri();
    let (scheme, authority) = (uri.scheme_str(), uri.authority().map(|authority| authority.as_str()));
    let target = uri.path_and_query().map(|target| target.as_str());
    let mut text = format!("{} {target:?} {scheme:?} {authority:?}\n", request.method());
    for (name, value) in request.headers() {
        text.push_str(&format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes())));
    }
    text
}

async fn mirror(mut body: RecvStream, mut sender: SendStream<Bytes>) -> Result<(), h2::Error> {
    while let Some(part) = body.data().await {
        let part = part?;
        body.flow_control().release_capacity(part.len())?;
        send(&mut sender, &part).await?;
    }
    let trailers: HeaderMap = body.trailers().await?.unwrap_or_default();
    sender.send_trailers(trailers)
}

async fn send(sender: &mut SendStream<Bytes>, bytes: &[u8]) -> Result<(), h2::Error> {
    super::http2::send_all(sender, bytes, false).await
}
