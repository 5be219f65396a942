//! The same load by HTTP/2: many streams on each connection, calls of gRPC, connections without a stream, and endpoints for gRPC.

use super::{BODY_BYTES, HOST, Kind, Load, open};
use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use h2::{RecvStream, SendStream};
use http::{HeaderMap, HeaderValue, Request, Response};
use std::io;
use std::rc::Rc;
use std::time::Duration;
use tokio::net::TcpListener;

/// How many requests are open on each connection.
const STREAMS: usize = 8;
/// The room that either side gives the other one for a stream, and for all of a connection, in bytes.
const WINDOW: u32 = 1 << 20;
/// A message of gRPC is preceded by a byte and its length.
const PREFIX_BYTES: usize = 5;
/// How long a request's message is, without its prefix.
const ASKED_BYTES: usize = 100;

type Sender = SendRequest<Bytes>;

/// Opens a connection, which is driven by a task of its own from then on.
async fn connect(load: &Rc<Load>) -> io::Result<Sender> {
    let stream = open(load).await?;
    let (sender, connection) = h2::client::Builder::new()
        .initial_window_size(WINDOW)
        .initial_connection_window_size(16 * WINDOW)
        .handshake::<_, Bytes>(stream)
        .await
        .map_err(io::Error::other)?;
    tokio::task::spawn_local(connection);
    Ok(sender)
}

fn request(kind: Kind) -> Request<()> {
    let request = Request::builder()
        .uri(format!("https://{HOST}/catalogue/item?id=12345&ref=home"))
        .header("user-agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36")
        .header("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
        .header("accept-encoding", "gzip, deflate, br")
        .header("accept-language", "en-US,en;q=0.9")
        .header("cookie", "theme=dark; _ga=GA1.1.1234567890.1718000000; session=0123456789abcdef0123456789abcdef");
    let call = Request::post(format!("https://{HOST}/shop.Catalogue/Find"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("user-agent", "grpc-rust/1.0");
    let chosen = if kind == Kind::Calls { call } else { request };
    chosen.body(()).expect("it is a request")
}

fn message(bytes: usize) -> Bytes {
    let mut out = vec![0];
    out.extend(u32::try_from(bytes).expect("it is short").to_be_bytes());
    out.resize(PREFIX_BYTES + bytes, b'x');
    out.into()
}

/// Asks on all streams of one connection after another until the load ends.
pub async fn keep_asking(load: Rc<Load>) {
    while !load.stop.get() {
        let Ok(sender) = connect(&load).await else {
            load.failed.set(load.failed.get() + 1);
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        };
        let streams = (0..STREAMS).map(|_| tokio::task::spawn_local(keep_stream_busy(Rc::clone(&load), sender.clone())));
        for stream in streams.collect::<Vec<_>>() {
            let _ = stream.await;
        }
    }
}

async fn keep_stream_busy(load: Rc<Load>, mut sender: Sender) {
    let asked = message(ASKED_BYTES);
    while !load.stop.get() {
        if let Err(error) = ask(&load, &mut sender, &asked).await {
            if load.failed.replace(load.failed.get() + 1) == 0 {
                eprintln!("{error}");
            }
            return;
        }
    }
}

async fn ask(load: &Load, sender: &mut Sender, asked: &Bytes) -> io::Result<()> {
    let failed = io::Error::other::<h2::Error>;
    let mut ready = sender.clone().ready().await.map_err(failed)?;
    let is_call = load.kind == Kind::Calls;
    let (answer, mut body): (ResponseFuture, SendStream<Bytes>) =
        ready.send_request(request(load.kind), !is_call).map_err(failed)?;
    if is_call {
        body.send_data(asked.clone(), true).map_err(failed)?;
    }
    let answer = answer.await.map_err(failed)?;
    if answer.status() != 200 {
        return Err(io::Error::other(format!("{}", answer.status())));
    }
    let mut body = answer.into_body();
    let got = read(&mut body).await.map_err(failed)?;
    let wanted = if is_call { PREFIX_BYTES + BODY_BYTES } else { BODY_BYTES };
    let status = body.trailers().await.map_err(failed)?;
    let is_ok = !is_call || status.is_some_and(|status| status.get("grpc-status").is_some_and(|code| code == "0"));
    if got != wanted || !is_ok {
        return Err(io::Error::other(format!("{got} bytes of {wanted}, or no grpc-status 0")));
    }
    load.answered.set(load.answered.get() + 1);
    Ok(())
}

async fn read(body: &mut RecvStream) -> Result<usize, h2::Error> {
    let mut got = 0;
    while let Some(data) = body.data().await {
        let count = data?.len();
        body.flow_control().release_capacity(count)?;
        got += count;
    }
    Ok(got)
}

/// A connection that has asked once.
pub async fn asked_once(load: Rc<Load>) -> io::Result<Sender> {
    let mut sender = connect(&load).await?;
    ask(&load, &mut sender, &message(ASKED_BYTES)).await?;
    Ok(sender)
}

/// Serves unary calls of gRPC on these ports, by HTTP/2 without TLS, until it is ended.
pub async fn serve_calls(ports: &[u16]) {
    for port in ports {
        let listener = TcpListener::bind(("127.0.0.1", *port)).await.expect("the port is free");
        tokio::task::spawn_local(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let _ = stream.set_nodelay(true);
                tokio::task::spawn_local(async move {
                    let mut builder = h2::server::Builder::new();
                    builder.initial_window_size(WINDOW).initial_connection_window_size(16 * WINDOW);
                    builder.max_concurrent_streams(1_000);
                    let Ok(mut connection) = builder.handshake::<_, Bytes>(stream).await else { return };
                    while let Some(Ok((call, answer))) = connection.accept().await {
                        tokio::task::spawn_local(serve_call(call, answer));
                    }
                });
            }
        });
    }
    std::future::pending::<()>().await;
}

async fn serve_call(call: Request<RecvStream>, mut answer: h2::server::SendResponse<Bytes>) -> Option<()> {
    read(&mut call.into_body()).await.ok()?;
    let head = Response::builder().header("content-type", "application/grpc").body(()).ok()?;
    let mut body = answer.send_response(head, false).ok()?;
    body.send_data(message(BODY_BYTES), false).ok()?;
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    body.send_trailers(trailers).ok()
}
