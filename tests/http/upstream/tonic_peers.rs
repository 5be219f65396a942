//! A real client and a real server of gRPC (tonic), without a language of interfaces: messages are texts.

use std::{
    future::Future,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::{Buf, BufMut};
use futures_util::{Stream, StreamExt, stream};
use http::uri::PathAndQuery;
use support::http2::{spawn, wait};
use tonic::{
    Request, Response, Status, Streaming,
    body::Body,
    client,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    server,
    server::NamedService,
    transport::{Channel, Endpoint, Server, server::TcpIncoming},
};
use tower::service_fn;

/// How many messages a stream has, and the time between two.
const MESSAGES: usize = 4;
const BETWEEN: Duration = Duration::from_millis(60);

/// Messages are bytes.
#[derive(Debug, Clone, Copy, Default)]
struct Plain;

impl Codec for Plain {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Plain {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Plain {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        let length = from.remaining();
        Ok(Some(from.copy_to_bytes(length).to_vec()))
    }
}

/// A running server. Each of its answers begins with its release.
pub struct GrpcServer {
    /// Where it listens.
    pub address: SocketAddr,
    calls: Calls,
}

/// What a server is asked, and how it answers.
#[derive(Clone)]
struct Calls {
    release: &'static str,
    /// It answers every call with UNAVAILABLE.
    unavailable: Arc<AtomicBool>,
    /// It says by the health protocol that it does not serve.
    resting: Arc<AtomicBool>,
    count: Arc<AtomicUsize>,
}

impl GrpcServer {
    /// A server of a release.
    pub fn start(release: &'static str) -> Self {
        let calls =
            Calls { release, unavailable: Arc::default(), resting: Arc::default(), count: Arc::default() };
        let listener = wait(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        let served = calls.clone();
        spawn(async move {
            let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
            let done = Server::builder()
                .add_service(Health(served.clone()))
                .add_service(served)
                .serve_with_incoming(incoming)
                .await;
            done.expect("it serves");
        });
        Self { address, calls }
    }

    /// From now on every call ends with UNAVAILABLE, or none does.
    pub fn be_unavailable(&self, is: bool) {
        self.calls.unavailable.store(is, Ordering::SeqCst);
    }

    /// From now on it says that it does not serve, or that it does.
    pub fn rest(&self, is: bool) {
        self.calls.resting.store(is, Ordering::SeqCst);
    }

    /// How many calls it got, but for checks.
    pub fn calls(&self) -> usize {
        self.calls.count.load(Ordering::SeqCst)
    }
}

impl NamedService for Calls {
    const NAME: &'static str = "test.Texts";
}

type Answer = Pin<Box<dyn Future<Output = Result<http::Response<Body>, std::convert::Infallible>> + Send>>;

impl tower::Service<http::Request<Body>> for Calls {
    type Response = http::Response<Body>;
    type Error = std::convert::Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Answer {
        let calls = self.clone();
        Box::pin(async move { Ok(calls.answer(request).await) })
    }
}

impl Calls {
    async fn answer(self, request: http::Request<Body>) -> http::Response<Body> {
        let mut grpc = server::Grpc::new(Plain);
        let method = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
        self.count.fetch_add(1, Ordering::SeqCst);
        if self.unavailable.load(Ordering::SeqCst) {
            let message = format!("{} rests", self.release);
            let refuse = move |_: Request<Streaming<Vec<u8>>>| {
                let status = Status::unavailable(message.clone());
                async { Err::<Response<Vec<u8>>, _>(status) }
            };
            return grpc.client_streaming(service_fn(refuse), request).await;
        }
        let release = self.release;
        let unary = move |request: Request<Vec<u8>>| async move {
            Ok(Response::new(said(release, &request.into_inner())))
        };
        let down = move |request: Request<Vec<u8>>| async move {
            let text = said(release, &request.into_inner());
            let messages = stream::iter(0..MESSAGES).then(move |_| slowly(text.clone()));
            Ok(Response::new(messages.map(Ok::<_, Status>)))
        };
        let up = move |request: Request<Streaming<Vec<u8>>>| async move {
            let mut messages = request.into_inner();
            let mut count = 0;
            while messages.message().await?.is_some() {
                count += 1;
            }
            Ok(Response::new(said(release, count.to_string().as_bytes())))
        };
        let both = move |request: Request<Streaming<Vec<u8>>>| async move {
            let messages = request.into_inner();
            Ok(Response::new(messages.map(move |message| Ok::<_, Status>(said(release, &message?)))))
        };
        match method.as_str() {
            "Unary" => grpc.unary(service_fn(unary), request).await,
            "Down" => grpc.server_streaming(service_fn(down), request).await,
            "Up" => grpc.client_streaming(service_fn(up), request).await,
            _ => grpc.streaming(service_fn(both), request).await,
        }
    }
}

fn said(release: &str, text: &[u8]) -> Vec<u8> {
    [release.as_bytes(), b": ", text].concat()
}

async fn slowly(text: Vec<u8>) -> Vec<u8> {
    tokio::time::sleep(BETWEEN).await;
    text
}

/// A kind of call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Unary,
    Down,
    Up,
    Both,
}

/// All kinds.
pub const KINDS: [Kind; 4] = [Kind::Unary, Kind::Down, Kind::Up, Kind::Both];

/// A client, whose calls share a connection.
#[derive(Clone)]
pub struct GrpcClient(Channel);

impl GrpcClient {
    /// A client of a router. It connects with its first call, and again when the connection has ended.
    pub fn of(router: SocketAddr) -> Self {
        let endpoint = Endpoint::from_shared(format!("http://{router}")).expect("it is an address");
        Self(wait(async { endpoint.connect_lazy() }))
    }

    /// Makes a call, and says which release answered all of it.
    pub async fn call(&self, kind: Kind) -> Result<String, Status> {
        let mut grpc = client::Grpc::new(self.0.clone());
        grpc.ready().await.map_err(|error| Status::unknown(error.to_string()))?;
        let path = |method: &'static str| PathAndQuery::from_static(method);
        match kind {
            Kind::Unary => {
                let answer =
                    grpc.unary(Request::new(b"a".to_vec()), path("/test.Texts/Unary"), Plain).await?;
                release(&[answer.into_inner()], 1)
            }
            Kind::Down => {
                let asked = Request::new(b"a".to_vec());
                let answer = grpc.server_streaming(asked, path("/test.Texts/Down"), Plain).await?;
                release(&read(answer.into_inner()).await?, MESSAGES)
            }
            Kind::Up => {
                let asked = Request::new(messages());
                let answer = grpc.client_streaming(asked, path("/test.Texts/Up"), Plain).await?.into_inner();
                assert!(answer.ends_with(MESSAGES.to_string().as_bytes()), "{answer:?}");
                release(&[answer], 1)
            }
            Kind::Both => {
                let asked = Request::new(messages());
                let answer = grpc.streaming(asked, path("/test.Texts/Both"), Plain).await?;
                release(&read(answer.into_inner()).await?, MESSAGES)
            }
        }
    }

    /// A call with one message of so many bytes.
    pub async fn send(&self, bytes: usize) -> Result<Vec<u8>, Status> {
        let mut grpc = client::Grpc::new(self.0.clone());
        grpc.ready().await.map_err(|error| Status::unknown(error.to_string()))?;
        let path = PathAndQuery::from_static("/test.Texts/Unary");
        Ok(grpc.unary(Request::new(vec![b'x'; bytes]), path, Plain).await?.into_inner())
    }
}

fn messages() -> impl Stream<Item = Vec<u8>> + Send + 'static {
    stream::iter(0..MESSAGES).then(|n| slowly(n.to_string().into_bytes()))
}

async fn read(mut answer: Streaming<Vec<u8>>) -> Result<Vec<Vec<u8>>, Status> {
    let mut messages = Vec::new();
    while let Some(message) = answer.message().await? {
        messages.push(message);
    }
    Ok(messages)
}

/// The release of which all messages are, if they are as many as there should be.
fn release(messages: &[Vec<u8>], count: usize) -> Result<String, Status> {
    let of = |message: &Vec<u8>| String::from_utf8_lossy(message).split(':').next().map(str::to_owned);
    let first = messages.first().and_then(of);
    let whole = messages.len() == count && messages.iter().all(|message| of(message) == first);
    first.filter(|_| whole).ok_or_else(|| Status::data_loss(format!("{messages:?}")))
}

/// The health protocol, beside the calls.
#[derive(Clone)]
struct Health(Calls);

impl NamedService for Health {
    const NAME: &'static str = "grpc.health.v1.Health";
}

impl tower::Service<http::Request<Body>> for Health {
    type Response = http::Response<Body>;
    type Error = std::convert::Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Answer {
        let resting = self.0.resting.load(Ordering::SeqCst);
        let check = move |request: Request<Vec<u8>>| async move {
            // A `HealthCheckRequest` with the field 1, and a `HealthCheckResponse` with SERVING or NOT_SERVING.
            match request.into_inner().strip_prefix(b"\x0a\x0atest.Texts") {
                Some([]) => Ok(Response::new(vec![0x08, if resting { 2 } else { 1 }])),
                _ => Err(Status::not_found("no such service")),
            }
        };
        Box::pin(async move { Ok(server::Grpc::new(Plain).unary(service_fn(check), request).await) })
    }
}
