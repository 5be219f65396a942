//! The private listener: for the admin port alone.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

use super::stage::{Stage, endpoint};
use crate::proxy::front::admin::AdminDoor;

#[test]
fn a_stranger_on_the_private_listener_is_told_to_go() {
    let release = endpoint(|_| b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_vec());
    let door = AdminDoor::open(2).unwrap();
    let (address, secret) = (door.address(), door.secret().to_owned());
    assert!(address.ip().is_loopback());
    let stage = Stage::with_door(&[release.address], door);
    let ask = |headers: &str| {
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "GET / HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n{headers}\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let good = format!("{secret} stable 127.0.0.1");
    for headers in [
        String::new(),
        "Rolling-Peer: x stable 127.0.0.1\r\n".into(),
        format!("Rolling-Peer: {secret}\r\n"),
        format!("Rolling-Peer: {secret} draining 127.0.0.1\r\n"),
        format!("Rolling-Peer: {secret} stable nobody\r\n"),
        format!("Rolling-Peer: {good}\r\nRolling-Peer: {good}\r\n"),
    ] {
        let answer = ask(&headers);
        assert!(answer.contains("this address is for the router itself"), "{headers}: {answer}");
    }
    let answer = ask(&format!("Rolling-Peer: {good}\r\n"));
    assert!(answer.contains("shows a release to testers"), "{answer}");
    assert!(release.requests.lock().unwrap().is_empty());
    assert_ne!(AdminDoor::open(1).unwrap().secret(), secret);
    drop(stage);
}
