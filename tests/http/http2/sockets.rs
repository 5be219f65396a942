//! WebSockets over HTTP/2 (RFC 8441): opened by an extended CONNECT, and one of HTTP/1.1 to the endpoint.

use super::open;
use bytes::Bytes;
use h2::RecvStream;
use support::http2::{read_body, wait};
use support::websocket::{CLOSE, TEXT, echo_frames, frame, masked_frame};
use support::{Endpoint, Reply, eventually, router, scripted, serving};

/// An endpoint that accepts upgrades and echoes frames.
fn echo(release: &'static str) -> Endpoint {
    serving(move |peer| {
        let Some(received) = peer.request() else { return };
        peer.keep(received);
        peer.send(format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX-Release: {release}\r\n\
             Sec-WebSocket-Accept: abc=\r\nSec-WebSocket-Protocol: chat\r\n\r\n"
        ));
        echo_frames(peer);
    })
}

/// Reads the next bytes, which are exactly these.
fn assert_reads(body: &mut RecvStream, expected: &[u8]) {
    let read = wait(read_body(body, expected.len())).expect("the socket is open");
    assert_eq!(read, expected);
}

#[test]
fn frames_pass_both_ways_and_the_ends_too() {
    let router = router().stable_on("v1", vec![echo("v1")]).start();
    let client = open(&router);
    let headers = [("sec-websocket-protocol", "chat"), ("origin", "https://a.test"), ("cookie", "a=1")];
    let mut socket = client.open_socket(&router.host, "/chat?x", &headers).expect("it can be sent");
    let (status, fields, mut body) = socket.head().expect("it is answered");
    let field = |name: &str| fields.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str());
    assert_eq!(
        (status, field("x-release"), field("sec-websocket-protocol")),
        (200, Some("v1"), Some("chat"))
    );
    assert_eq!((field("sec-websocket-accept"), field("upgrade"), field("connection")), (None, None, None));
    for text in ["one", "two"] {
        let sent = Bytes::from(masked_frame(TEXT, text.as_bytes()));
        socket.body.send_data(sent, false).expect("it is taken");
        assert_reads(&mut body, &frame(TEXT, text.as_bytes()));
    }
    let large = vec![b'x'; 60_000];
    socket.body.reserve_capacity(70_000);
    socket.body.send_data(Bytes::from(masked_frame(TEXT, &large)), false).expect("it is taken");
    assert_reads(&mut body, &frame(TEXT, &large));
    let received = router.endpoint("v1").take().pop().expect("it arrived");
    assert_eq!(received.line(), "GET /chat?x HTTP/1.1");
    assert_eq!(received.header("upgrade"), Some("websocket"));
    assert_eq!(received.header("sec-websocket-version"), Some("13"));
    assert_eq!(received.header("sec-websocket-key").map(str::len), Some(24), "16 bytes in base64");
    assert_eq!(received.header("origin"), Some("https://a.test"));
    socket
        .body
        .send_data(Bytes::from(masked_frame(CLOSE, &1_000_u16.to_be_bytes())), true)
        .expect("it is taken");
    assert_reads(&mut body, &frame(CLOSE, &1_000_u16.to_be_bytes()));
    assert_eq!(wait(read_body(&mut body, 1)).expect("it ends in order"), b"");
    eventually("the endpoint's connection ends", || router.endpoint("v1").open_connections() == 0);
    assert_eq!(client.ended(), None, "the connection goes on");
}

#[test]
fn a_socket_of_a_release_that_is_aborted_is_told_to_come_again() {
    let router = router().stable("v1").candidate_on("v2", vec![echo("v2")]).blend(100).start();
    let client = open(&router);
    let mut socket = client.open_socket(&router.host, "/chat", &[]).expect("it can be sent");
    let (status, _, mut body) = socket.head().expect("it is answered");
    assert_eq!(status, 200);
    router.api().post("abort", &serde_json::json!({})).expect(200);
    assert_reads(&mut body, &frame(CLOSE, &1_012_u16.to_be_bytes()));
    socket
        .body
        .send_data(Bytes::from(masked_frame(CLOSE, &1_012_u16.to_be_bytes())), true)
        .expect("it is taken");
    assert_eq!(wait(read_body(&mut body, 1)).expect("it ends in order"), b"");
    assert_eq!(client.ended(), None, "the connection goes on");
}

#[test]
fn what_opens_no_socket_is_no_success() {
    let endpoint = scripted(|received| match received.target().as_str() {
        "/ok" => Reply::ok("this is a page"),
        "/no" => Reply::response("403 Forbidden", &[], "no"),
        _ => Reply::Close(Vec::new()),
    });
    let router = router().stable_on("v1", vec![endpoint]).start();
    let client = open(&router);
    for (target, headers, wanted) in
        [("/ok", vec![], 502), ("/no", vec![], 403), ("/old", vec![("sec-websocket-version", "8")], 400)]
    {
        let mut socket = client.open_socket(&router.host, target, &headers).expect("it can be sent");
        assert_eq!(socket.head().expect("it is answered").0, wanted, "{target}");
    }
}
