//! WebSockets: there and back, and how they end.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
};

use super::stage::{Stage, eventually, read_all, read_message, text};
use crate::rollout::target::ReleaseSlot;

const HANDSHAKE: &str = "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n\r\n";
const SWITCHING: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: y\r\n\r\n";

/// A front, its client's side of a tunnel, and the endpoint's.
fn tunnel() -> (Stage, TcpStream, TcpStream) {
    tunnel_on(Stage::new)
}

fn tunnel_on(stage: fn(&[SocketAddr]) -> Stage) -> (Stage, TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let stage = stage(&[listener.local_addr().unwrap()]);
    let mut client = stage.connect();
    client.write_all(HANDSHAKE.as_bytes()).unwrap();
    let (mut endpoint, _) = listener.accept().unwrap();
    let request = text(read_message(&mut endpoint).unwrap());
    assert!(request.contains("connection: upgrade\r\nupgrade: websocket\r\n"), "{request}");
    endpoint.write_all(SWITCHING.as_bytes()).unwrap();
    let response = text(read_message(&mut client).unwrap());
    assert!(response.starts_with("HTTP/1.1 101 Switching Protocols\r\n"), "{response}");
    (stage, client, endpoint)
}

fn pass(from: &mut TcpStream, to: &mut TcpStream, bytes: &[u8]) {
    from.write_all(bytes).unwrap();
    let mut received = vec![0; bytes.len()];
    to.read_exact(&mut received).unwrap();
    assert_eq!(received, bytes);
}

#[test]
fn bytes_pass_both_ways_until_one_side_ends() {
    let (stage, mut client, mut endpoint) = tunnel();
    for _ in 0..10 {
        pass(&mut client, &mut endpoint, b"\x81\x85maskhello");
        pass(&mut endpoint, &mut client, b"\x81\x05hello");
    }
    assert_eq!((stage.release().open_sockets, stage.release().open_requests), (1, 0));
    drop(endpoint);
    assert_eq!(read_all(&mut client).unwrap(), b"");
    eventually("the socket is counted out", || stage.release().open_sockets == 0);
}

#[test]
fn a_client_that_ends_its_side_is_still_answered() {
    let (_stage, mut client, mut endpoint) = tunnel();
    client.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(read_all(&mut endpoint).unwrap(), b"");
    pass(&mut endpoint, &mut client, b"\x81\x03bye");
}

#[test]
fn an_ended_release_closes_its_sockets_between_frames() {
    let (stage, mut client, mut endpoint) = tunnel();
    // The first frame is longer than its part that has been sent when the release ends.
    pass(&mut endpoint, &mut client, b"\x82\x0aabcd");
    stage.live.load().release(ReleaseSlot(0)).set_ended(true);
    let sender = std::thread::spawn(move || {
        let mut rest: &[u8] = b"efghij\x82\x03xyz";
        while endpoint.write_all(rest).is_ok() {
            rest = b"\x82\x03xyz";
            std::thread::park_timeout(std::time::Duration::from_millis(20));
        }
    });
    let all = read_all(&mut client).unwrap();
    let frames = all.strip_prefix(b"efghij").unwrap().strip_suffix(b"\x88\x02\x03\xf4").expect("Close 1012");
    assert!(frames.chunks(5).all(|frame| frame == b"\x82\x03xyz"), "whole frames before it: {frames:?}");
    drop(client);
    sender.join().unwrap();
}

/// A frame that took more than 2 s to arrive, as a long one over a slow network does, was cut in its middle.
#[test]
fn a_frame_that_goes_on_is_waited_for() {
    let (stage, mut client, mut endpoint) = tunnel();
    let frame = [b"\x82\x7e\x01\x2c".as_slice(), &[7; 300]].concat();
    pass(&mut endpoint, &mut client, &frame[..4]);
    stage.live.load().release(ReleaseSlot(0)).set_ended(true);
    for piece in frame[4..].chunks(30) {
        std::thread::park_timeout(std::time::Duration::from_millis(400));
        pass(&mut endpoint, &mut client, piece);
    }
    assert_eq!(read_all(&mut client).unwrap(), b"\x88\x02\x03\xf4");
}

/// A browser tells its page that a socket has closed only when the connection has: it waited 2 s for that, since nobody saw
/// that the endpoint had answered the client's Close and gone.
#[test]
fn behind_the_closes_the_endpoints_end_is_the_clients() {
    let (stage, mut client, mut endpoint) = tunnel_on(Stage::outside_time);
    stage.live.load().release(ReleaseSlot(0)).set_ended(true);
    let mut close = [0; 4];
    client.read_exact(&mut close).unwrap();
    assert_eq!(close, *b"\x88\x02\x03\xf4");
    // What the endpoint had on its way reaches nobody, however much it is.
    endpoint.write_all(&[0; 1 << 20]).unwrap();
    pass(&mut client, &mut endpoint, b"\x88\x82mask\x6e\x95");
    endpoint.write_all(b"\x88\x02\x03\xf4").unwrap();
    drop(endpoint);
    assert_eq!(read_all(&mut client).unwrap(), b"");
}

#[tokio::test]
async fn a_front_that_drains_says_that_it_goes_away() {
    let (mut stage, mut client, _endpoint) = tunnel();
    let front = stage.front.take().unwrap();
    let reading = tokio::task::spawn_blocking(move || {
        let mut frame = [0; 4];
        client.read_exact(&mut frame).unwrap();
        frame
    });
    assert!(front.drain(std::time::Duration::ZERO).await);
    assert_eq!(reading.await.unwrap(), *b"\x88\x02\x03\xe9");
}
