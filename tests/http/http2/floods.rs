//! Row 38 of docs/http.md: frames in great numbers that cost the router work and bring nobody anything. The connection ends,
//! memory stays where it was, and other clients are served.

use std::io::Write as _;
use std::time::Duration;
use support::frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, Frames, GOAWAY, HEADERS, Outcome, PING,
    RST_STREAM, SETTINGS, WINDOW_UPDATE, block, frame, get,
};
use support::{Router, clock::pause, router, serving};

/// As many frames as nobody needs.
const MANY: u32 = 5_000;

/// The memory of the router, in KiB, as the kernel counts it.
fn memory_kib(router: &Router) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", router.pid())).expect("it runs");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("the kernel says so");
    line.split_ascii_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("it is a number")
}

/// Sends frames until the router closes, and says how it ended.
fn flood(router: &Router, frames: impl Fn(u32) -> Vec<u8>) -> Outcome {
    let mut connection = Frames::open(router.front);
    let mut reader = connection.stream().try_clone().expect("a socket can be cloned");
    let all: Vec<Vec<u8>> = (0..MANY).map(frames).collect();
    let sending = std::thread::spawn(move || all.iter().all(|bytes| reader.write_all(bytes).is_ok()));
    let ending = connection.ending();
    drop(connection);
    sending.join().expect("it has sent all it could");
    ending
}

fn assert_calmed(what: &str, frames: impl Fn(u32, &str) -> Vec<u8>) {
    let router = router().stable("v1").start();
    router.visitor().get("/");
    let before = memory_kib(&router);
    for _ in 0..5 {
        let ending = flood(&router, |n| frames(n, &router.host));
        assert_eq!(ending, Outcome::Goodbye(ENHANCE_YOUR_CALM), "{what}");
    }
    let grown = memory_kib(&router).saturating_sub(before);
    assert!(grown < 8 * 1_024, "{what}: {grown} KiB more");
    router.visitor().get("/");
}

#[test]
fn row_38_settings() {
    assert_calmed("SETTINGS", |_, _| frame(SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 100]));
}

#[test]
fn row_38_pings() {
    assert_calmed("PING", |n, _| frame(PING, 0, 0, &u64::from(n).to_be_bytes()));
}

#[test]
fn row_38_empty_data() {
    assert_calmed("empty DATA", |n, host| match n {
        0 => frame(HEADERS, END_HEADERS, 1, &block(&get(host, "/"))),
        _ => frame(DATA, 0, 1, &[]),
    });
}

#[test]
fn row_38_rapid_resets() {
    assert_calmed("rapid reset", |n, host| {
        let id = 2 * n + 1;
        let request = frame(HEADERS, END_HEADERS | END_STREAM, id, &block(&get(host, "/")));
        [request, frame(RST_STREAM, 0, id, &8_u32.to_be_bytes())].concat()
    });
}

/// The router itself is made to reset each request, by a window beyond all bounds.
#[test]
fn row_38_made_you_reset() {
    assert_calmed("MadeYouReset", |n, host| {
        let id = 2 * n + 1;
        let request = frame(HEADERS, END_HEADERS | END_STREAM, id, &block(&get(host, "/")));
        [request, frame(WINDOW_UPDATE, 0, id, &0x7fff_ffff_u32.to_be_bytes())].concat()
    });
}

#[test]
fn row_38_continuations() {
    for payload in [&[][..], &block(&[("x-more", "and more")])] {
        assert_calmed("CONTINUATION", |n, host| match n {
            0 => frame(HEADERS, 0, 1, &block(&get(host, "/"))),
            _ => frame(CONTINUATION, 0, 1, payload),
        });
    }
}

/// A few bytes stand for many: one long field is put into the table, and then named again and again.
#[test]
fn row_38_compression_bombs() {
    assert_calmed("HPACK", |n, host| {
        let mut bomb = block(&get(host, "/"));
        bomb.push(0x40);
        let value = "y".repeat(100);
        bomb.extend(&block(&[("x-bomb", &value)])[1..]);
        bomb.extend(vec![0x80 | 62; 10_000]);
        frame(HEADERS, END_HEADERS | END_STREAM, 2 * n + 1, &bomb)
    });
}

/// A client of gRPC measures the way with each message that it gets, and says what it has room for: two frames for a few bytes.
#[test]
fn whoever_answers_each_part_of_a_response_is_no_flood() {
    const PARTS: usize = 1_000;
    let endpoint = serving(|peer| {
        while peer.request().is_some() {
            let mut sent = peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
            for _ in 0..PARTS {
                sent = sent && peer.send("1\r\nx\r\n");
                pause(Duration::from_micros(500));
            }
            assert!(sent && peer.send("0\r\n\r\n"), "the router has left");
        }
    });
    let router = router().stable_on("v1", vec![endpoint]).start();
    let mut client = Frames::open(router.front);
    client.headers(1, &get(&router.host, "/"), END_STREAM);
    let mut bytes = 0;
    loop {
        let frame = client.read().unwrap_or_else(|| panic!("it was closed after {bytes} bytes"));
        assert!(frame.kind != GOAWAY && frame.kind != RST_STREAM, "after {bytes} bytes: {frame:?}");
        if frame.kind == DATA && frame.stream == 1 {
            bytes += frame.payload.len();
            if frame.flags & END_STREAM != 0 {
                break;
            }
            client.frame(PING, 0, 0, &(bytes as u64).to_be_bytes());
            client.frame(WINDOW_UPDATE, 0, 0, &1_u32.to_be_bytes());
        }
    }
    assert_eq!(bytes, PARTS);
}

/// Whoever reads the head of an answer and leaves does what browsers do with what they know already.
#[test]
fn whoever_resets_what_was_answered_is_no_flood() {
    let router = router().stable("v1").start();
    let mut client = Frames::open(router.front);
    for n in 0..MANY / 5 {
        let id = 2 * n + 1;
        client.headers(id, &get(&router.host, "/"), END_STREAM);
        assert_eq!(client.outcome(id), Outcome::Status(200), "request {n}");
        client.frame(RST_STREAM, 0, id, &8_u32.to_be_bytes());
    }
}

/// What a connection keeps that has asked once and waits: the library's buffers and tables, some 22 KB, and nothing that grows.
#[test]
fn an_idle_connection_keeps_little() {
    const COUNT: u64 = 500;
    let router = router().stable("v1").start();
    let ask = || {
        let mut frames = Frames::open(router.front);
        frames.headers(1, &get(&router.host, "/"), END_STREAM);
        assert_eq!(frames.outcome(1), Outcome::Status(200));
        frames
    };
    let _warm: Vec<Frames> = (0..50).map(|_| ask()).collect();
    let before = memory_kib(&router);
    let _idle: Vec<Frames> = (0..COUNT).map(|_| ask()).collect();
    let each = (memory_kib(&router).saturating_sub(before)) * 1_024 / COUNT;
    assert!(each <= 28 * 1_024, "{each} bytes each");
}
