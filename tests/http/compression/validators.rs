//! What HEAD, 304 and Vary say of a representation that is compressed.

use super::stage::{ask, compressing, decoded, page};
use support::{Reply, Router, scripted};

/// A site with one page, which it knows again by its tag.
fn site() -> Router {
    compressing(scripted(|request| {
        let known = request.header("if-none-match").unwrap_or_default();
        if known.contains("\"v1\"") {
            return Reply::Bytes(b"HTTP/1.1 304 Not Modified\r\nETag: \"v1\"\r\n\r\n".to_vec());
        }
        let head = format!(
            "Content-Type: text/css\r\nETag: \"v1\"\r\nVary: Origin\r\nContent-Length: {}",
            page().len()
        );
        let body = if request.method() == "HEAD" { String::new() } else { page() };
        Reply::Bytes(format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n{body}").into())
    }))
    .start()
}

#[test]
fn head_says_what_get_would_say() {
    let router = site();
    for accept in ["gzip", "identity"] {
        let headers = format!("Accept-Encoding: {accept}\r\n");
        let (get, head) = (ask(&router, "GET", &headers), ask(&router, "HEAD", &headers));
        assert!(decoded(&get) == page().into_bytes(), "{accept}");
        assert!(head.body.is_empty(), "{accept}");
        for name in ["content-encoding", "etag", "vary", "content-length", "content-type"] {
            assert_eq!(head.header(name), get.header(name), "{accept}: {name}");
        }
    }
    let mut wire = router.connect();
    wire.send(format!("HEAD / HTTP/1.1\r\nHost: {}\r\nAccept-Encoding: gzip\r\n\r\n", router.host));
    wire.response("HEAD");
    wire.assert_usable(&router.host);
}

#[test]
fn a_client_that_has_the_compressed_page_is_told_that_it_is_still_good() {
    let router = site();
    let first = ask(&router, "GET", "Accept-Encoding: gzip\r\n");
    assert_eq!(first.header("etag"), Some("W/\"v1\""));
    let again = ask(&router, "GET", "Accept-Encoding: gzip\r\nIf-None-Match: W/\"v1\"\r\n");
    assert_eq!((again.status, again.header("etag")), (304, Some("W/\"v1\"")));
    assert_eq!((again.header("vary"), again.header("content-encoding")), (Some("Accept-Encoding"), None));
    let asked = router.endpoint("v1").take().pop().expect("it was asked");
    assert_eq!(asked.header("if-none-match"), Some("W/\"v1\""), "the endpoint compares");
}

#[test]
fn a_client_that_has_the_page_as_it_is_keeps_its_tag() {
    let again = ask(&site(), "GET", "If-None-Match: \"v1\"\r\n");
    assert_eq!((again.status, again.header("etag")), (304, Some("\"v1\"")));
}

#[test]
fn vary_is_one_line_and_keeps_what_the_endpoint_says() {
    for (said, merged) in [
        ("Vary: Origin\r\nVary: Cookie\r\n", "Origin, Cookie, Accept-Encoding"),
        ("Vary: accept-encoding\r\n", "accept-encoding"),
        ("Vary: *\r\n", "*"),
    ] {
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n{said}Content-Length: {}\r\n\r\n",
            page().len()
        );
        let router = compressing(scripted(move |_| Reply::Bytes((head.clone() + &page()).into()))).start();
        for accept in ["br", "identity"] {
            let response = ask(&router, "GET", &format!("Accept-Encoding: {accept}\r\n"));
            assert_eq!(response.header_all("vary"), [merged], "{accept}");
        }
    }
}
