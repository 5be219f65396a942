//! A client of HTTP/2 that keeps to the rules, on the library that the router uses too. What breaks them is sent by
//! [`super::frames`].

use super::clock::{PATIENCE, eventually};
use super::message::{Field, Framing, Response};
use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use h2::ext::Protocol;
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Uri};
use rustls::ClientConfig;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock, Mutex};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime can be made")
});

/// Waits for what happens on a connection of HTTP/2, and not for ever.
#[track_caller]
pub fn wait<F: Future>(future: F) -> F::Output {
    RUNTIME.block_on(async { timeout(PATIENCE, future).await }).expect("it happens in time")
}

/// Runs something beside the test, as long as the suite runs.
pub fn spawn(work: impl Future<Output = ()> + Send + 'static) {
    drop(RUNTIME.spawn(work));
}

/// A connection, which several requests use at once.
#[derive(Clone)]
pub struct Http2Client {
    sender: SendRequest<Bytes>,
    scheme: &'static str,
    ended: Arc<Mutex<Option<Result<(), h2::Error>>>>,
}

/// A request under way.
pub struct Exchange {
    /// Its body.
    pub body: SendStream<Bytes>,
    /// Its response, once there is a head.
    pub response: ResponseFuture,
}

impl Http2Client {
    /// Connects without TLS, by prior knowledge.
    pub fn open(address: SocketAddr) -> Self {
        wait(async { Self::begin(TcpStream::connect(address).await.expect("it is accepted"), "http").await })
    }

    /// Connects with TLS. The router must agree on HTTP/2.
    pub fn open_tls(address: SocketAddr, name: &str, trust: &Arc<ClientConfig>) -> Self {
        let mut config = ClientConfig::clone(trust);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let name = name.to_owned().try_into().expect("it is a name");
        wait(async {
            let socket = TcpStream::connect(address).await.expect("it is accepted");
            let stream = TlsConnector::from(Arc::new(config)).connect(name, socket).await;
            let stream = stream.expect("the certificate is trusted");
            assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
            Self::begin(stream, "https").await
        })
    }

    async fn begin<T: AsyncRead + AsyncWrite + Unpin + Send + 'static>(io: T, scheme: &'static str) -> Self {
        let mut builder = h2::client::Builder::new();
        builder.initial_window_size(1 << 20).initial_connection_window_size(1 << 24);
        let (sender, connection) = builder.handshake(io).await.expect("the router speaks HTTP/2");
        let ended = Arc::new(Mutex::new(None));
        let end = Arc::clone(&ended);
        tokio::spawn(async move {
            let done = connection.await;
            *end.lock().unwrap() = Some(done);
        });
        Self { sender, scheme, ended }
    }

    /// How the connection has ended, if it has.
    pub fn ended(&self) -> Option<Result<(), Option<Reason>>> {
        let ended = self.ended.lock().unwrap();
        ended.as_ref().map(|done| done.as_ref().copied().map_err(h2::Error::reason))
    }

    /// Sends the head of a request, written as one of HTTP/1.1: its Host is the authority.
    pub fn begin_request(&self, head: &str, ends: bool) -> Result<Exchange, h2::Error> {
        self.begin_with(self.request(head), ends)
    }

    /// Sends the head of a request.
    pub fn begin_with(&self, request: Request<()>, ends: bool) -> Result<Exchange, h2::Error> {
        let sender = self.sender.clone();
        wait(async {
            let (response, body) = sender.ready().await?.send_request(request, ends)?;
            Ok(Exchange { body, response })
        })
    }

    /// A request, from a head of HTTP/1.1.
    pub fn request(&self, head: &str) -> Request<()> {
        let mut lines = head.lines();
        let mut start = lines.next().expect("a head has a first line").split(' ');
        let method = start.next().expect("it begins with a method").to_owned();
        let target = start.next().expect("a target follows").to_owned();
        let fields: Vec<_> = lines.filter_map(|line| line.split_once(':')).collect();
        let host = fields.iter().find(|(name, _)| name.eq_ignore_ascii_case("host"));
        let host = host.expect("the head has a Host").1.trim();
        let uri: Uri = format!("{}://{host}{target}", self.scheme).parse().expect("it is an address");
        let mut request = Request::builder().method(method.as_str()).uri(uri);
        for (name, value) in fields.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("host")) {
            request = request.header(name.trim(), value.trim());
        }
        request.body(()).expect("it is a request")
    }

    /// Opens a WebSocket (RFC 8441), once the router has said that it can.
    pub fn open_socket(
        &self,
        host: &str,
        target: &str,
        headers: &[(&str, &str)],
    ) -> Result<Exchange, h2::Error> {
        eventually("the router says that it opens WebSockets", || {
            self.sender.is_extended_connect_protocol_enabled()
        });
        let uri: Uri = format!("{}://{host}{target}", self.scheme).parse().expect("it is an address");
        let mut request =
            Request::builder().method("CONNECT").uri(uri).extension(Protocol::from_static("websocket"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.begin_with(request.body(()).expect("it is a request"), false)
    }

    /// The answer to a request without a body, written as one of HTTP/1.1.
    pub fn try_exchange(&self, head: &str) -> Result<Response, h2::Error> {
        self.begin_request(head, true)?.finish()
    }

    /// The same, where there is one.
    #[track_caller]
    pub fn exchange(&self, head: &str) -> Response {
        self.try_exchange(head).unwrap_or_else(|fault| panic!("no response: {fault}"))
    }

    /// The answer to a request with a body.
    #[track_caller]
    pub fn exchange_body(&self, head: &str, body: &[u8]) -> Response {
        let mut exchange = self.begin_request(head, false).expect("it can be sent");
        wait(send_all(&mut exchange.body, body, true)).expect("the router takes the body");
        exchange.finish().expect("there is a response")
    }
}

impl Exchange {
    /// Reads the whole response.
    pub fn finish(self) -> Result<Response, h2::Error> {
        let Self { body, response } = self;
        let read = wait(read_response(response));
        drop(body);
        read
    }

    /// The head of the response: its status, and its body to be read.
    pub fn head(&mut self) -> Result<(u16, Vec<Field>, RecvStream), h2::Error> {
        let (head, body) = wait(&mut self.response)?.into_parts();
        Ok((head.status.as_u16(), fields_of(&head.headers), body))
    }
}

/// Sends bytes as fast as the router takes them.
pub async fn send_all(body: &mut SendStream<Bytes>, bytes: &[u8], ends: bool) -> Result<(), h2::Error> {
    let mut rest = Bytes::copy_from_slice(bytes);
    while !rest.is_empty() {
        body.reserve_capacity(rest.len());
        let room = poll_fn(|cx| body.poll_capacity(cx)).await.ok_or(Reason::CANCEL)??;
        let part = rest.split_to(room.min(rest.len()));
        body.send_data(part, false)?;
    }
    if ends { body.send_data(Bytes::new(), true) } else { Ok(()) }
}

/// Fields of trailers.
pub fn trailers(fields: &[(&str, &str)]) -> HeaderMap {
    let each = fields.iter().map(|(name, value)| {
        let name: HeaderName = name.parse().expect("it is a name");
        (name, HeaderValue::from_str(value).expect("it is a value"))
    });
    each.collect()
}

/// Reads so many bytes of a body, or up to its end. What was read may be sent again by the other side.
pub async fn read_body(body: &mut RecvStream, most: usize) -> Result<Vec<u8>, h2::Error> {
    let mut bytes = Vec::new();
    while bytes.len() < most {
        let Some(part) = body.data().await else { break };
        let part = part?;
        body.flow_control().release_capacity(part.len())?;
        bytes.extend(&part);
    }
    Ok(bytes)
}

async fn read_response(response: ResponseFuture) -> Result<Response, h2::Error> {
    let mut response = response;
    let mut interim = Vec::new();
    while let Some(head) = poll_fn(|cx| response.poll_informational(cx)).await {
        let head = head?;
        interim.push((head.status().as_u16(), fields_of(head.headers())));
    }
    let (head, mut body) = response.await?.into_parts();
    let bytes = read_body(&mut body, usize::MAX).await?;
    let trailers = body.trailers().await?.unwrap_or_default();
    let headers = fields_of(&head.headers);
    let length =
        headers.iter().find(|(name, _)| name == "content-length").and_then(|(_, value)| value.parse().ok());
    Ok(Response {
        status: head.status.as_u16(),
        head: Vec::new(),
        framing: length.map_or(Framing::Chunked, Framing::Length),
        headers,
        body: bytes,
        trailers: fields_of(&trailers),
        interim,
    })
}

fn fields_of(map: &HeaderMap) -> Vec<Field> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    map.iter().map(|(name, value)| (name.to_string(), text(value))).collect()
}
