//! What reading a head costs: a browser's request, an application's response, the pin out of a cookie header, one chunk.
//!
//! `cargo bench --bench heads`. Run it alone: it measures nanoseconds.

use divan::{Bencher, black_box};
use rolling_router::{
    limits::Limits,
    proxy::{
        codec::{body::BodyDecoder, head::Framing, request::read_request, response::read_response},
        rewrite::cookie,
    },
};

fn main() {
    divan::main();
}

/// What a browser sends for a page, about 620 bytes with its cookies.
const REQUEST: &[u8] = b"GET /catalogue/item?id=12345&ref=home HTTP/1.1\r\nHost: shop.example.test\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36\r\n\
    Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n\
    Accept-Encoding: gzip, deflate, br\r\nAccept-Language: en-US,en;q=0.9\r\n\
    Referer: http://shop.example.test/catalogue/index.html\r\n\
    Cookie: theme=dark; _ga=GA1.1.1234567890.1718000000; rolling_pin=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA; \
    session=0123456789abcdef0123456789abcdef\r\nConnection: keep-alive\r\n\r\n";

/// What an API client sends.
const SHORT_REQUEST: &[u8] =
    b"GET /health HTTP/1.1\r\nHost: shop.example.test\r\nUser-Agent: curl/8\r\nAccept: */*\r\n\r\n";

/// What an application answers with.
const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\nServer: lab\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\n\
    Content-Type: text/html; charset=utf-8\r\nCache-Control: private, max-age=0\r\nETag: \"5f3c-61a2b3c4d5e6f\"\r\n\
    Vary: Accept-Encoding\r\nX-Request-Id: 7b1c2d3e-4f50-6172-8394-a5b6c7d8e9f0\r\nContent-Length: 1024\r\n\
    Connection: keep-alive\r\n\r\n";

const COOKIE: &[u8] = b"theme=dark; _ga=GA1.1.1234567890.1718000000; \
    rolling_pin=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA; session=0123456789abcdef0123456789abcdef";

#[divan::bench]
fn request_of_a_browser(bencher: Bencher<'_, '_>) {
    let (limits, mut lines) = (Limits::default(), Vec::new());
    bencher.bench_local(|| read_request(black_box(REQUEST), &mut lines, &limits).is_ok());
}

#[divan::bench]
fn request_of_a_program(bencher: Bencher<'_, '_>) {
    let (limits, mut lines) = (Limits::default(), Vec::new());
    bencher.bench_local(|| read_request(black_box(SHORT_REQUEST), &mut lines, &limits).is_ok());
}

#[divan::bench]
fn response_of_an_application(bencher: Bencher<'_, '_>) {
    let (limits, mut lines) = (Limits::default(), Vec::new());
    bencher.bench_local(|| read_response(black_box(RESPONSE), &mut lines, &limits, false).is_ok());
}

#[divan::bench]
fn pin_out_of_a_cookie_header(bencher: Bencher<'_, '_>) {
    bencher.bench_local(|| cookie::find(black_box(COOKIE), b"rolling_pin").count());
}

#[divan::bench]
fn sixteen_chunks_of_1_kib(bencher: Bencher<'_, '_>) {
    let mut body = Vec::new();
    for _ in 0..16 {
        body.extend(b"400\r\n");
        body.extend([b'x'; 1024]);
        body.extend(b"\r\n");
    }
    body.extend(b"0\r\n\r\n");
    bencher.with_inputs(|| body.clone()).bench_local_values(|mut bytes| {
        let mut decoder = BodyDecoder::new(Framing::Streamed, 16 << 10);
        let mut at = 0;
        while at < bytes.len() && !decoder.is_done() {
            let Ok(piece) = decoder.decode(&mut bytes[at..]) else { return at };
            at += piece.consumed.max(1);
        }
        at
    });
}
