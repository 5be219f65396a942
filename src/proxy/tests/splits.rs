//! Property: however a valid message is split into packets, the same bytes are forwarded, and any body comes through
//! any framing.

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::{Arc, LazyLock, Mutex},
};

use proptest::prelude::*;

use super::stage::{Endpoint, Stage, endpoint, read_message, text};

/// One endpoint that replies with whatever the test has put here, in pieces, and one front before it.
struct World {
    stage: Stage,
    endpoint: Endpoint,
    reply: Arc<Mutex<Vec<u8>>>,
}

static WORLD: LazyLock<Mutex<World>> = LazyLock::new(|| {
    let reply = Arc::new(Mutex::new(Vec::new()));
    let script = Arc::clone(&reply);
    let endpoint = endpoint(move |_| script.lock().unwrap().clone());
    Mutex::new(World { stage: Stage::new(&[endpoint.address]), endpoint, reply })
});

/// Sends in pieces of these lengths, over and over; each in a packet of its own as far as the system goes along.
fn send_split(stream: &mut TcpStream, bytes: &[u8], lengths: &[usize]) {
    stream.set_nodelay(true).unwrap();
    let (mut at, mut lengths) = (0, lengths.iter().cycle());
    while at < bytes.len() {
        let end = bytes.len().min(at + lengths.next().copied().unwrap_or(1).max(1));
        stream.write_all(&bytes[at..end]).unwrap();
        std::thread::yield_now();
        at = end;
    }
}

/// A body in chunks of these lengths, with extensions and a trailer.
fn chunked(body: &[u8], lengths: &[usize]) -> Vec<u8> {
    let (mut out, mut at, mut lengths) = (Vec::new(), 0, lengths.iter().cycle());
    while at < body.len() {
        let end = body.len().min(at + lengths.next().copied().unwrap_or(1).max(1));
        out.extend(format!("{:x};x=y\r\n", end - at).into_bytes());
        out.extend(&body[at..end]);
        out.extend(b"\r\n");
        at = end;
    }
    out.extend(b"0\r\nX-Sum: 1\r\n\r\n");
    out
}

/// Reads one chunked message and decodes it, by other means than the router's.
fn read_chunked(stream: &mut TcpStream) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            line.push(byte[0]);
        }
        let size = usize::from_str_radix(text(line).trim_end(), 16).unwrap();
        let mut chunk = vec![0; size + 2];
        if size == 0 {
            let mut rest = Vec::new();
            while !rest.ends_with(b"\r\n\r\n") && rest != b"\r\n" {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                rest.push(byte[0]);
            }
            return body;
        }
        stream.read_exact(&mut chunk).unwrap();
        body.extend_from_slice(&chunk[..size]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn a_request_arrives_the_same_however_it_is_split(
        body in proptest::collection::vec(any::<u8>(), 0..3_000),
        lengths in proptest::collection::vec(1..700_usize, 1..6),
        cookie in "[a-z]{1,8}=[a-z0-9]{0,20}",
    ) {
        let world = WORLD.lock().unwrap();
        *world.reply.lock().unwrap() = super::stage::ok("done");
        let head = format!(
            "PUT /x?y HTTP/1.1\r\nHost: a\r\nCookie: {cookie}; rolling_pin=x\r\nA: b\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let mut stream = world.stage.connect();
        for _ in 0..2 {
            send_split(&mut stream, &[head.as_bytes(), &body].concat(), &lengths);
            prop_assert!(text(read_message(&mut stream).unwrap()).ends_with("done"));
        }
        let mut received = std::mem::take(&mut *world.endpoint.requests.lock().unwrap());
        let (second, first) = (received.pop().unwrap(), received.pop().unwrap());
        prop_assert!(first.ends_with(&body) && second.ends_with(&body));
        let start = first.strip_suffix(&body[..]).unwrap();
        let head = String::from_utf8_lossy(start).into_owned();
        let expected = format!("PUT /x?y HTTP/1.1\r\nhost: a\r\ncookie: {cookie}\r\nA: b\r\n");
        prop_assert!(head.starts_with(&expected), "{}", head);
    }

    #[test]
    fn a_body_survives_any_framing(
        body in proptest::collection::vec(any::<u8>(), 1..40_000),
        lengths in proptest::collection::vec(1..20_000_usize, 1..6),
    ) {
        let world = WORLD.lock().unwrap();
        let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".as_slice();
        *world.reply.lock().unwrap() = [head, &chunked(&body, &lengths)].concat();
        let mut stream = world.stage.connect();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        prop_assert!(text(read_message(&mut stream).unwrap()).contains("transfer-encoding: chunked\r\n"));
        prop_assert_eq!(&read_chunked(&mut stream), &body);
        // The connection is at the start of the next message, on both sides.
        stream.write_all(b"GET / HTTP/1.0\r\nHost: a\r\n\r\n").unwrap();
        let response = super::stage::read_all(&mut stream).unwrap();
        prop_assert!(response.ends_with(&body));
    }
}
