//! The comparison of the router's reading of a request with hyper's: what the router accepts, hyper accepts.
//!
//! The other direction does not hold: the router refuses much that hyper accepts.

use std::{convert::Infallible, sync::mpsc};

use http_body_util::{BodyExt as _, Empty};
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt as _;

use crate::{
    limits::Limits,
    proxy::codec::{body::BodyDecoder, head::HeaderLine, lines::Progress, request::read_request, trailers},
};

/// What we accept, hyper reads the same way: method, target, headers, and the body if it is whole.
pub fn differential(bytes: &[u8]) {
    let Some(ours) = our_reading(bytes) else { return };
    let theirs = hypers_reading(bytes).expect("hyper refuses what we accept");
    assert_eq!(ours.method, theirs.method);
    assert_eq!(ours.path, theirs.path);
    assert_eq!(ours.headers, theirs.headers);
    if ours.body.is_some() {
        assert_eq!(ours.body, theirs.body);
    }
}

/// What a parser made of the first request on a connection.
#[derive(Debug, PartialEq)]
struct Reading {
    method: String,
    path: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Option<Vec<u8>>,
}

fn our_reading(bytes: &[u8]) -> Option<Reading> {
    let (limits, mut lines) = (Limits::default(), Vec::new());
    let Ok(Progress::Complete(request)) = read_request(bytes, &mut lines, &limits) else { return None };
    let (head, length) = (request.head, request.length);
    // hyper has no reading of its own for these: it answers 100 by itself, or hands over the connection.
    if head.minor_version == 0 || head.target == b"*" {
        return None;
    }
    // Browsers send a few bytes in targets that RFC 3986 does not name; hyper's Uri refuses some of them.
    if hyper::Uri::try_from(head.target).is_err() {
        return None;
    }
    let header = |line: &HeaderLine| {
        let name = String::from_utf8_lossy(line.name(head.block)).to_ascii_lowercase();
        (name, line.value(head.block).to_vec())
    };
    let mut headers: Vec<_> = head.lines.iter().map(header).collect();
    headers.sort();
    Some(Reading {
        method: String::from_utf8_lossy(head.method).into_owned(),
        path: match head.target {
            query @ [b'?', ..] => format!("/{}", String::from_utf8_lossy(query)),
            target => String::from_utf8_lossy(target).into_owned(),
        },
        headers,
        body: decode(BodyDecoder::new(head.framing, 1_000), &bytes[length..]),
    })
}

/// The body, if it is all there.
fn decode(mut decoder: BodyDecoder, bytes: &[u8]) -> Option<Vec<u8>> {
    let (mut rest, mut body) = (bytes.to_vec(), Vec::new());
    while !decoder.is_done() && !rest.is_empty() {
        let piece = decoder.decode(&mut rest).ok()?;
        body.extend_from_slice(&rest[piece.data]);
        rest.drain(..piece.consumed);
    }
    // A trailer section is checked when the body has ended: what is wrong in it spoils the body.
    let trailers = decoder.take_trailers();
    trailers::pass_on(&trailers, None, &mut Vec::new(), &mut Vec::new()).ok()?;
    decoder.is_done().then_some(body)
}

fn hypers_reading(bytes: &[u8]) -> Option<Reading> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime starts");
    let (sender, readings) = mpsc::channel();
    runtime.block_on(async {
        let (mut client, server) = tokio::io::duplex(1 << 20);
        client.write_all(bytes).await.expect("the pipe takes it");
        client.shutdown().await.expect("the pipe closes");
        let service = service_fn(|request: Request<Incoming>| {
            let sender = sender.clone();
            async move {
                let _ = sender.send(read(request).await);
                Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
            }
        });
        let _ = hyper::server::conn::http1::Builder::new()
            .half_close(true)
            .max_headers(256)
            .serve_connection(TokioIo::new(server), service)
            .await;
    });
    readings.try_recv().ok()
}

async fn read(request: Request<Incoming>) -> Reading {
    let (parts, body) = request.into_parts();
    let header = |(name, value): (&hyper::header::HeaderName, &hyper::header::HeaderValue)| {
        (name.as_str().to_owned(), value.as_bytes().to_vec())
    };
    let mut headers: Vec<_> = parts.headers.iter().map(header).collect();
    headers.sort();
    Reading {
        method: parts.method.to_string(),
        path: parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
        headers,
        body: body.collect().await.ok().map(|body| body.to_bytes().to_vec()),
    }
}
