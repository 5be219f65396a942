//! Connections that are switched to the protocols of Docker and kubectl: bytes both ways, where the app names the protocol, and an
//! end in order.

use serde_json::{Value, json};
use std::io::Read;
use std::thread;
use std::time::Duration;
use support::clock::Deadline;
use support::http2::Http2Client;
use support::log::objects;
use support::{Endpoint, Peer, Router, Wire, eventually, router, serving};

/// Each protocol with a request as its clients send it.
const CASES: [(&str, &str); 2] = [
    ("tcp", "POST /v1.41/exec/1/start HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 16\r\n"),
    (
        "SPDY/3.1",
        "POST /api/v1/namespaces/a/pods/b/exec?command=sh HTTP/1.1\r\nX-Stream-Protocol-Version: v4.channel.k8s.io\r\n\
         Content-Length: 16\r\n",
    ),
];
const BODY: &str = "{\"Detach\":false}";
/// What the endpoint says first and last.
const GREETING: &[u8] = b"\x01\x00\x00\x00\x00\x00\x00\x02hi";
const GOODBYE: &[u8] = b"\x00\xffexit 0\r\n\r\n";

/// An endpoint that switches to whatever it is asked for, greets, gives every byte back inverted until the client has ended its
/// side, and then says goodbye.
fn switching() -> Endpoint {
    serving(|peer| {
        while let Some(request) = peer.request() {
            let asked_for = request.header("upgrade").map(str::to_owned);
            peer.keep(request);
            match asked_for {
                Some(protocol) => {
                    switch(peer, &protocol);
                    return;
                }
                None => drop(peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno")),
            }
        }
    })
}

fn switch(peer: &mut Peer, protocol: &str) {
    peer.send(answer(protocol));
    peer.send(GREETING);
    let mut bytes = peer.ahead();
    loop {
        bytes.iter_mut().for_each(|byte| *byte = !*byte);
        peer.send(&bytes);
        bytes = vec![0; 20_000];
        match peer.stream().read(&mut bytes) {
            Ok(read @ 1..) => bytes.truncate(read),
            _ => break,
        }
    }
    peer.send(GOODBYE);
}

fn answer(protocol: &str) -> String {
    format!(
        "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\nConnection: Upgrade\r\nUpgrade: {protocol}\r\n\r\n"
    )
}

fn start(endpoint: Endpoint, upgrades: &Value) -> Router {
    let settings = json!({ "upgrades": upgrades }).to_string();
    router().stable_on("v1", vec![endpoint]).key("rolling/hello/settings", &settings).start()
}

fn request(head: &str, protocol: &str, host: &str) -> String {
    format!("{head}Host: {host}\r\nConnection: Upgrade\r\nUpgrade: {protocol}\r\n\r\n{BODY}")
}

#[test]
fn row_28_what_the_app_names_is_a_tunnel() {
    let router = start(switching(), &json!(["tcp", "SPDY/3.1"]));
    for (protocol, head) in CASES {
        for (eager, spelt) in [(true, protocol.to_owned()), (false, protocol.to_ascii_uppercase())] {
            let payload: Vec<u8> = (0..1_500_000_u32).map(|number| (number % 251) as u8).collect();
            let (first, rest) = payload.split_at(if eager { 30_000 } else { 0 });
            let mut wire = router.connect();
            wire.send([request(head, &spelt, &router.host).as_bytes(), first].concat());
            let response = wire.response("POST");
            assert_eq!(response.status, 101, "{protocol}");
            assert_eq!(response.header("upgrade"), Some(protocol), "{protocol}");
            assert_eq!(response.header("content-type"), Some("application/vnd.docker.raw-stream"));
            let mut sending = wire.stream().try_clone().expect("a socket can be shared");
            let rest = rest.to_vec();
            let sender = thread::spawn(move || {
                std::io::Write::write_all(&mut sending, &rest).expect("the tunnel takes it");
                sending.shutdown(std::net::Shutdown::Write).expect("one side can be ended");
            });
            assert_eq!(wire.read_exactly(GREETING.len()), GREETING);
            let inverted: Vec<u8> = payload.iter().map(|byte| !byte).collect();
            assert!(wire.read_exactly(payload.len()) == inverted, "{protocol}: every byte comes back");
            assert_eq!(
                wire.rest().as_deref(),
                Some(GOODBYE),
                "{protocol}: after the client has ended its side"
            );
            sender.join().expect("the sender ends");
        }
    }
    for seen in router.endpoint("v1").take() {
        assert_eq!((seen.faults.len(), seen.body.as_slice()), (0, BODY.as_bytes()), "{:?}", seen.faults);
        let spdy = seen.target().starts_with("/api");
        assert_eq!(seen.header("upgrade"), Some(if spdy { "SPDY/3.1" } else { "tcp" }));
        assert_eq!(seen.header("x-stream-protocol-version").is_some(), spdy);
    }
}

#[test]
fn what_the_app_does_not_name_stays_http() {
    let router = start(switching(), &json!(["SPDY/3.1"]));
    let [tcp, spdy] = CASES.map(|(_, head)| head);
    for (what, head, lines) in [
        ("another protocol", tcp, "Connection: Upgrade\r\nUpgrade: tcp\r\n"),
        ("two of them", spdy, "Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\nUpgrade: SPDY/3.1\r\n"),
        ("a list", spdy, "Connection: Upgrade\r\nUpgrade: SPDY/3.1, tcp\r\n"),
        ("not named by Connection", spdy, "Upgrade: SPDY/3.1\r\n"),
        ("another version", spdy, "Connection: Upgrade\r\nUpgrade: SPDY/3\r\n"),
    ] {
        let mut wire = router.connect();
        wire.send(format!("{head}Host: {}\r\n{lines}\r\n{BODY}", router.host));
        let response = wire.response("POST");
        assert_eq!((response.status, response.text().as_str()), (200, "no"), "{what}");
        wire.assert_usable(&router.host);
    }
    let mut old = router.connect();
    old.send(request(&spdy.replace("HTTP/1.1", "HTTP/1.0"), "SPDY/3.1", &router.host));
    assert_eq!(old.response("POST").status, 200, "HTTP/1.0");
    let second = Http2Client::open(router.front);
    let connect = second.begin_request(&format!("POST / HTTP/1.1\r\nHost: {}\r\n\r\n", router.host), true);
    assert_eq!(support::http2::wait(connect.expect("it is sent").response).expect("an answer").status(), 200);
    let seen = router.endpoint("v1").take();
    assert!(seen.iter().all(|seen| seen.header("upgrade").is_none() && seen.faults.is_empty()), "{seen:?}");
    let refused = router.api().put("settings", &json!({ "upgrades": ["h2c"] }));
    assert_eq!(refused.status(), 422);
    assert!(refused.json().to_string().contains("`tcp` or `SPDY/3.1`"), "{}", refused.json());
}

/// The attack: an endpoint that agrees to something else, or too early, so that a request would be taken for bytes of a tunnel.
#[test]
fn an_endpoint_that_agrees_to_something_else_opens_no_tunnel() {
    for (what, early, agreed) in [
        ("another protocol", false, answer("SPDY/3.1")),
        ("WebSockets", false, support::websocket::upgrade_answer("v1")),
        ("no protocol", false, "HTTP/1.1 101 UPGRADED\r\n\r\n".to_owned()),
        ("before it has the body", true, answer("tcp")),
    ] {
        let endpoint = serving(move |peer| {
            if peer.head().is_some() {
                peer.send(&agreed);
                peer.drain();
            }
        });
        let router = start(endpoint, &json!(["tcp"]));
        let mut wire = router.connect();
        let whole = request(CASES[0].1, "tcp", &router.host);
        let sent = if early { &whole[..whole.len() - BODY.len()] } else { &whole };
        wire.send(sent);
        assert_eq!(wire.response("POST").status, 502, "{what}");
    }
}

#[test]
fn an_upgrade_that_is_declined_stays_http() {
    let endpoint = serving(|peer| {
        while let Some(request) = peer.request() {
            peer.keep(request);
            peer.send("HTTP/1.1 409 Conflict\r\nContent-Length: 7\r\n\r\nstopped");
        }
    });
    let router = start(endpoint, &json!(["tcp"]));
    let mut wire = router.connect();
    let next = format!("GET /next HTTP/1.1\r\nHost: {}\r\n\r\n", router.host);
    wire.send(format!("{}{next}", request(CASES[0].1, "tcp", &router.host)));
    for (method, target) in [("POST", "/v1.41/exec/1/start"), ("GET", "/next")] {
        assert_eq!(wire.response(method).status, 409, "{target}");
    }
    let seen: Vec<_> =
        router.endpoint("v1").take().iter().map(|seen| (seen.target(), seen.faults.len())).collect();
    assert_eq!(seen, [("/v1.41/exec/1/start".to_owned(), 0), ("/next".to_owned(), 0)]);
}

/// It has no goodbye that the router knows: what the endpoint has sent arrives, then the connection ends in order.
#[test]
fn a_tunnel_of_a_release_that_ends_ends_at_its_deadline_and_in_order() {
    let settings = json!({ "upgrades": ["tcp"], "abortseconds": 2 }).to_string();
    let builder = router().stable("v1").candidate_on("v2", vec![switching()]).blend(100);
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let log = dir.path().join("access.log");
    let router = builder.key("rolling/hello/settings", &settings).access_log(&log).start();
    let mut wires: Vec<Wire> = (0..20).map(|_| router.connect()).collect();
    for wire in &mut wires {
        wire.send(request(CASES[0].1, "tcp", &router.host));
        assert_eq!(wire.response("POST").status, 101);
        assert_eq!(wire.read_exactly(GREETING.len()), GREETING);
    }
    let open = || router.api().metrics().sum("rolling_open_sockets", &[]);
    eventually("they are counted as sockets", || open() > 19.5);
    let began = Deadline::after(Duration::ZERO);
    router.api().post("abort", &json!({})).expect(200);
    for wire in &mut wires {
        wire.send("still there");
        let inverted: Vec<u8> = b"still there".iter().map(|byte| !byte).collect();
        assert_eq!(wire.read_exactly(inverted.len()), inverted, "nothing is cut before the deadline");
    }
    for wire in &mut wires {
        assert_eq!(wire.rest().as_deref(), Some(&b""[..]), "it ends, and is not reset");
        assert!(began.elapsed() >= Duration::from_secs(2), "{:?}", began.elapsed());
    }
    eventually("none is counted any more", || open() < 0.5);
    eventually("the endpoint is let go", || router.endpoint("v2").open_connections() == 0);
    eventually("each is in the log", || {
        objects(&log).iter().filter(|line| line["status"] == 101).count() == 20
    });
}
