//! The largest body: whoever says that it is longer is refused at once, whoever does not as soon as it is.

use super::stage::with_settings;
use serde_json::json;
use support::{Response, Router, echo, eventually};

const LONGEST: usize = 40_000;

fn small() -> Router {
    with_settings(echo("v1"), &json!({"body_max": LONGEST}))
}

fn by_length(router: &Router, length: usize) -> Response {
    let mut wire = router.connect();
    wire.send(format!("POST / HTTP/1.1\r\nHost: shop.test\r\nContent-Length: {length}\r\n\r\n"));
    if length <= LONGEST {
        wire.send("x".repeat(length));
    }
    wire.response("POST")
}

/// Sends a body in chunks of this size, as far as the router takes it.
fn in_chunks(router: &Router, length: usize, chunk: usize) -> Response {
    let mut wire = router.connect();
    let mut text = "POST / HTTP/1.1\r\nHost: shop.test\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned();
    for at in (0..length).step_by(chunk) {
        let size = chunk.min(length - at);
        text.push_str(&format!("{size:x}\r\n{}\r\n", "x".repeat(size)));
    }
    wire.send(text + "0\r\n\r\n");
    wire.response("POST")
}

#[test]
fn a_body_that_says_it_is_too_long_never_reaches_an_endpoint() {
    let router = small();
    for length in [0, 1, LONGEST] {
        assert_eq!(by_length(&router, length).status, 200, "{length}");
    }
    assert_eq!(router.endpoint("v1").take().len(), 3);
    for length in [LONGEST + 1, 1 << 40] {
        let response = by_length(&router, length);
        assert_eq!((response.status, response.says_close()), (413, true), "{length}");
    }
    let mut wire = router.connect();
    wire.send("PUT / HTTP/1.1\r\nHost: shop.test\r\nExpect: 100-continue\r\nContent-Length: 40001\r\n\r\n");
    let response = wire.response("PUT");
    assert_eq!((response.status, response.interim.len()), (413, 0), "nobody asks for the body");
    assert_eq!(router.endpoint("v1").received(), 0);
}

#[test]
fn a_body_without_a_length_is_refused_once_it_is_too_long() {
    let router = small();
    for chunk in [7, 1_000, LONGEST] {
        assert_eq!(in_chunks(&router, LONGEST, chunk).status, 200, "{chunk}");
        let response = in_chunks(&router, LONGEST + 1, chunk);
        assert_eq!((response.status, response.says_close()), (413, true), "{chunk}");
    }
    eventually("the endpoint has read all", || router.endpoint("v1").received() >= 3);
    let whole = router.endpoint("v1").take().into_iter().filter(|request| request.complete);
    assert!(whole.into_iter().all(|request| request.body.len() == LONGEST), "no cut body looks whole");
}

#[test]
fn a_first_chunk_counts_its_data_alone() {
    let router = with_settings(echo("v1"), &json!({"body_max": 5}));
    assert_eq!(in_chunks(&router, 5, 5).status, 200);
    assert_eq!(in_chunks(&router, 6, 6).status, 413);
    let none = with_settings(echo("v1"), &json!({"body_max": 0}));
    assert_eq!(in_chunks(&none, 0, 1).status, 200);
    assert_eq!(in_chunks(&none, 1, 1).status, 413);
}
