//! Connections: kept, pipelined, ended; and what crosses them with every request.

use serde_json::json;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use support::router::free_port;
use support::{Reply, echo, router, scripted};

#[test]
fn pipelined_requests_are_answered_in_order() {
    let router = router().stable("v1").start();
    let host = &router.host;
    let requests: String = (0..50)
        .map(|n| match n % 3 {
            0 => format!("GET /{n} HTTP/1.1\r\nHost: {host}\r\n\r\n"),
            1 => format!("POST /{n} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 5\r\n\r\nhello"),
            _ => format!("POST /{n} HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
        })
        .collect();
    let mut wire = router.connect();
    wire.send(requests);
    for n in 0..50 {
        let response = wire.response("GET");
        let text = response.text();
        let target = text.split(' ').nth(1).map(str::to_owned);
        assert_eq!((response.status, target), (200, Some(format!("/{n}"))));
        assert_eq!(text.ends_with("hello"), n % 3 != 0);
    }
    wire.assert_usable(host);
}

#[test]
fn a_kept_connection_stays_over_many_requests() {
    let router = router().stable("v1").start();
    let mut visitor = router.visitor();
    for n in 0..500 {
        visitor.get(&format!("/{n}"));
    }
    assert_eq!(visitor.connects, 1);
    let upstream = router.endpoint("v1").take().iter().map(|received| received.connection).max();
    let used = router.endpoint("v1").connections();
    assert!(used < 20, "{used} connections upstream for one client (the last was {upstream:?})");
}

#[test]
fn answers_without_a_body_keep_the_connection() {
    let endpoint = scripted(|received| match received.target().as_str() {
        "/204" => Reply::Bytes(b"HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n".to_vec()),
        "/304" => {
            Reply::Bytes(b"HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\nContent-Length: 123\r\n\r\n".to_vec())
        }
        "/head" => Reply::Bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 123\r\n\r\n".to_vec()),
        _ => Reply::ok("body"),
    });
    let router = router().stable_on("v1", vec![endpoint]).start();
    let mut wire = router.connect();
    for (method, target, status) in
        [("GET", "/204", 204), ("GET", "/304", 304), ("HEAD", "/head", 200), ("DELETE", "/204", 204)]
    {
        wire.send(format!("{method} {target} HTTP/1.1\r\nHost: {}\r\n\r\n", router.host));
        let response = wire.response(method);
        assert_eq!((response.status, response.body.len()), (status, 0), "{method} {target}");
        if target == "/head" {
            assert_eq!(response.header("content-length"), Some("123"), "HEAD says what GET would have sent");
        }
        wire.assert_usable(&router.host);
    }
}

#[test]
fn the_endpoint_learns_who_asked_and_by_which_way() {
    let router = router().stable("v1").start();
    let mut wire = router.connect();
    wire.send(format!(
        "GET /a HTTP/1.1\r\nHost: {}:8080\r\nVia: 1.0 old\r\nCDN-Loop: cdn.test; a=b\r\nUser-Agent: test\r\n\r\n",
        router.host
    ));
    wire.response("GET");
    let received = router.endpoint("v1").take().remove(0);
    assert_eq!(received.header("host"), Some("shop.example.test:8080"));
    assert_eq!(received.header("x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(received.header("x-forwarded-proto"), Some("http"));
    assert_eq!(received.header("x-forwarded-host"), Some("shop.example.test:8080"));
    assert_eq!(received.header("user-agent"), Some("test"));
    let forwarded = received.header("forwarded").expect("RFC 7239").to_ascii_lowercase();
    assert!(forwarded.contains("for=127.0.0.1") && forwarded.contains("proto=http"), "{forwarded}");
    assert!(forwarded.contains("host=\"shop.example.test:8080\""), "a port needs quotes: {forwarded}");
    assert_eq!(received.header_all("via"), ["1.0 old"], "servers that see it switch compression off");
    let passed = received.header_all("cdn-loop").join(", ");
    assert!(passed.starts_with("cdn.test; a=b, rolling-router-"), "{passed}");
}

#[test]
fn a_trusted_peer_is_believed() {
    let router = router().stable("v1").flag("--trusted-networks").flag("127.0.0.0/8").start();
    let mut wire = router.connect();
    wire.send(format!(
        "GET / HTTP/1.1\r\nHost: {}\r\nX-Forwarded-For: 203.0.113.7\r\nX-Forwarded-Proto: https\r\n\
         X-Forwarded-Host: public.example.test\r\n\r\n",
        router.host
    ));
    assert_eq!(wire.response("GET").status, 200);
    let received = router.endpoint("v1").take().remove(0);
    assert_eq!(received.header("x-forwarded-for"), Some("203.0.113.7, 127.0.0.1"));
    assert_eq!(received.header("x-forwarded-proto"), Some("https"));
    assert_eq!(received.header("x-forwarded-host"), Some("public.example.test"));
}

#[test]
fn a_request_that_already_passed_this_router_is_a_loop() {
    let router = router().stable("v1").start();
    let mut wire = router.connect();
    wire.send(format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", router.host));
    wire.response("GET");
    let own =
        router.endpoint("v1").take().remove(0).header("cdn-loop").expect("a router says its name").to_owned();
    for passed in [&own, &own.to_uppercase(), &format!("cdn.test, {own} ;a=b, other.test")] {
        wire.send(format!("GET / HTTP/1.1\r\nHost: {}\r\nCDN-Loop: {passed}\r\n\r\n", router.host));
        assert_eq!(wire.response("GET").status, 508, "{passed}");
    }
    assert_eq!(router.endpoint("v1").received(), 0);
    let others = format!("CDN-Loop: cdn.test\r\nCDN-Loop: {own}0\r\nVia: 1.1 {own}\r\n");
    wire.send(format!("GET / HTTP/1.1\r\nHost: {}\r\n{others}\r\n", router.host));
    assert_eq!(wire.response("GET").status, 200, "it has passed others alone");
}

/// An address of the machine by which others reach it; a machine without a network has none but loopback.
fn address_of_this_machine() -> IpAddr {
    let socket = UdpSocket::bind("0.0.0.0:0").expect("some port is free");
    // Nothing is sent: the system only chooses the address it would send from.
    let chosen = socket.connect("192.0.2.1:9").and_then(|()| socket.local_addr());
    chosen.map_or(Ipv4Addr::LOCALHOST.into(), |address| address.ip())
}

/// A router on `0.0.0.0` took itself as an endpoint under the machine's address, and answered 508 to everybody there.
#[test]
fn an_endpoint_that_is_this_router_is_refused_under_each_address_of_the_machine() {
    let router = router().stable("v1").everywhere().start();
    let set = |ip: IpAddr, port: u16| {
        let endpoint = SocketAddr::new(ip, port).to_string();
        router.api().put("candidate", &json!({ "release": "v2", "endpoints": [endpoint] }))
    };
    for ip in [address_of_this_machine(), Ipv4Addr::LOCALHOST.into()] {
        let refused = set(ip, router.front.port()).expect(422).json();
        assert_eq!(refused["error"]["field"], "endpoints[0]", "{ip}: {refused}");
        let message = refused["error"]["message"].as_str().unwrap_or_default();
        assert!(message.contains("cannot be the router itself"), "{ip}: {message}");
    }
    set(address_of_this_machine(), free_port().port()).expect(200);
}

#[test]
fn a_pin_reaches_the_same_endpoint_again() {
    let endpoints = vec![echo("v1"), echo("v1"), echo("v1"), echo("v1")];
    let router = router().stable_on("v1", endpoints).start();
    for _ in 0..20 {
        let mut visitor = router.visitor();
        let first = visitor.get("/");
        assert!(first.pinned);
        for n in 0..10 {
            let visit = visitor.get("/");
            assert_eq!(
                (visit.endpoint.as_str(), visit.pinned),
                (first.endpoint.as_str(), false),
                "visit {n}"
            );
            visitor.hang_up();
        }
    }
}

#[test]
fn new_clients_spread_over_the_endpoints() {
    let router = router().stable_on("v1", vec![echo("v1"), echo("v1")]).start();
    let reached: std::collections::BTreeSet<String> =
        (0..40).map(|_| router.visitor().get("/").endpoint).collect();
    assert_eq!(reached.len(), 2);
}
