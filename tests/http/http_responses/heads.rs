//! Row 33: response heads that are wrong or could be read in two ways are answered 502, and their connection is dropped.

use super::stage::{SMUGGLED, Stage, each, is_fine, name};
use support::Reply;

/// The client gets one 502 of the router's own, whatever it asked with, and goes on being served.
fn bad_gateway(stage: &Stage, bytes: Vec<u8>) -> Result<(), String> {
    for method in ["GET", "POST", "HEAD"] {
        for reply in [Reply::Bytes(bytes.clone()), Reply::Close(bytes.clone())] {
            stage.poison(reply);
            let mut wire = stage.ask(method);
            let response = wire.try_response(method).map_err(|fault| format!("{method}: {fault:?}"))?;
            if response.status != 502 {
                return Err(format!("{method} was answered {}", response.status));
            }
            if response.header("x-poison").is_some() || response.text().contains("poison") {
                return Err("the poison got through".into());
            }
            if !response.says_close() {
                wire.send(format!("GET /good HTTP/1.1\r\nHost: {}\r\n\r\n", stage.router.host));
                is_fine(&wire.try_response("GET").map_err(|fault| format!("then: {fault:?}"))?)?;
            }
        }
    }
    Ok(())
}

fn run(heads: Vec<Vec<u8>>) {
    let with_more = |head: Vec<u8>| [head, SMUGGLED.as_bytes().to_vec()].concat();
    each(heads.into_iter().map(|head| (name(&head), with_more(head))), bad_gateway);
}

fn ok(headers: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\n{headers}\r\n").into_bytes()
}

#[test]
fn row_33_framing_said_twice_or_wrongly() {
    let headers = [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "transfer-encoding: CHUNKED\r\nX: a\r\ncontent-length: 0\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 6\r\nContent-Length: 5\r\n",
        "Content-Length: 5, 6\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: 0x5\r\n",
        "Content-Length: 5.0\r\n",
        "Content-Length: 1_0\r\n",
        "Content-Length: \r\n",
        "Content-Length: five\r\n",
        "Content-Length: 5 5\r\n",
        "Content-Length: 18446744073709551616\r\n",
        "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 5, 5, 6\r\n",
        "Content-Length: 5,\r\n",
        "Transfer-Encoding: gzip\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: \r\n",
        "Transfer-Encoding: chunked;q=1\r\n",
        "Transfer-Encoding: \"chunked\"\r\n",
        "Transfer-Encoding: \x0bchunked\r\n",
    ];
    run(headers.iter().map(|headers| ok(headers)).collect());
}

#[test]
fn row_33_bytes_that_do_not_belong() {
    let heads: [&[u8]; 17] = [
        b"HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX\0: a\r\n\r\n",
        b"HTTP/1.1 200 OK\0\r\nX: a\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\r\r\n\r\n",
        b"HTTP/1.1 200 OK\rX: a\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\r\n\tb\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n X: a\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX : a\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\n: a\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX A: a\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX\x01: a\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\x01b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\x7fb\r\n\r\n",
    ];
    run(heads.iter().map(|head| head.to_vec()).collect());
}

#[test]
fn row_33_status_lines_that_are_none() {
    let lines = [
        "HTTP/1.1 99 Low",
        "HTTP/1.1 099 Low",
        "HTTP/1.1 1000 High",
        "HTTP/1.1 0 None",
        "HTTP/1.1 abc Word",
        "HTTP/1.1 20 Short",
        "HTTP/1.1 2000 Long",
        "HTTP/1.1 -200 Minus",
        "HTTP/1.1 +20 Plus",
        "HTTP/1.1 200OK",
        "HTTP/1.1",
        "HTTP/1.1 ",
        "HTTP/2.0 200 OK",
        "HTTP/9.9 200 OK",
        "HTTP/0.9 200 OK",
        "HTTP/1.1200 OK",
        "http/1.1 200 OK",
        "ICY 200 OK",
        "garbage",
        "200 OK",
        " HTTP/1.1 200 OK",
        "HTTP/1.1  200 OK",
        "GET / HTTP/1.1",
        "SSH-2.0-OpenSSH_9.2",
        "<html>hello</html>",
    ];
    run(lines.iter().map(|line| format!("{line}\r\nX: a\r\n\r\n").into_bytes()).collect());
}

#[test]
fn row_33_a_101_that_nobody_asked_for() {
    let heads = [
        "HTTP/1.1 101 Switching Protocols\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
    ];
    run(heads.iter().map(|head| head.as_bytes().to_vec()).collect());
}

#[test]
fn row_33_heads_beyond_any_use() {
    let many: String = (0..5_000).map(|n| format!("X-{n}: a\r\n")).collect();
    let cases = [
        ("1,001 headers", ok(&"X: a\r\n".repeat(1_001))),
        ("a header of 65 KiB", ok(&format!("X: {}\r\n", "a".repeat(65 * 1024)))),
        ("a header of 1 MB", ok(&format!("X: {}\r\n", "a".repeat(1_000_000)))),
        ("5,000 headers", ok(&many)),
        ("a reason of 1 MB", format!("HTTP/1.1 200 {}\r\n\r\n", "a".repeat(1_000_000)).into_bytes()),
        ("no line end within 1 MB", vec![b'A'; 1_000_000]),
    ];
    each(cases.map(|(name, head)| (name.to_owned(), head)), bad_gateway);
}

#[test]
fn row_33_connections_that_end_before_a_head() {
    let starts = [
        "",
        "H",
        "HTTP/1.1 200 OK",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\nX: a\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r",
    ];
    let ends = starts.iter().flat_map(|start| {
        let bytes = start.as_bytes().to_vec();
        [
            (format!("{start:?}, close"), Reply::Close(bytes.clone())),
            (format!("{start:?}, reset"), Reply::Reset(bytes)),
        ]
    });
    each(ends, |stage, reply| {
        stage.poison(reply);
        for method in ["GET", "POST"] {
            let response = stage.ask(method).try_response(method).map_err(|fault| format!("{fault:?}"))?;
            if response.status != 502 {
                return Err(format!("{method} was answered {}", response.status));
            }
        }
        Ok(())
    });
}
