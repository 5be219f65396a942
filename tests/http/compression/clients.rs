//! Which coding a client gets, and that real clients read it.

use super::stage::{CODINGS, ask, compressing, decoded, page};
use std::process::Command;
use support::{Framing, Reply, Router, scripted};

const HEAD: [(&str, &str); 3] =
    [("Content-Type", "text/html; charset=utf-8"), ("ETag", "\"v1\""), ("Accept-Ranges", "bytes")];

fn site() -> Router {
    compressing(scripted(|_| Reply::response("200 OK", &HEAD, page()))).start()
}

/// What curl writes for a page that it asks for with this Accept-Encoding.
fn curl(router: &Router, accept: &str) -> Vec<u8> {
    let (url, accept) = (format!("http://{}/", router.front), format!("Accept-Encoding: {accept}"));
    let arguments =
        ["--silent", "--show-error", "--max-time", "50", "--compressed", "--header", &accept, &url];
    let output = Command::new("curl").args(arguments).output().expect("curl can be run");
    assert!(output.status.success(), "{accept}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[test]
fn curl_reads_every_coding() {
    let router = site();
    for accept in CODINGS.into_iter().chain(["gzip, deflate, br, zstd", "identity"]) {
        assert!(curl(&router, accept) == page().into_bytes(), "{accept}");
    }
    let compressed = router.api().metrics().sum("rolling_responses_compressed_total", &[]);
    assert_eq!(compressed, 4.0);
}

#[test]
fn a_client_gets_the_coding_that_it_asks_for() {
    let router = site();
    for (accept, coding) in [
        ("gzip", Some("gzip")),
        ("br;q=0.5, gzip;q=0.4", Some("br")),
        ("gzip, deflate, br, zstd", Some("zstd")),
        ("*", Some("gzip")),
        ("identity;q=0, *", Some("gzip")),
        ("gzip;q=0, br;q=0, zstd;q=0", None),
        ("*;q=0", None),
        ("identity, gzip;q=0.5", None),
        ("deflate", None),
        ("", None),
    ] {
        let response = ask(&router, "GET", &format!("Accept-Encoding: {accept}\r\n"));
        assert_eq!(response.header("content-encoding"), coding, "{accept:?}");
        assert!(decoded(&response) == page().into_bytes(), "{accept:?}");
        assert_eq!(response.header_all("vary"), ["Accept-Encoding"], "{accept:?}");
        let (tag, ranges) = if coding.is_some() { ("W/\"v1\"", None) } else { ("\"v1\"", Some("bytes")) };
        assert_eq!(
            (response.header("etag"), response.header("accept-ranges")),
            (Some(tag), ranges),
            "{accept:?}"
        );
        let framing = if coding.is_some() { Framing::Chunked } else { Framing::Length(page().len()) };
        assert_eq!(response.framing, framing, "{accept:?}");
        assert!(
            coding.is_none() || response.body.len() * 3 < page().len(),
            "{accept:?}: {}",
            response.body.len()
        );
    }
}

#[test]
fn an_endpoint_sees_what_the_client_takes_and_wins_if_it_compresses_itself() {
    let router = compressing(scripted(|request| {
        let coding = request.header("accept-encoding").unwrap_or_default().to_owned();
        Reply::response("200 OK", &[("Content-Type", "text/html"), ("Content-Encoding", &coding)], page())
    }))
    .start();
    let response = ask(&router, "GET", "Accept-Encoding: gzip;q=0.3, x-own\r\n");
    assert_eq!(response.header("content-encoding"), Some("gzip;q=0.3, x-own"));
    assert_eq!((response.text(), response.header("vary")), (page(), None));
}

#[test]
fn an_http_1_0_client_gets_a_length_and_not_a_coding() {
    let router = site();
    let mut wire = router.connect();
    wire.send(format!("GET / HTTP/1.0\r\nHost: {}\r\nAccept-Encoding: gzip\r\n\r\n", router.host));
    let response = wire.response("GET");
    assert_eq!(
        (response.header("content-encoding"), response.header("vary")),
        (None, Some("Accept-Encoding"))
    );
    assert_eq!((response.framing, response.text()), (Framing::Length(page().len()), page()));
}

#[test]
fn requests_follow_each_other_on_one_connection_in_any_coding() {
    let router = site();
    let mut wire = router.connect();
    for coding in ["gzip", "zstd", "none", "br", "gzip", "gzip"] {
        wire.send(format!("GET / HTTP/1.1\r\nHost: {}\r\nAccept-Encoding: {coding}\r\n\r\n", router.host));
        let response = wire.response("GET");
        assert!(decoded(&response) == page().into_bytes(), "{coding}");
    }
}
