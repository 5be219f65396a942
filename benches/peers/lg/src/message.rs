//! The messages both ends exchange: a request as a browser sends it (about 620 bytes, three cookies beside the pin),
//! a response as an application sends it (about 330 bytes of head, then the body).

use crate::options::Options;

const AGENT: &str =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36";
const ACCEPT: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8";

/// The end of a WebSocket handshake, with the key of RFC 6455 section 1.3.
const HANDSHAKE: &[u8] = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
/// What accepts it.
const ACCEPTED: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// A whole request; `pin` is `name=value` as it was set.
pub fn request(options: &Options, pin: Option<&[u8]>) -> Vec<u8> {
    let (host, path, body) = (&options.host, &options.path, options.request_body);
    let encodings = if options.json { "gzip" } else { "gzip, deflate, br" };
    let method = if body > 0 { "POST" } else { "GET" };
    let mut out = format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {AGENT}\r\nAccept: {ACCEPT}\r\n\
         Accept-Encoding: {encodings}\r\nAccept-Language: en-US,en;q=0.9\r\n\
         Referer: http://{host}/catalogue/index.html\r\nCookie: theme=dark; _ga=GA1.1.1234567890.1718000000"
    )
    .into_bytes();
    if let Some(pin) = pin {
        out.extend(b"; ");
        out.extend(pin);
    }
    out.extend(b"; session=0123456789abcdef0123456789abcdef\r\n");
    if body > 0 {
        out.extend(
            format!("Content-Type: application/octet-stream\r\nContent-Length: {body}\r\n").into_bytes(),
        );
    }
    if options.websocket {
        out.extend(HANDSHAKE);
        return out;
    }
    out.extend(b"Connection: keep-alive\r\n\r\n");
    out.resize(out.len() + body, b'x');
    out
}

/// A whole response of endpoint `endpoint` (counted from 0).
pub fn response(options: &Options, endpoint: usize) -> Vec<u8> {
    if options.websocket {
        return ACCEPTED.to_vec();
    }
    let media_type = if options.json { "application/json" } else { "text/html; charset=utf-8" };
    let mut out = format!(
        "HTTP/1.1 200 OK\r\nServer: lab\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\n\
         Content-Type: {media_type}\r\nCache-Control: private, max-age=0\r\n\
         ETag: \"5f3c-61a2b3c4d5e6f\"\r\nVary: Accept-Encoding\r\n\
         X-Request-Id: 7b1c2d3e-4f50-6172-8394-a5b6c7d8e9f0\r\nX-Endpoint: s{}\r\n",
        endpoint + 1
    )
    .into_bytes();
    if options.chunked {
        out.extend(b"Transfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n");
        push_chunks(&mut out, options.response_body);
    } else {
        let length = options.response_body;
        out.extend(format!("Content-Length: {length}\r\nConnection: keep-alive\r\n\r\n").into_bytes());
        let end = out.len() + length;
        if options.json {
            push_json(&mut out, end);
        }
        out.resize(end, b'x');
    }
    out
}

/// A list of items as an application sends it, as far as it fits; always the same.
fn push_json(out: &mut Vec<u8>, end: usize) {
    const WORDS: [&str; 16] = [
        "amber", "birch", "cedar", "delta", "ember", "flint", "grove", "heron", "ivory", "jasper", "kelp", "linen", "maple",
        "north", "ochre", "pearl",
    ];
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        // xorshift64: numbers that do not compress, the same in every run.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut word = |many: usize| (0..many).map(|_| WORDS[(next() >> 33) as usize % WORDS.len()]).collect::<Vec<_>>().join(" ");
    let mut numbers = 0x2545_f491_4f6c_dd1d_u64;
    for item in 0.. {
        numbers = numbers.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let line = format!(
            "{{\"id\":{},\"name\":\"{}\",\"price\":{}.{:02},\"in_stock\":{},\"tags\":[\"{}\",\"{}\"],\"description\":\"{}\"}},",
            numbers >> 40,
            word(2),
            numbers >> 54,
            (numbers >> 20) % 100,
            item % 3 != 0,
            word(1),
            word(1),
            word(9)
        );
        if out.len() + line.len() > end {
            return;
        }
        out.extend(line.into_bytes());
    }
}

fn push_chunks(out: &mut Vec<u8>, mut left: usize) {
    while left > 0 {
        let size = left.min(4096);
        out.extend(format!("{size:x}\r\n").into_bytes());
        out.resize(out.len() + size, b'x');
        out.extend(b"\r\n");
        left -= size;
    }
    out.extend(b"0\r\n\r\n");
}

/// All values of a header, in any case of its name.
pub fn headers<'a>(head: &'a [u8], name: &'a str) -> impl Iterator<Item = &'a [u8]> + 'a {
    head.split(|byte| *byte == b'\n').skip(1).filter_map(move |line| {
        let (before, value) = line.split_at_checked(name.len() + 1)?;
        let named = before[..name.len()].eq_ignore_ascii_case(name.as_bytes()) && before[name.len()] == b':';
        named.then(|| value.trim_ascii())
    })
}

/// The first value of a header.
pub fn header<'a>(head: &'a [u8], name: &'a str) -> Option<&'a [u8]> {
    headers(head, name).next()
}

/// The declared length of a body.
pub fn content_length(head: &[u8]) -> Option<usize> {
    header(head, "content-length")
        .and_then(|value| std::str::from_utf8(value).ok())
        .and_then(|text| text.parse().ok())
}
