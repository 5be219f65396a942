//! HTTP/2 to clients: with TLS and without, all that HTTP/1.1 can do, and what only HTTP/2 can get wrong.

mod basics;
mod bodies;
mod floods;
mod goodbyes;
mod malformed;
mod sockets;

use support::Router;
use support::http2::Http2Client;

/// A GET as it is written for HTTP/1.1.
fn get(router: &Router, target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: {}\r\n\r\n", router.host)
}

/// A connection without TLS.
fn open(router: &Router) -> Http2Client {
    Http2Client::open(router.front)
}
