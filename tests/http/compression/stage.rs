//! An app that compresses, its clients, and how they read what they get.

use std::io::Read;
use support::{Endpoint, Response, Router, RouterBuilder, Wire, router};

/// The codings that the router has.
pub const CODINGS: [&str; 3] = ["gzip", "br", "zstd"];

/// A router whose app compresses, in front of this endpoint.
pub fn compressing(endpoint: Endpoint) -> RouterBuilder {
    let settings = r#"{"compression": {"enabled": true}}"#;
    router().stable_on("v1", vec![endpoint]).key("rolling/hello/settings", settings)
}

/// A page of some 20 KB.
pub fn page() -> String {
    (0..400).map(|n| format!("<p>paragraph {n} says {}</p>\n", n * 7_919)).collect()
}

/// The answer to one request with these header lines.
pub fn ask(router: &Router, method: &str, headers: &str) -> Response {
    let mut wire = router.connect();
    send(&mut wire, router, method, headers);
    wire.response(method)
}

/// Sends one request with these header lines.
pub fn send(wire: &mut Wire, router: &Router, method: &str, headers: &str) {
    wire.send(format!("{method} / HTTP/1.1\r\nHost: {}\r\n{headers}\r\n", router.host));
}

/// What can be decoded of these bytes, whether they are whole or not.
pub fn decode(coding: &str, bytes: &[u8]) -> Vec<u8> {
    let mut reader: Box<dyn Read + '_> = match coding {
        "gzip" => Box::new(flate2::read::GzDecoder::new(bytes)),
        "br" => Box::new(brotli::Decompressor::new(bytes, 4_096)),
        "zstd" => Box::new(zstd::stream::read::Decoder::new(bytes).expect("a decoder can be made")),
        other => panic!("the router has no coding {other:?}"),
    };
    let (mut decoded, mut some) = (Vec::new(), [0; 16 * 1024]);
    while let Ok(read @ 1..) = reader.read(&mut some) {
        decoded.extend_from_slice(&some[..read]);
    }
    decoded
}

/// The body of a response as its Content-Encoding says.
pub fn decoded(response: &Response) -> Vec<u8> {
    match response.header("content-encoding") {
        Some(coding) => decode(coding, &response.body),
        None => response.body.clone(),
    }
}

/// The next chunk of a response, which is empty at its end.
pub fn chunk(wire: &mut Wire) -> Vec<u8> {
    let line = String::from_utf8(wire.read_until(b"\r\n")).expect("a chunk's size is text");
    let length = usize::from_str_radix(line.trim_end(), 16).expect("a chunk's size is hexadecimal");
    let bytes = wire.read_exactly(length);
    assert_eq!(wire.read_exactly(2), b"\r\n");
    bytes
}
