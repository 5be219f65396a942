//! The admin port in TLS: API, command line, hosts that show a track, and what plain http is told. The certificates are made by
//! each test.

use rustls::ClientConfig;
use serde_json::{Value, json};
use std::process::Command;
use std::sync::Arc;
use support::command::{Ran, run};
use support::router::token;
use support::tls::{CertificateFiles, TlsClient};
use support::websocket::{TEXT, echo_sockets, masked_frame, read_frame};
use support::{Router, RouterBuilder, Wire, eventually, router};

const HOST: &str = "localhost";

/// A router that speaks https on its admin port; everything else is as in `builder`.
fn serve(files: &CertificateFiles, builder: RouterBuilder) -> Router {
    let [certificate, key] = files.flags();
    builder.flag("--admin-tls").flag(&certificate).flag(&key).start()
}

fn connect(router: &Router, trust: &Arc<ClientConfig>) -> TlsClient {
    TlsClient::try_open(router.admin, HOST, trust).expect("the certificate is trusted")
}

fn call(router: &Router, trust: &Arc<ClientConfig>, line: &str, body: &Value) -> (u16, Value) {
    let mut client = connect(router, trust);
    let (method, path) = line.split_once(' ').expect("a method and a path");
    let body = if body.is_null() { String::new() } else { body.to_string() };
    client.send(format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost:{}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        router.admin.port(),
        token("operator"),
        body.len()
    ));
    let response = client.response(method);
    (response.status, serde_json::from_slice(&response.body).unwrap_or_default())
}

/// The command line against the router at an address of this scheme.
fn command(router: &Router, scheme: &str, words: &[&str], environment: &[(&str, &str)]) -> Ran {
    let admin = format!("{scheme}://localhost:{}", router.admin.port());
    let known = [("ROLLING_ROUTER_ADMIN_URL", admin.as_str()), ("ROLLING_ROUTER_TOKEN", token("operator"))];
    run(words, &[&known, environment].concat())
}

#[test]
fn the_command_line_and_curl_speak_https() {
    let (files, _) = CertificateFiles::new(&[HOST]);
    let router = serve(&files, router().stable("v1").candidate("v2"));
    let roots = files.certificate().display().to_string();
    let trusted = [("ROLLING_ROUTER_ADMIN_CA", roots.as_str())];
    let ran = command(&router, "https", &["blend", "30"], &trusted);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let ran = command(&router, "https", &["status", "--admin-ca", &roots], &[]);
    assert!(ran.code == 0 && ran.out.contains("30"), "{}{}", ran.out, ran.err);
    let ran = command(&router, "https", &["promote", "--wait", "fleet"], &trusted);
    assert_eq!(ran.code, 0, "{}", ran.err);

    let ran = command(&router, "https", &["status"], &[]);
    assert!(ran.code == 4 || ran.code == 3 && ran.err.contains("certificate"), "{} {}", ran.code, ran.err);
    for (file, why) in [("/nowhere/ca.pem", "cannot be read"), ("/dev/null", "has no certificate")] {
        let ran = command(&router, "https", &["status"], &[("ROLLING_ROUTER_ADMIN_CA", file)]);
        assert!(ran.code == 2 && ran.err.contains(file) && ran.err.contains(why), "{} {}", ran.code, ran.err);
    }
    let url = format!("https://localhost:{}/metrics", router.admin.port());
    let curl = Command::new("curl").args(["--silent", "--fail", "--cacert", &roots, &url]).output();
    let page = String::from_utf8(curl.expect("curl can be run").stdout).expect("it is text");
    assert!(page.contains("rolling_requests_total"), "{page}");
    eventually("it says where it is", || router.log().contains("GUI and API on https://"));
}

/// It was answered as if it had been right, or with bytes of a handshake.
#[test]
fn plain_http_is_told_so_and_does_nothing() {
    let (files, trust) = CertificateFiles::new(&[HOST]);
    let router = serve(&files, router().stable("v1").candidate("v2"));
    let seq = || call(&router, &trust, "GET /api/v1/apps/hello", &Value::Null).1["seq"].clone();
    eventually("the raw keys are adopted", || seq() != 0);
    let before = seq();
    let bearer = format!("Authorization: Bearer {}\r\n", token("admin"));
    for (method, request) in [
        ("GET", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned()),
        ("HEAD", "HEAD /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned()),
        (
            "POST",
            format!(
                "POST /api/v1/apps/hello/promote HTTP/1.1\r\nHost: localhost\r\n{bearer}Content-Length: 0\r\n\r\n"
            ),
        ),
        (
            "PUT",
            format!(
                "PUT /api/kv/x HTTP/1.1\r\nHost: localhost\r\n{bearer}Content-Length: 20000\r\n\r\n{}",
                "a".repeat(20_000)
            ),
        ),
        ("GET", "GET / HTTP/1.1\r\nHost: candidate.localhost\r\n\r\n".to_owned()),
    ] {
        let mut wire = Wire::open(router.admin);
        wire.send(&request);
        let response = wire.response(method);
        assert_eq!(response.status, 400, "{request:.60}");
        assert!(response.says_close(), "{request:.60}");
        assert!(method == "HEAD" || response.text().contains("https://"), "{}", response.text());
        wire.assert_closed();
    }
    let mut garbage = Wire::open(router.admin);
    garbage.send([0x80, 0x2e, 1, 0, 2, 0, 0, 0, 0, 0]);
    assert!(garbage.try_response("GET").is_err(), "what is neither is closed");
    let ran = command(&router, "http", &["promote"], &[]);
    assert!(ran.code != 0 && ran.err.contains("https://"), "{} {}", ran.code, ran.err);
    let (status, app) = call(&router, &trust, "GET /api/v1/apps/hello", &Value::Null);
    assert_eq!((status, &app["seq"]), (200, &before), "nothing was done");
}

#[test]
fn requests_are_read_as_strictly_as_in_plain_http() {
    let (files, trust) = CertificateFiles::new(&[HOST]);
    let router = serve(&files, router().stable("v1"));
    for request in [
        "GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
        "POST /api/v1/apps HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET / HTTP/1.1\nHost: localhost\n\n",
        "GET / HTTP/1.1\r\nHost : localhost\r\n\r\n",
    ] {
        let mut client = connect(&router, &trust);
        client.send(request.to_owned() + "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let response = client.response("GET");
        assert_eq!(response.status, 400, "{request:?}");
        assert!(response.says_close(), "{request:?}");
    }
    let (status, _) = call(&router, &trust, "GET /api/v1/apps", &Value::Null);
    assert_eq!(status, 200);
}

#[test]
fn a_host_that_shows_a_track_is_told_https_and_its_sockets_pass() {
    let (files, trust) = CertificateFiles::new(&[HOST, "candidate.localhost"]);
    let router = serve(&files, router().stable("v1").candidate_on("v2", vec![echo_sockets("v2")]));
    let (status, link) =
        call(&router, &trust, "POST /api/v1/apps/hello/previews", &json!({"track": "candidate"}));
    assert!(status < 300, "{link}");
    let path = link["path"].as_str().expect("a link has a path");
    let host = format!("candidate.localhost:{}", router.admin.port());
    let navigation = "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n";
    let mut client = connect(&router, &trust);
    client.send(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{navigation}\r\n"));
    let opened = client.response("GET");
    let set = opened.header("set-cookie").unwrap_or_else(|| panic!("no grant: {}", opened.text()));
    let cookie = set.split(';').next().expect("a cookie has a value").to_owned();

    let mut client = connect(&router, &trust);
    client.send(format!(
        "GET /chat HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    ));
    let response = client.response("GET");
    assert_eq!(response.status, 101, "{}", response.text());
    let mut ahead = std::mem::take(&mut client.0.ahead);
    for length in [5, 300, 70_000] {
        let payload = vec![b'x'; length];
        client.send(masked_frame(TEXT, &payload));
        assert_eq!(read_frame(&mut client.0.stream, &mut ahead), Some((TEXT, payload)));
    }
    let received = router.endpoint("v2").take();
    let received = received.iter().find(|received| received.target() == "/chat").expect("it came");
    assert_eq!(received.header("x-forwarded-proto"), Some("https"));
}

#[test]
fn a_renewed_certificate_is_shown_after_a_hangup() {
    let (files, old) = CertificateFiles::new(&[HOST]);
    let router = serve(&files, router().stable("v1"));
    let get = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut before = connect(&router, &old);
    before.send(get);
    assert_eq!(before.response("GET").status, 200);
    let new = files.renew();
    router.signal("HUP");
    eventually("the new certificate is shown", || TlsClient::try_open(router.admin, HOST, &new).is_some());
    before.send(get);
    assert_eq!(before.response("GET").status, 200, "an open connection goes on");
}

/// Whoever may not reach the admin port without TLS must not reach it in plain http because a file is missing.
#[test]
fn without_its_certificate_it_waits_and_never_speaks_plain_http() {
    let (files, trust) = CertificateFiles::new(&[HOST]);
    let mut router = serve(&files, router().durable().stable("v1"));
    router.terminate();
    assert_eq!(router.exit_code(), Some(0));
    let kept = files.dir.path().join("kept.pem");
    std::fs::rename(files.certificate(), &kept).expect("it can be moved");
    router.start_again();
    let mut wire = Wire::open(router.admin);
    wire.send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(wire.response("GET").status, 400);
    assert!(TlsClient::try_open(router.admin, HOST, &trust).is_none());
    assert_eq!(router.visitor().get("/").response.status, 200, "end users are served");
    assert!(router.log().contains("so does the admin port"), "{}", router.log());
    std::fs::rename(kept, files.certificate()).expect("it can be moved");
    eventually("it is found", || TlsClient::try_open(router.admin, HOST, &trust).is_some());
}

#[test]
fn what_cannot_work_is_refused_by_serve_and_check_alike() {
    let (files, _) = CertificateFiles::new(&[HOST]);
    let [certificate, key] = files.flags();
    for (flags, told) in [
        (vec!["--admin-tls"], "`tls_certificate` and `tls_key` are not given"),
        (vec!["--admin-tls", "on", &certificate], "`tls_key` is not given"),
        (vec!["--admin-tls=yes", &certificate, &key], "--admin-tls is `yes`"),
        (vec!["--admin-tls=off", &certificate, &key], "`listen_tls` is not given"),
        (vec!["--admin-tls", "--https-redirect=on", &certificate, &key], "nothing serves https"),
    ] {
        for verb in ["serve", "check"] {
            let listen = ["--store", "memory", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
            let ran = run(&[&[verb], &listen[..], &flags].concat(), &[]);
            assert_eq!(ran.code, 2, "{verb} {flags:?}: {}", ran.err);
            assert!(ran.err.contains(told), "{verb} {flags:?}: {}", ran.err);
        }
    }
    let ran = run(&["check", "--store", "memory", "--admin-tls", &certificate, &key], &[]);
    assert_eq!(ran.code, 0, "{}", ran.err);
}
