//! WebSockets: tunnelled to the release that the pin names, frame by frame, until either side ends them.

use support::router;
use support::websocket::{BINARY, CLOSE, PING, Socket, TEXT, echo_sockets, frame, masked_frame, upgrade};

#[test]
fn frames_pass_both_ways() {
    let router = router().stable_on("v1", vec![echo_sockets("v1")]).start();
    let mut socket = Socket::open(&router, "/chat", "");
    assert_eq!(socket.release, "v1");
    for text in ["hello", "", "a longer text, with \u{e9}"] {
        socket.assert_echo(text);
    }
    for length in [125, 126, 65_535, 65_536, 1_000_000] {
        let payload = vec![b'x'; length];
        socket.send(&masked_frame(BINARY, &payload));
        assert_eq!(socket.frame(), Some((BINARY, payload)));
    }
    socket.send(&masked_frame(PING, b"ping"));
    assert_eq!(socket.frame(), Some((PING, b"ping".to_vec())));
}

#[test]
fn frames_may_come_in_any_pieces() {
    let router = router().stable_on("v1", vec![echo_sockets("v1")]).start();
    let mut socket = Socket::open(&router, "/chat", "");
    let bytes =
        [masked_frame(TEXT, b"one"), masked_frame(BINARY, &[7; 300]), masked_frame(TEXT, b"two")].concat();
    for size in [1, 2, 3, 7, 64, bytes.len()] {
        for piece in bytes.chunks(size) {
            socket.send(piece);
        }
        assert_eq!(socket.frame(), Some((TEXT, b"one".to_vec())));
        assert_eq!(socket.frame(), Some((BINARY, vec![7; 300])));
        assert_eq!(socket.frame(), Some((TEXT, b"two".to_vec())));
    }
}

#[test]
fn a_frame_may_come_right_behind_the_handshake() {
    let router = router().stable_on("v1", vec![echo_sockets("v1")]).start();
    let mut wire = router.connect();
    let bytes = [upgrade("/chat", &router.host).into_bytes(), masked_frame(TEXT, b"eager")].concat();
    wire.send(bytes);
    assert_eq!(wire.response("GET").status, 101);
    assert_eq!(wire.read_exactly(7), frame(TEXT, b"eager"));
}

#[test]
fn closing_passes_too() {
    let router = router().stable_on("v1", vec![echo_sockets("v1")]).start();
    let mut socket = Socket::open(&router, "/chat", "");
    socket.send(&masked_frame(CLOSE, &[&4000_u16.to_be_bytes()[..], b"bye"].concat()));
    assert_eq!(socket.close_code(), Some(4000));
    assert_eq!(socket.frame(), None);
}

#[test]
fn an_endpoint_that_goes_away_ends_the_socket() {
    let router = router().stable_on("v1", vec![echo_sockets("v1")]).start();
    let mut socket = Socket::open(&router, "/chat", "");
    socket.assert_echo("hello");
    router.endpoint("v1").close_connections();
    assert_eq!(socket.frame(), None);
}

#[test]
fn a_client_that_goes_away_frees_the_endpoint() {
    let router = router().stable_on("v1", vec![echo_sockets("v1")]).start();
    drop(Socket::open(&router, "/chat", ""));
    let api = router.api();
    support::eventually("no socket is counted any more", || {
        api.state()["stable"]["activity"]["open_sockets"].as_u64() == Some(0)
    });
}

#[test]
fn the_handshake_arrives_with_what_it_needs() {
    let router = router().stable_on("v1", vec![echo_sockets("v1")]).start();
    let mut socket = Socket::open(
        &router,
        "/chat?room=1",
        "Sec-WebSocket-Protocol: a, b\r\nOrigin: http://shop.example.test\r\n",
    );
    socket.assert_echo("hello");
    let received = router.endpoint("v1").take().remove(0);
    assert_eq!(received.target(), "/chat?room=1");
    assert_eq!(received.header("sec-websocket-protocol"), Some("a, b"));
    assert_eq!(received.header("origin"), Some("http://shop.example.test"));
    assert_eq!(received.header("upgrade").map(str::to_ascii_lowercase), Some("websocket".into()));
    assert!(received.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("upgrade")));
    assert_eq!(received.header("x-forwarded-for"), Some("127.0.0.1"));
}
