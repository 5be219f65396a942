//! Calls of gRPC, frame by frame: what the router answers itself is a status of gRPC, and calls are neither cut nor kept for long.

use super::stage::before;
use serde_json::json;
use std::net::SocketAddr;
use support::Router;
use support::http2::{Http2Client, read_body, send_all, trailers, wait};
use support::http2_endpoint::Http2Endpoint;
use support::router::free_port;

/// The head of a call.
fn call(path: &str, more: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/grpc+proto\r\nTE: trailers\r\n{more}"
    )
}

fn serve(endpoints: &[SocketAddr]) -> Router {
    before(endpoints, &json!({ "upstream": "h2c" })).start()
}

#[test]
fn what_the_router_answers_itself_is_a_status_of_grpc_in_the_head() {
    let router = serve(&[free_port()]);
    let client = Http2Client::open(router.front);
    let mut exchange = client.begin_request(&call("/a.B/C", ""), true).unwrap();
    let (status, headers, body) = exchange.head().unwrap();
    let header = |name: &str| headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str());
    assert_eq!((status, header("grpc-status")), (200, Some("14")), "{headers:?}");
    assert_eq!(header("content-type"), Some("application/grpc"));
    assert!(header("grpc-message").is_some_and(|message| message.contains("application")), "{headers:?}");
    assert!(body.is_end_stream(), "the call ends with its head");
    let page = client.exchange("GET / HTTP/1.1\r\nHost: a\r\n");
    assert!(matches!(page.status, 502 | 503), "others get a status of HTTP");
}

#[test]
fn a_call_ends_at_its_deadline() {
    let endpoint = Http2Endpoint::start("v1", 100);
    let router = serve(&[endpoint.address]);
    let client = Http2Client::open(router.front);
    let response = client.exchange(&call("/hang", "grpc-timeout: 300m\r\n"));
    assert_eq!((response.status, response.header("grpc-status")), (200, Some("4")));
}

/// A call may be silent for longer than the body of any other request: nothing is due between two messages.
#[test]
fn a_call_that_is_silent_between_messages_goes_on() {
    let endpoint = Http2Endpoint::start("v1", 100);
    let router = before(
        &[endpoint.address],
        &json!({ "upstream": "h2c", "timeouts": { "body_grace_ms": 100,
        "between_bytes_ms": 100 } }),
    )
    .start();
    let client = Http2Client::open(router.front);
    let mut exchange = client.begin_request(&call("/mirror", ""), false).unwrap();
    wait(send_all(&mut exchange.body, b"0", false)).unwrap();
    let (_, _, mut body) = exchange.head().unwrap();
    assert_eq!(wait(read_body(&mut body, 1)).unwrap(), b"0");
    // Another call takes longer than either of these times.
    let other = client.exchange(&call("/hang", "grpc-timeout: 700m\r\n"));
    assert_eq!(other.header("grpc-status"), Some("4"));
    wait(send_all(&mut exchange.body, b"1", false)).unwrap();
    assert_eq!(wait(read_body(&mut body, 1)).unwrap(), b"1");
    exchange.body.send_trailers(trailers(&[("grpc-status", "0")])).unwrap();
    assert!(wait(body.data()).is_none());
    let ended = wait(body.trailers()).unwrap().unwrap();
    assert_eq!(ended.get("grpc-status").map(|value| value.as_bytes()), Some(&b"0"[..]));
}
