//! Responses that are never compressed go out as they came.

use super::stage::{ask, compressing, page};
use support::{Reply, Response, Router, router, scripted};

/// What a client that takes gzip gets of this response.
fn passed(router: &Router, status: &str, headers: &str, body: &str) -> Response {
    let head = format!("HTTP/1.1 {status}\r\nETag: \"v1\"\r\n{headers}");
    router
        .endpoint("v1")
        .always(Reply::Bytes(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).into()));
    ask(router, "GET", "Accept-Encoding: gzip\r\n")
}

fn assert_as_it_came(response: &Response, body: &str, what: &str) {
    assert!(response.text() == body, "{what}");
    assert_eq!(response.header("etag"), Some("\"v1\""), "{what}");
    assert_eq!(response.header("content-length"), Some(body.len().to_string().as_str()), "{what}");
}

#[test]
fn what_may_not_be_changed_goes_out_as_it_came() {
    let router = compressing(scripted(|_| Reply::ok("fine"))).start();
    let html = "Content-Type: text/html\r\n";
    for (status, headers) in [
        ("200 OK", "Content-Type: text/html\r\nContent-Encoding: x-own\r\n"),
        ("206 Partial Content", "Content-Type: text/html\r\nContent-Range: bytes 0-1/9\r\n"),
        ("206 Partial Content", "Content-Type: text/html\r\n"),
        ("416 Range Not Satisfiable", "Content-Type: text/html\r\nContent-Range: bytes */9\r\n"),
        ("200 OK", "Content-Type: text/html\r\nCache-Control: max-age=60, no-transform\r\n"),
        ("200 OK", "Content-Type: text/event-stream\r\n"),
        ("200 OK", "Content-Type: image/png\r\n"),
        ("200 OK", "Content-Type: application/grpc+proto\r\n"),
        ("200 OK", "Content-Type: text/html\r\nContent-Digest: sha-256=:AAAA:\r\n"),
        ("200 OK", ""),
    ] {
        let response = passed(&router, status, headers, &page());
        assert_as_it_came(&response, &page(), headers);
        assert_eq!(response.header("vary"), None, "{headers}: the coding never differs");
    }
    let short = "x".repeat(1_399);
    let response = passed(&router, "200 OK", html, &short);
    assert_as_it_came(&response, &short, "it is too short");
    let response = passed(&router, "200 OK", html, &format!("{short}x"));
    assert_eq!(response.header("content-encoding"), Some("gzip"), "it is long enough");
}

#[test]
fn a_client_that_asks_for_no_transformation_gets_none() {
    let router =
        compressing(scripted(|_| Reply::response("200 OK", &[("Content-Type", "text/html")], page())))
            .start();
    let response = ask(&router, "GET", "Accept-Encoding: gzip\r\nCache-Control: no-transform\r\n");
    assert_eq!((response.header("content-encoding"), response.text()), (None, page()));
}

#[test]
fn an_app_that_does_not_ask_for_it_does_not_compress() {
    let endpoint =
        scripted(|_| Reply::response("200 OK", &[("Content-Type", "text/html"), ("ETag", "\"v1\"")], page()));
    let router = router().stable_on("v1", vec![endpoint]).start();
    let response = ask(&router, "GET", "Accept-Encoding: gzip, br, zstd\r\n");
    assert_as_it_came(&response, &page(), "it is off by default");
    assert_eq!((response.header("content-encoding"), response.header("vary")), (None, None));
}

#[test]
fn the_types_and_the_size_are_the_apps() {
    let router = compressing(scripted(|_| Reply::ok("fine"))).start();
    let settings =
        serde_json::json!({"compression": {"enabled": true, "types": ["Image/PNG"], "min_bytes": 0}});
    router.api().put("settings", &settings).expect(200);
    let png = passed(&router, "200 OK", "Content-Type: image/png\r\n", "x");
    assert_eq!(png.header("content-encoding"), Some("gzip"));
    let html = passed(&router, "200 OK", "Content-Type: text/html\r\n", &page());
    assert_as_it_came(&html, &page(), "it is not listed");
    let empty = passed(&router, "200 OK", "Content-Type: image/png\r\n", "");
    assert_as_it_came(&empty, "", "there is nothing to compress");
}
