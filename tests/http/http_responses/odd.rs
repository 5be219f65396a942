//! Odd but valid responses arrive as they are; what is hop-by-hop stays on its hop; an upgrade needs a real 101 (row 30).

use super::stage::Stage;
use support::visitor::PIN;
use support::websocket::{ACCEPT, upgrade};
use support::{Framing, Reply, Response};

fn answer(stage: &Stage, reply: &str) -> Response {
    stage.poison(Reply::Bytes(reply.as_bytes().to_vec()));
    stage.ask("GET").response("GET")
}

#[test]
fn odd_but_valid_heads_arrive_as_they_are() {
    let stage = Stage::new();
    for line in [
        "HTTP/1.1 200 ",
        "HTTP/1.1 200",
        "HTTP/1.0 200 OK",
        "HTTP/1.1 299 Strange \u{e9}",
        "HTTP/1.1 599 X",
        "HTTP/1.1 499 Y",
    ] {
        let response =
            answer(&stage, &format!("{line}\r\nContent-Length: 5\r\nX-Odd:\r\nX-odd:  a  b \t\r\n\r\nhello"));
        let status: u16 = line[9..12].parse().expect("a status");
        assert_eq!((response.status, response.text().as_str()), (status, "hello"), "{line}");
        assert_eq!(response.header_all("x-odd"), ["", "a  b"], "{line}");
    }
}

/// A framework and the server in front of it both write the framing: it means the same as once.
#[test]
fn row_42_framing_that_is_repeated_goes_on_once_and_is_counted() {
    let stage = Stage::new();
    let chunked = "Transfer-Encoding: chunked\r\n";
    for (headers, body, framing) in [
        ("Content-Length: 5\r\nContent-Length: 5\r\n".to_owned(), "hello", Framing::Length(5)),
        ("Content-Length: 5\r\nX: a\r\ncontent-length: 5\r\n".to_owned(), "hello", Framing::Length(5)),
        ("Content-Length: 5, 5\r\n".to_owned(), "hello", Framing::Length(5)),
        (format!("{chunked}{chunked}"), "5\r\nhello\r\n0\r\n\r\n", Framing::Chunked),
        (
            format!("{chunked}X: a\r\ntransfer-encoding: CHUNKED\r\n"),
            "5\r\nhello\r\n0\r\n\r\n",
            Framing::Chunked,
        ),
    ] {
        let response = answer(&stage, &format!("HTTP/1.1 200 OK\r\n{headers}\r\n{body}"));
        assert_eq!(
            (response.status, response.text().as_str(), response.framing),
            (200, "hello", framing),
            "{headers:?}"
        );
        let said =
            response.header_all("content-length").len() + response.header_all("transfer-encoding").len();
        assert_eq!(said, 1, "{headers:?}");
    }
    let counted = stage.router.api().metrics().sum("rolling_responses_repeating_framing_total", &[]);
    assert_eq!(counted, 5.0);
}

/// A page with 140 lines (policies, cookies, timings) was a 502.
#[test]
fn long_heads_of_endpoints_arrive_whole() {
    let stage = Stage::new();
    for (count, length) in [(140, 40), (999, 50), (20, 3_000), (1, 64_000)] {
        let lines: String = (0..count).map(|n| format!("X-{n}: {}\r\n", "a".repeat(length))).collect();
        let response = answer(&stage, &format!("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n{lines}\r\nhello"));
        assert_eq!((response.status, response.text().as_str()), (200, "hello"), "{count} lines");
        let last = format!("x-{}", count - 1);
        assert_eq!(response.header(&last).map(str::len), Some(length), "{count} lines");
    }
}

#[test]
fn hop_by_hop_headers_stay_on_their_hop() {
    let stage = Stage::new();
    let response = answer(
        &stage,
        "HTTP/1.1 200 OK\r\nConnection: X-Hop, keep-alive\r\nX-Hop: a\r\nKeep-Alive: timeout=5\r\n\
         Proxy-Connection: keep-alive\r\nUpgrade: h2c\r\nX-Kept: yes\r\nContent-Length: 5\r\n\r\nhello",
    );
    assert_eq!(response.header("x-kept"), Some("yes"));
    for name in ["x-hop", "keep-alive", "proxy-connection", "upgrade"] {
        assert_eq!(response.header(name), None, "{name}");
    }
    let response = answer(&stage, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello");
    assert!(!response.says_close(), "the endpoint's close is no reason to close on the client");
}

#[test]
fn headers_that_connection_cannot_remove_from_a_response() {
    let stage = Stage::new();
    let response = answer(
        &stage,
        "HTTP/1.1 200 OK\r\nConnection: Content-Length, Set-Cookie\r\nSet-Cookie: a=b\r\nContent-Length: 5\r\n\r\nhello",
    );
    assert_eq!(response.text(), "hello");
    assert!(response.header_all("set-cookie").contains(&"a=b"));
}

#[test]
fn an_endpoint_cannot_set_the_routers_cookie() {
    let stage = Stage::new();
    let cookies = format!(
        "Set-Cookie: {PIN}=evil; Path=/\r\nSet-Cookie: a=b\r\nset-cookie:{PIN}=evil\r\nSet-Cookie: {PIN}x=c\r\n"
    );
    let response = answer(&stage, &format!("HTTP/1.1 200 OK\r\n{cookies}Content-Length: 0\r\n\r\n"));
    let all = response.header_all("set-cookie");
    assert!(all.contains(&"a=b") && all.contains(&format!("{PIN}x=c").as_str()), "{all:?}");
    assert!(all.iter().all(|cookie| !cookie.contains("evil")), "{all:?}");
}

#[test]
fn chunked_answers_reach_old_clients_without_chunks() {
    let stage = Stage::new();
    stage.poison(Reply::Bytes(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n".to_vec(),
    ));
    let mut wire = stage.router.connect();
    wire.send(format!("GET /poison HTTP/1.0\r\nHost: {}\r\n\r\n", stage.router.host));
    let response = wire.response("GET");
    assert_eq!((response.framing, response.text().as_str()), (Framing::Close, "hello"));
}

#[test]
fn chunk_extensions_of_an_endpoint_are_stripped() {
    let stage = Stage::new();
    let response =
        answer(&stage, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0;c\r\n\r\n");
    assert_eq!(response.text(), "hello");
}

#[test]
fn row_30_an_upgrade_that_is_declined_stays_http() {
    let stage = Stage::new();
    for status in ["200 OK", "400 Bad Request", "426 Upgrade Required", "503 Service Unavailable"] {
        stage.poison(Reply::response(status, &[], "no tunnel"));
        let mut wire = stage.router.connect();
        wire.send(upgrade("/poison", &stage.router.host));
        let response = wire.response("GET");
        assert_eq!(
            (response.status.to_string().as_str(), response.text().as_str()),
            (&status[..3], "no tunnel")
        );
        if !response.says_close() {
            wire.assert_usable(&stage.router.host);
        }
    }
}

#[test]
fn row_30_what_is_sent_behind_a_declined_upgrade_is_no_tunnel() {
    let stage = Stage::new();
    stage.poison(Reply::response("403 Forbidden", &[], ""));
    let mut wire = stage.router.connect();
    // If the router tunnelled, the endpoint would read the second request on the first one's connection, pin and all.
    let second = format!("GET /good HTTP/1.1\r\nHost: {}\r\nX_Smuggled: a\r\n\r\n", stage.router.host);
    wire.send(format!("{}{second}", upgrade("/poison", &stage.router.host)));
    assert_eq!(wire.response("GET").status, 403);
    if wire.try_response("GET").is_ok() {
        let seen = stage.router.endpoint("v1").take();
        assert!(seen.iter().all(|received| received.faults.is_empty()), "{seen:?}");
    }
}

#[test]
fn row_30_a_101_for_another_protocol_is_none() {
    let stage = Stage::new();
    let answers = [
        "HTTP/1.1 101 Switching Protocols\r\n\r\n".to_owned(),
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n".to_owned(),
        format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: foo\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {ACCEPT}\r\n\r\n"
        ),
    ];
    for answer in answers {
        stage.poison(Reply::Bytes(answer.clone().into_bytes()));
        let mut wire = stage.router.connect();
        wire.send(upgrade("/poison", &stage.router.host));
        assert_eq!(wire.response("GET").status, 502, "{answer:?}");
    }
    stage.assert_clean().expect("nothing is left over");
}
