//! Requests and answers over HTTP/2: pins, forwarding headers, the access log, and what real clients make of it.

use super::{get, open};
use std::process::Command;
use support::http2::Http2Client;
use support::tls::CertificateFiles;
use support::{Reply, Router, count, eventually, log, router, scripted};

const HOST: &str = "shop.example.test";
const NAVIGATION: &str = "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\nSec-Fetch-Site: none\r\n";

fn secure() -> (Router, CertificateFiles, std::sync::Arc<rustls::ClientConfig>) {
    let (files, trust) = CertificateFiles::new(&[HOST]);
    let [certificate, key] = files.flags();
    let router = router().stable("v1").candidate("v2").blend(50);
    let router = router.flag("--listen-tls=127.0.0.1:0").flag(&certificate).flag(&key).start();
    (router, files, trust)
}

#[test]
fn a_client_is_pinned_as_over_https() {
    let (router, _files, trust) = secure();
    for _ in 0..8 {
        let client = Http2Client::open_tls(router.front_tls(), HOST, &trust);
        let first = client.exchange(&format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n{NAVIGATION}\r\n"));
        assert_eq!(first.status, 200, "{}", first.text());
        let cookie = first.header("set-cookie").expect("a first navigation is pinned").to_owned();
        assert!(cookie.starts_with("rolling_pin_s="), "{cookie}");
        assert!(first.text().contains("x-forwarded-proto: https\r\n"), "{}", first.text());
        let pin = cookie.split(';').next().expect("a cookie has a value");
        for _ in 0..3 {
            let head =
                format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n{NAVIGATION}Cookie: a=1\r\nCookie: {pin}\r\n\r\n");
            let again = client.exchange(&head);
            assert_eq!(again.header("x-release"), first.header("x-release"));
            assert!(
                again.text().contains("\r\ncookie: a=1\r\n"),
                "cookies are joined, the pin goes: {}",
                again.text()
            );
        }
    }
}

#[test]
fn a_client_that_offers_only_http_1_gets_it() {
    let (router, files, _trust) = secure();
    let address = router.front_tls();
    for (flag, version) in [("--http2", "2"), ("--http1.1", "1.1"), ("--no-alpn", "1.1")] {
        let told = Command::new("curl")
            .args(["-sS", flag, "-o", "/dev/null", "-w", "%{http_version} %{http_code}", "--max-time", "20"])
            .arg("--cacert")
            .arg(files.certificate())
            .arg("--resolve")
            .arg(format!("{HOST}:{}:127.0.0.1", address.port()))
            .arg(format!("https://{HOST}:{}/", address.port()))
            .output()
            .expect("curl runs");
        assert_eq!(String::from_utf8_lossy(&told.stdout), format!("{version} 200"), "{flag}: {told:?}");
    }
}

#[test]
fn curl_speaks_it_by_prior_knowledge_on_a_plain_port() {
    let router = router().stable("v1").start();
    let told = Command::new("curl")
        .args([
            "-sS",
            "--http2-prior-knowledge",
            "--max-time",
            "20",
            "-w",
            "\n%{http_version}",
            "-d",
            "hello",
        ])
        .arg("-H")
        .arg(format!("Host: {}", router.host))
        .arg(format!("http://{}/x?y", router.front))
        .output()
        .expect("curl runs");
    let text = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(text.starts_with("POST /x?y HTTP/1.1\r\n") && text.ends_with("hello\n2"), "{text}: {told:?}");
    assert!(text.contains("x-forwarded-proto: http\r\n") && text.contains("content-length: 5\r\n"), "{text}");
}

#[test]
fn one_connection_carries_many_requests_at_once() {
    let router = router().stable("v1").start();
    let client = open(&router);
    let begun: Vec<_> = (0..50)
        .map(|n| client.begin_request(&get(&router, &format!("/{n}")), true).expect("it can be sent"))
        .collect();
    for (n, exchange) in begun.into_iter().enumerate() {
        let response = exchange.finish().expect("it is answered");
        assert!(response.text().starts_with(&format!("GET /{n} HTTP/1.1\r\n")), "{}", response.text());
    }
    assert!(router.endpoint("v1").take().iter().all(|received| received.faults.is_empty()));
}

#[test]
fn every_kind_of_answer_passes() {
    let endpoint = scripted(|received| {
        match received.target().as_str() {
        "/204" => Reply::Bytes(b"HTTP/1.1 204 No Content\r\nX-Release: v1\r\n\r\n".to_vec()),
        "/304" => Reply::Bytes(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\nETag: \"a\"\r\n\r\n".to_vec()),
        "/hints" => Reply::Bytes(
            b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n\
              HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 7\r\nHost: evil\r\n\r\n"
                .to_vec(),
        ),
        _ if received.method() == "HEAD" => {
            Reply::Bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\nX-Odd: \xff\r\nConnection: x-hop\r\nX-Hop: 1\r\n\r\n".to_vec())
        }
        _ => Reply::response("404 Not Found", &[("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")], "gone"),
    }
    });
    let router = router().stable_on("v1", vec![endpoint]).start();
    let client = open(&router);
    let answer = |head: &str| client.exchange(&format!("{head} HTTP/1.1\r\nHost: {}\r\n\r\n", router.host));
    let none = answer("GET /204");
    assert_eq!((none.status, none.body.len(), none.header("content-length")), (204, 0, None));
    let same = answer("GET /304");
    assert_eq!(
        (same.status, same.header("etag"), same.header("content-length")),
        (304, Some("\"a\""), Some("9"))
    );
    let head = answer("HEAD /");
    assert_eq!((head.status, head.header("content-length"), head.body.len()), (200, Some("1234"), 0));
    assert_eq!(
        (head.header("x-hop"), head.header("connection")),
        (None, None),
        "they belong to the other connection"
    );
    let hinted = answer("GET /hints");
    assert_eq!((hinted.interim.len(), hinted.text().as_str()), (1, "ok"));
    assert_eq!((hinted.interim[0].0, hinted.interim[0].1.len()), (103, 1));
    assert_eq!(hinted.trailers, [("x-sum".to_owned(), "7".to_owned())], "a trailer never becomes a header");
    let gone = answer("GET /");
    assert_eq!((gone.status, gone.text().as_str()), (404, "gone"));
    let cookies = gone.header_all("set-cookie");
    assert!(cookies.contains(&"a=1") && cookies.contains(&"b=2"), "{cookies:?}");
}

#[test]
fn the_routers_own_answers_are_those_of_http_1() {
    let router = router().stable("v1").limit("target_bytes_max", 100).start();
    let client = open(&router);
    let host = router.host.clone();
    let long = "x".repeat(200);
    for (head, status, says) in [
        (format!("GET /{long} HTTP/1.1\r\nHost: {host}\r\n\r\n"), 414, "target"),
        (format!("TRACE / HTTP/1.1\r\nHost: {host}\r\n\r\n"), 405, "method"),
        (format!("GET / HTTP/1.1\r\nHost: {host}\r\nExpect: magic\r\n\r\n"), 417, "Expect"),
    ] {
        let answer = client.exchange(&head);
        assert_eq!(answer.status, status, "{head}: {}", answer.text());
        assert!(answer.text().contains(says), "{}", answer.text());
    }
    assert_eq!(client.exchange(&get(&router, "/")).status, 200, "a refusal ends its request alone");
}

#[test]
fn the_log_says_in_which_protocol_it_came() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("access.log");
    let router = router().stable("v1").access_log(&file).start();
    open(&router).exchange(&get(&router, "/two"));
    router.visitor().get("/one");
    eventually("both are logged", || log::objects(&file).len() >= 2);
    for line in log::objects(&file) {
        let wanted =
            if line["target"] == "/two" { serde_json::json!("HTTP/2.0") } else { serde_json::Value::Null };
        assert_eq!(line["protocol"], wanted, "{line}");
        assert_eq!((&line["status"], &line["release"].is_string()), (&serde_json::json!(200), &true));
    }
}

#[test]
fn a_login_that_goes_with_a_connection_is_not_offered() {
    let endpoint = scripted(|_| {
        let challenges = [("WWW-Authenticate", "NTLM"), ("WWW-Authenticate", "Basic realm=\"a\"")];
        Reply::response("401 Unauthorized", &challenges, "")
    });
    let router = router().stable_on("v1", vec![endpoint]).start();
    let answer = open(&router).exchange(&get(&router, "/"));
    assert_eq!((answer.status, answer.header_all("www-authenticate")), (401, vec!["Basic realm=\"a\""]));
}

#[test]
fn a_visitor_keeps_its_release_over_both_protocols() {
    let router = router().stable("v1").candidate("v2").blend(50).start();
    for _ in 0..count(10, 100) {
        let mut visitor = router.visitor();
        let release = visitor.release();
        let pin = visitor.pin.clone().expect("it is pinned");
        let head = format!("GET / HTTP/1.1\r\nHost: {}\r\nCookie: rolling_pin={pin}\r\n\r\n", router.host);
        assert_eq!(open(&router).exchange(&head).header("x-release"), Some(release.as_str()));
    }
}
