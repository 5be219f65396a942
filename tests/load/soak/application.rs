//! The application that is released again and again: pages, echoes, bodies of any length, failures on demand, WebSockets.

use support::websocket::{ACCEPT, CLOSE, frame, read_frame};
use support::{Endpoint, Peer, ReceivedMessage, serving};

/// An endpoint of a release.
pub fn application(release: &str) -> Endpoint {
    let release = release.to_owned();
    serving(move |peer| {
        while let Some(request) = peer.request() {
            if !request.complete || !answer(peer, &request, &release) {
                return;
            }
        }
    })
}

/// Whether the connection goes on.
fn answer(peer: &mut Peer, request: &ReceivedMessage, release: &str) -> bool {
    let target = request.target();
    if request.header("upgrade").is_some() {
        return converse(peer, release);
    }
    let (kind, number) = target[1..].split_once('/').unwrap_or((&target[1..], "0"));
    let length: usize = number.parse().unwrap_or(0);
    match kind {
        "length" => peer.send(with_length(release, &body(length))),
        "chunks" => peer.send(in_chunks(release, &body(length))),
        "close" => {
            peer.send(
                [format!("HTTP/1.1 200 OK\r\nX-Release: {release}\r\n\r\n").as_bytes(), &body(length)]
                    .concat(),
            );
            false
        }
        "echo" => peer.send(with_length(release, &request.body)),
        "cut" => {
            let whole = with_length(release, &body(50_000));
            peer.send(&whole[..whole.len() / 2]);
            peer.reset();
            false
        }
        "reset" => {
            peer.reset();
            false
        }
        _ => peer.send(with_length(release, b"a page")),
    }
}

fn with_length(release: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\nX-Release: {release}\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn in_chunks(release: &str, body: &[u8]) -> Vec<u8> {
    let mut out =
        format!("HTTP/1.1 200 OK\r\nX-Release: {release}\r\nTransfer-Encoding: chunked\r\n\r\n").into_bytes();
    for piece in body.chunks(7_001) {
        out.extend(format!("{:x};note=x\r\n", piece.len()).into_bytes());
        out.extend(piece);
        out.extend(b"\r\n");
    }
    out.extend(b"0\r\nX-Sum: 1\r\n\r\n");
    out
}

/// A body of so many bytes, the same every time.
pub fn body(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

/// Echoes frames until the other side closes.
fn converse(peer: &mut Peer, release: &str) -> bool {
    peer.send(format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX-Release: {release}\r\n\
         Sec-WebSocket-Accept: {ACCEPT}\r\n\r\n"
    ));
    let mut ahead = peer.ahead();
    while let Some((opcode, payload)) = read_frame(peer.stream(), &mut ahead) {
        if !peer.send(frame(opcode, &payload)) || opcode == CLOSE {
            break;
        }
    }
    false
}
