//! Connections that the admin port hands over.

use std::{
    io::{Read as _, Write as _},
    os::unix::net::UnixStream,
};

use super::stage::{Stage, endpoint};
use crate::live::handover::{Handover, Track, handovers};

#[test]
fn what_is_handed_over_is_served_as_a_testers_request() {
    let release = endpoint(|_| b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_vec());
    let (sender, receivers) = handovers(2);
    let stage = Stage::with_handovers(&[release.address], receivers);
    let ask = || {
        let (mut ours, socket) = UnixStream::pair().unwrap();
        assert!(sender.hand_over(Handover {
            socket,
            client: [127, 0, 0, 1].into(),
            secure: false,
            track: Track::Stable
        }));
        write!(ours, "GET / HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        ours.read_to_string(&mut answer).unwrap();
        answer
    };
    for _ in 0..4 {
        let answer = ask();
        assert!(answer.contains("shows a release to testers"), "{answer}");
    }
    assert!(release.requests.lock().unwrap().is_empty(), "without a grant nothing is forwarded");
    drop(stage);
    let (_, socket) = UnixStream::pair().unwrap();
    assert!(!sender.hand_over(Handover {
        socket,
        client: [127, 0, 0, 1].into(),
        secure: false,
        track: Track::Stable
    }));
}
