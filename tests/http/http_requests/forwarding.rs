//! Rows 25-29, 31, 32: what a connection keeps to itself, and what an endpoint may believe.

use super::case::{HOST, forwarded, get, post, refused, run};
use serde_json::{Value, json};
use support::router;
use support::websocket::NONCE;

#[test]
fn row_25_nothing_behind_close_is_answered() {
    let headers = [
        "Connection: close\r\n",
        "Connection: Close\r\n",
        "connection: CLOSE\r\n",
        "Connection: close, keep-alive\r\n",
        "Connection: keep-alive, close\r\n",
        "Connection: keep-alive,close\r\n",
        "Connection: keep-alive\r\nConnection: close\r\n",
        "Connection: close\r\nConnection: keep-alive\r\n",
        "Connection: X-Hop, close\r\n",
    ];
    let mut cases: Vec<_> = headers
        .iter()
        .map(|headers| forwarded(format!("{headers:?}"), get(headers), |_| {}).closing())
        .collect();
    let old = format!("GET / HTTP/1.0\r\nHost: {HOST}\r\n\r\n");
    cases.push(forwarded("HTTP/1.0", old, |_| {}).closing());
    let body = post("Connection: close\r\nContent-Length: 5\r\n", "hello");
    cases.push(forwarded("with a body", body, |received| assert_eq!(received.body, b"hello")).closing());
    run(cases);
}

#[test]
fn row_25_http_1_0_that_asks_for_it_is_kept() {
    let bytes = format!("GET / HTTP/1.0\r\nHost: {HOST}\r\nConnection: keep-alive\r\n\r\n");
    let router = router().stable("v1").start();
    let mut wire = router.connect();
    wire.send(&bytes);
    let response = wire.response("GET");
    assert_eq!(response.status, 200);
    if !response.says_close() {
        let says = response.header("connection").unwrap_or_default().to_ascii_lowercase();
        assert!(says.contains("keep-alive"), "an HTTP/1.0 client believes only `keep-alive`, got {says:?}");
        wire.assert_usable(HOST);
    }
}

#[test]
fn row_26_headers_named_by_connection_are_removed() {
    let headers = [
        "Connection: X-Hop\r\nX-Hop: a\r\n",
        "X-Hop: a\r\nConnection: X-Hop\r\n",
        "Connection: x-hop\r\nX-HOP: a\r\n",
        "Connection: keep-alive, X-Hop\r\nX-Hop: a\r\n",
        "Connection: X-Other,X-Hop\r\nX-Hop: a\r\n",
        "Connection: X-Other\r\nConnection: X-Hop\r\nX-Hop: a\r\n",
        "Connection:  \tX-Hop\t \r\nX-Hop: a\r\nX-Hop: b\r\n",
        "Connection: , ,X-Hop,\r\nX-Hop: a\r\n",
        "Keep-Alive: timeout=5\r\n",
        "Proxy-Connection: keep-alive\r\n",
        "TE: gzip\r\n",
        "TE: trailers, gzip\r\nConnection: TE\r\n",
        "Trailer: X-Good\r\n",
        "Proxy-Authorization: Basic abc\r\n",
    ];
    let cases = headers.iter().map(|headers| {
        forwarded(format!("{headers:?}"), get(format!("{headers}X-Kept: yes\r\n")), |received| {
            assert!(received.header("x-hop").is_none());
            assert_eq!(received.header("x-kept"), Some("yes"));
        })
    });
    run(cases.collect());
}

#[test]
fn row_27_headers_that_connection_cannot_remove() {
    let names = [
        "Host",
        "Content-Length",
        "Cookie",
        "X-Forwarded-For",
        "X-Forwarded-Proto",
        "Forwarded",
        "CDN-Loop",
        "host, cookie",
    ];
    let cases = names.into_iter().map(|name| {
        let headers = format!("Connection: {name}\r\nCookie: a=b\r\nContent-Length: 5\r\n");
        forwarded(name, post(headers, "hello"), |received| {
            assert_eq!(received.header("host"), Some(HOST));
            assert_eq!(received.header("cookie"), Some("a=b"));
            assert_eq!(received.body, b"hello");
            assert_eq!(received.header("x-forwarded-for"), Some("127.0.0.1"));
            assert_eq!(received.header("x-forwarded-proto"), Some("http"));
            assert!(received.header("cdn-loop").is_some_and(|passed| passed.starts_with("rolling-router-")));
        })
    });
    let chunked = "Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n";
    let chunked = forwarded("Transfer-Encoding", post(chunked, "5\r\nhello\r\n0\r\n\r\n"), |received| {
        assert_eq!(received.body, b"hello");
    });
    run(cases.chain([chunked]).collect());
}

#[test]
fn row_28_upgrades_to_anything_but_websocket_stay_http() {
    let headers = [
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
        "Connection: Upgrade\r\nUpgrade: h2c\r\n",
        "Connection: upgrade\r\nUpgrade: H2C\r\n",
        "Connection: Upgrade\r\nUpgrade: foo/1\r\n",
        "Connection: Upgrade\r\nUpgrade: tcp\r\n",
        "Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\n",
        "Connection: Upgrade\r\nUpgrade: TLS/1.0, HTTP/1.1\r\n",
        "Connection: Upgrade\r\nUpgrade: \r\n",
        "Upgrade: h2c\r\n",
        "Upgrade: websocket\r\n",
        "Connection: HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
    ];
    let cases = headers.iter().map(|headers| {
        forwarded(format!("{headers:?}"), get(headers), |received| {
            assert!(received.header("upgrade").is_none());
            assert!(received.header("http2-settings").is_none());
        })
    });
    run(cases.collect());
}

#[test]
fn row_29_websocket_upgrades_with_a_body_or_another_method() {
    let upgrade = format!(
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {NONCE}\r\n"
    );
    let line = |method: &str, more: &str, body: &str| {
        format!("{method} / HTTP/1.1\r\nHost: {HOST}\r\n{upgrade}{more}\r\n{body}")
    };
    run(vec![
        refused("POST", &[400], line("POST", "Content-Length: 0\r\n", "")),
        refused("POST with a body", &[400], line("POST", "Content-Length: 5\r\n", "hello")),
        refused("PUT", &[400], line("PUT", "Content-Length: 0\r\n", "")),
        refused("HEAD", &[400], line("HEAD", "", "")),
        refused("GET with a length", &[400], line("GET", "Content-Length: 5\r\n", "hello")),
        refused(
            "GET with chunks",
            &[400],
            line("GET", "Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n"),
        ),
    ]);
}

#[test]
fn row_31_names_that_endpoints_confuse() {
    let headers = [
        "X_Forwarded_For: 6.6.6.6\r\n",
        "Content_Length: 666\r\n",
        "Transfer_Encoding: chunked\r\n",
        "X-Forwarded_For: 6.6.6.6\r\n",
        "_: a\r\n",
        "Host_: evil\r\n",
        "Proxy: http://evil.test/\r\n",
        "PROXY: http://evil.test/\r\n",
    ];
    let cases = headers.iter().map(|headers| {
        forwarded(format!("{headers:?}"), get(headers), |received| {
            assert!(
                received
                    .headers
                    .iter()
                    .all(|(name, _)| !name.contains('_') && !name.eq_ignore_ascii_case("proxy"))
            );
        })
    });
    run(cases.collect());
}

/// Asked for, they pass; what reads like a header of the router's never does, whatever its spelling.
#[test]
fn row_31_names_with_underscores_pass_where_the_app_asks_for_them() {
    let settings =
        r#"{"underscores": "pass", "override": {"header": "X-Rolling-Release", "networks": ["10.0.0.0/8"]}}"#;
    let router = router().stable("v1").key("rolling/hello/settings", settings).start();
    let mut wire = router.connect();
    let collide = [
        "X_Forwarded_For",
        "x_forwarded-PROTO",
        "X_Real_IP",
        "Content_Length",
        "TRANSFER_ENCODING",
        "CDN_Loop",
        "X_Request_ID",
        "X_Rolling_Release",
    ];
    let lines: String = collide.iter().map(|name| format!("{name}: 6\r\n")).collect();
    wire.send(format!(
        "GET / HTTP/1.1\r\nHost: {HOST}\r\nuser_id: 7\r\n{lines}X_Team-Name: a\r\nConnection: x_hop\r\nX_Hop: 1\r\n\r\n"
    ));
    assert_eq!(wire.response("GET").status, 200);
    let received = router.endpoint("v1").take().remove(0);
    let with: Vec<&str> =
        received.headers.iter().map(|(name, _)| name.as_str()).filter(|name| name.contains('_')).collect();
    assert_eq!(with, ["user_id", "X_Team-Name"]);
    let dropped = || router.api().metrics().sum("rolling_underscore_headers_dropped_total", &[]);
    assert_eq!(dropped(), 9.0);
    router.api().put("settings", &json!({ "underscores": "drop" })).expect(200);
    wire.send(format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nuser_id: 7\r\n\r\n"));
    assert_eq!(wire.response("GET").status, 200);
    assert_eq!(router.endpoint("v1").take()[0].header("user_id"), None);
    assert_eq!(dropped(), 10.0);
}

#[test]
fn row_31_explain_says_what_becomes_of_them() {
    for (setting, told) in [("drop", "underscores: pass"), ("pass", "one that the router sets")] {
        let settings = json!({ "underscores": setting }).to_string();
        let router = router().stable("v1").key("rolling/hello/settings", &settings).start();
        let asked = json!({ "headers": { "X_Real_IP": "6.6.6.6", "user_id": "7", "Accept": "*/*" } });
        let answer: Value = router.api().post("explain", &asked).expect(200).json();
        let dropped = if setting == "drop" { json!(["X_Real_IP", "user_id"]) } else { json!(["X_Real_IP"]) };
        assert_eq!(answer["headers_dropped"], dropped);
        assert!(answer["why"].to_string().contains(told), "{answer}");
    }
}

#[test]
fn row_32_what_an_untrusted_client_says_about_itself() {
    let headers = [
        "X-Forwarded-For: 6.6.6.6\r\n",
        "x-forwarded-for: 6.6.6.6, 127.0.0.1\r\n",
        "X-Forwarded-For: 6.6.6.6\r\nX-FORWARDED-FOR: 6.6.6.6\r\n",
        "X-Forwarded-Host: evil666.test\r\n",
        "X-Forwarded-Proto: 666\r\n",
        "X-Forwarded-Prefix: /666\r\n",
        "X-Forwarded-Port: 666\r\n",
        "X-Forwarded-Ssl: 666\r\n",
        "X-Forwarded-Scheme: 666\r\n",
        "Forwarded: for=6.6.6.6;host=evil666.test;proto=https\r\n",
        "forwarded: for=666\r\nForwarded: for=6.6.6.6\r\n",
        "X-Real-IP: 6.6.6.6\r\n",
        "X-Real-Ip: 6.6.6.6\r\nx-real-ip: 666\r\n",
    ];
    let cases = headers.iter().map(|headers| {
        forwarded(format!("{headers:?}"), get(headers), |received| {
            // What the router names itself and the request is random, and may hold any digits.
            let random = |name: &str| {
                name.eq_ignore_ascii_case("x-request-id") || name.eq_ignore_ascii_case("cdn-loop")
            };
            let evil = |value: &str| value.contains("6.6.6.6") || value.contains("666");
            let believed = received.headers.iter().find(|(name, value)| !random(name) && evil(value));
            assert!(believed.is_none(), "forwarded {believed:?}");
            assert_eq!(received.header_all("x-forwarded-for"), ["127.0.0.1"]);
            assert_eq!(received.header_all("x-forwarded-host"), [HOST]);
            assert_eq!(received.header_all("x-forwarded-proto"), ["http"]);
            assert_eq!(received.header_all("x-forwarded-port"), ["80"]);
            let [forwarded] = received.header_all("forwarded")[..] else { panic!("one Forwarded header") };
            assert!(
                forwarded.contains("for=127.0.0.1") || forwarded.contains("for=\"127.0.0.1\""),
                "{forwarded}"
            );
        })
    });
    run(cases.collect());
}
