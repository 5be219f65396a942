//! Endpoints that speak HTTP/2: many requests on one connection, each of which fails alone.

use super::stage::before;
use bytes::Bytes;
use serde_json::json;
use std::thread;
use support::http2::{Http2Client, read_body, send_all, trailers, wait};
use support::http2_endpoint::Http2Endpoint;
use support::tls_front::TlsFront;
use support::websocket::{Socket, echo_sockets};
use support::{Router, eventually};

const GET: &str = "GET /page?a=b HTTP/1.1\r\nHost: shop.example.test\r\n\r\n";

fn h2c(endpoints: &[&Http2Endpoint]) -> Router {
    let addresses: Vec<_> = endpoints.iter().map(|endpoint| endpoint.address).collect();
    before(&addresses, &json!({ "upstream": "h2c", "health": { "path": "/healthz" } })).start()
}

#[test]
fn requests_share_a_connection_and_are_written_as_its_protocol_wants() {
    let endpoint = Http2Endpoint::start("v1", 100);
    let router = h2c(&[&endpoint]);
    let mut wire = router.connect();
    for _ in 0..10 {
        wire.send("GET /page?a=b HTTP/1.1\r\nHost: shop.example.test\r\nTE: trailers\r\nConnection: x-hop\r\nX-Hop: 1\r\n\r\n");
        let response = wire.response("GET");
        let text = response.text();
        assert_eq!((response.status, response.header("x-release")), (200, Some("v1")), "{text}");
        assert!(
            text.starts_with("GET Some(\"/page?a=b\") Some(\"http\") Some(\"shop.example.test\")\n"),
            "{text}"
        );
        assert!(text.contains("\nte: trailers\n") && text.contains("\nx-forwarded-proto: http\n"), "{text}");
        assert!(["\nconnection:", "\nx-hop:", "\nhost:"].iter().all(|name| !text.contains(name)), "{text}");
        assert_eq!(response.trailers, [("x-sum".to_owned(), "42".to_owned())]);
    }
    assert_eq!(endpoint.requests("/page"), 10);
    let reused = router.api().metrics().sum("rolling_upstream_reuses_total", &[]);
    assert!(reused >= 9.0, "{reused} of 10 requests took a connection that was open");
    assert!(endpoint.requests("/healthz") > 0, "it is checked by HTTP/2");
}

#[test]
fn bodies_of_both_framings_and_trailers_go_up() {
    let endpoint = Http2Endpoint::start("v1", 100);
    let router = h2c(&[&endpoint]);
    let mut wire = router.connect();
    let body = "y".repeat(400_000);
    wire.send(format!("POST /mirror HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
    assert!(wire.response("POST").text() == body);
    wire.send("POST /mirror HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 7\r\n\r\n");
    let response = wire.response("POST");
    assert_eq!(response.text(), "hello");
    assert_eq!(response.trailers, [("x-sum".to_owned(), "7".to_owned())]);
    wire.send("HEAD /page HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(wire.response("HEAD").status, 200);
}

/// Each message goes on as it comes, both ways at once, and both ends may send trailers.
#[test]
fn a_stream_goes_both_ways_at_once() {
    let endpoint = Http2Endpoint::start("v1", 100);
    let router = h2c(&[&endpoint]);
    let client = Http2Client::open(router.front);
    let mut exchange = client.begin_request("POST /mirror HTTP/1.1\r\nHost: a\r\n", false).unwrap();
    wait(send_all(&mut exchange.body, b"0", false)).unwrap();
    let (status, _, mut body) = exchange.head().unwrap();
    assert_eq!(status, 200);
    assert_eq!(wait(read_body(&mut body, 1)).unwrap(), b"0");
    for message in ["1", "2", "3"] {
        wait(send_all(&mut exchange.body, message.as_bytes(), false)).unwrap();
        assert_eq!(wait(read_body(&mut body, 1)).unwrap(), message.as_bytes());
    }
    exchange.body.send_trailers(trailers(&[("x-sum", "4")])).unwrap();
    assert!(wait(body.data()).is_none());
    let came = wait(body.trailers()).unwrap().unwrap();
    assert_eq!(came.get("x-sum").map(|value| value.as_bytes()), Some(&b"4"[..]));
}

#[test]
fn more_requests_than_a_connection_takes_get_another() {
    let endpoint = Http2Endpoint::start("v1", 3);
    let router = h2c(&[&endpoint]);
    let client = Http2Client::open(router.front);
    let mut open = Vec::new();
    for _ in 0..12 {
        let mut exchange = client.begin_request("POST /mirror HTTP/1.1\r\nHost: a\r\n", false).unwrap();
        wait(send_all(&mut exchange.body, b"0", false)).unwrap();
        let (status, _, body) = exchange.head().unwrap();
        assert_eq!(status, 200);
        open.push((exchange, body));
    }
    assert!(endpoint.connections() >= 4, "{}", endpoint.connections());
    for (mut exchange, mut body) in open {
        exchange.body.send_data(Bytes::new(), true).unwrap();
        assert_eq!(wait(read_body(&mut body, usize::MAX)).unwrap(), b"0");
    }
}

/// A client that does not read holds up its own request alone.
#[test]
fn one_slow_client_stops_nobody() {
    let endpoint = Http2Endpoint::start("v1", 100);
    let router = h2c(&[&endpoint]);
    let mut slow: Vec<_> = (0..20).map(|_| router.connect()).collect();
    for wire in &mut slow {
        wire.send("GET /long HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    eventually("they have arrived", || endpoint.requests("/long") == 20);
    let mut wire = router.connect();
    for _ in 0..20 {
        wire.send(GET);
        assert_eq!(wire.response("GET").status, 200);
    }
    let mut last = slow.pop().unwrap();
    assert_eq!(last.response("GET").body.len(), 4 << 20);
}

/// Neither was worked on, so even a POST is sent again.
#[test]
fn what_was_refused_or_met_a_goodbye_is_sent_again() {
    let endpoint = Http2Endpoint::start("v1", 100);
    let router = h2c(&[&endpoint]);
    let mut wire = router.connect();
    for _ in 0..5 {
        wire.send("POST /refuse HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
        let response = wire.response("POST");
        assert_eq!(response.status, 200, "{}", response.text());
        assert!(response.text().ends_with("hello"));
    }
    for _ in 0..5 {
        wire.send("POST /goodbye HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
        assert_eq!(wire.response("POST").status, 200);
    }
    assert_eq!(endpoint.requests("/goodbye"), 5);
}

#[test]
fn a_response_that_is_cut_is_cut_for_the_client_alone() {
    let endpoint = Http2Endpoint::start("v1", 100);
    let router = h2c(&[&endpoint]);
    let client = Http2Client::open(router.front);
    // The head may be lost with the rest of the response, which is then told as a failure.
    let cut = client.try_exchange("GET /cut HTTP/1.1\r\nHost: a\r\n");
    assert!(cut.is_err() || cut.is_ok_and(|response| response.status == 502));
    assert_eq!(client.exchange("GET /page HTTP/1.1\r\nHost: a\r\n").status, 200);
    let mut wire = router.connect();
    wire.send("GET /cut HTTP/1.1\r\nHost: a\r\n\r\n");
    let cut = wire.try_response("GET");
    assert!(cut.is_err() || cut.is_ok_and(|response| response.status == 502));
}

#[test]
fn in_tls_it_is_agreed_on_and_else_refused() {
    let endpoint = Http2Endpoint::start("v1", 100);
    let settings = |front: &TlsFront| json!({ "upstream": "h2", "upstream_tls": { "server_name": "shop.internal", "ca": front.pem } });
    let front = TlsFront::over(endpoint.address, &["shop.internal"], b"h2");
    let router = before(&[front.address], &settings(&front)).start();
    let mut wire = router.connect();
    wire.send(GET);
    let response = wire.response("GET");
    assert!(response.status == 200 && response.text().contains("Some(\"https\")"), "{}", response.text());
    let other = TlsFront::over(endpoint.address, &["shop.internal"], b"http/1.1");
    let router = before(&[other.address], &settings(&other)).start();
    let mut wire = router.connect();
    wire.send(GET);
    assert!(matches!(wire.response("GET").status, 502 | 503));
    eventually("the state says why", || router.api().state().to_string().contains("it "));
}

/// They go by HTTP/1.1, which servers of HTTP/2 speak on the same port.
#[test]
fn a_websocket_goes_by_http_1() {
    let sockets = echo_sockets("v1");
    let router = before(&[sockets.address], &json!({ "upstream": "h2c" })).start();
    let mut socket = Socket::open(&router, "/chat", "");
    socket.assert_echo("hello");
}

#[test]
fn an_endpoint_that_does_not_speak_it_is_told() {
    let old = support::echo("v1");
    let settings = json!({ "upstream": "h2c", "health": { "path": "/healthz" } });
    let router = before(&[old.address], &settings).start();
    let mut wire = router.connect();
    wire.send(GET);
    assert!(matches!(wire.response("GET").status, 502 | 503));
    eventually("the state says so", || router.api().state().to_string().contains("that is not HTTP/2"));
}

/// Endpoints end their connections while requests come: each of them is answered.
#[test]
fn goodbyes_under_load_fail_no_request() {
    let endpoints = [Http2Endpoint::start("v1", 100), Http2Endpoint::start("v1", 100)];
    let router = h2c(&[&endpoints[0], &endpoints[1]]);
    let count = support::count(100, 2_000);
    thread::scope(|scope| {
        for client in 0..4 {
            let router = &router;
            scope.spawn(move || {
                let mut wire = router.connect();
                for n in 0..count {
                    let path = if (n + client) % 10 == 0 { "/goodbye" } else { "/page" };
                    wire.send(format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx"));
                    assert_eq!(wire.response("POST").status, 200);
                }
            });
        }
    });
}

/// The whole response has come, so that the reset says only that the rest of the request is not wanted.
#[test]
fn an_answer_before_the_end_of_the_request_arrives_whole() {
    let endpoint = Http2Endpoint::start("v1", 100);
    let router = h2c(&[&endpoint]);
    let client = Http2Client::open(router.front);
    for round in 0..20 {
        let mut exchange = client.begin_request("POST /early HTTP/1.1\r\nHost: a\r\n", false).unwrap();
        let (status, _, mut body) = exchange.head().unwrap();
        assert_eq!(status, 200, "round {round}");
        assert_eq!(wait(read_body(&mut body, usize::MAX)).unwrap(), b"enough", "round {round}");
    }
    let long = "y".repeat(400_000);
    for round in 0..20 {
        let mut wire = router.connect();
        wire.send(format!("POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{long}", long.len()));
        let response = wire.response("POST");
        assert_eq!((response.status, response.text().as_str()), (200, "enough"), "round {round}");
    }
}
