//! Endpoints in TLS: verified, with a name and authorities of the app, and never mixed up with those without.

use super::stage::{before, release};
use serde_json::{Value, json};
use std::{fs, path::Path};
use support::log::objects;
use support::router::id;
use support::tls_front::TlsFront;
use support::websocket::{Socket, echo_sockets};
use support::{Reply, Response, Router, echo, eventually, scripted, serving};

const NAME: &str = "shop.internal";

fn secure(front: &TlsFront, name: Option<&str>) -> Value {
    json!({ "upstream": "https", "upstream_tls": { "server_name": name, "ca": front.pem } })
}

fn get(router: &Router) -> Response {
    let mut wire = router.connect();
    wire.send("GET /page HTTP/1.1\r\nHost: shop.example.test\r\n\r\n");
    wire.response("GET")
}

#[test]
fn requests_of_all_kinds_go_in_tls_on_connections_that_are_kept() {
    let front = TlsFront::before(echo("v1"), &[NAME]);
    let router = before(&[front.address], &secure(&front, Some(NAME))).start();
    let mut wire = router.connect();
    for _ in 0..20 {
        wire.send("GET /page HTTP/1.1\r\nHost: shop.example.test\r\n\r\n");
        let response = wire.response("GET");
        assert_eq!((response.status, response.header("x-release")), (200, Some("v1")), "{}", response.text());
    }
    let body = "x".repeat(300_000);
    wire.send(format!("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
    assert!(wire.response("PUT").text().ends_with(&body));
    wire.send("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
    assert!(wire.response("PUT").text().ends_with("hello"));
    let names = front.names();
    assert!(names.iter().all(|name| name.as_deref() == Some(NAME)), "{names:?}");
    let reused = router.api().metrics().sum("rolling_upstream_reuses_total", &[]);
    assert!(reused >= 20.0, "{reused} of 22 requests took a connection that was open");
}

#[test]
fn a_websocket_passes() {
    let front = TlsFront::before(echo_sockets("v1"), &[NAME]);
    let router = before(&[front.address], &secure(&front, Some(NAME))).start();
    let mut socket = Socket::open(&router, "/chat", "");
    socket.assert_echo("hello");
    socket.assert_echo(&"x".repeat(70_000));
}

#[test]
fn the_name_is_the_apps_first_exact_host_or_else_the_address() {
    let front = TlsFront::before(echo("v1"), &["shop.example.test"]);
    let mut settings = secure(&front, None);
    settings["hosts"] = json!(["*.example.test", "shop.example.test"]);
    let router = before(&[front.address], &settings).start();
    assert_eq!(get(&router).status, 200);
    assert_eq!(front.names().last(), Some(&Some("shop.example.test".to_owned())));
    let front = TlsFront::before(echo("v1"), &["127.0.0.1"]);
    let router = before(&[front.address], &secure(&front, None)).start();
    assert_eq!(get(&router).status, 200);
    assert_eq!(front.names().last(), Some(&None), "an address is not asked for by name");
}

/// Checks what is said of an endpoint that cannot prove who it is, and that nothing went to it.
fn assert_refused(settings: &Value, front: &TlsFront, why: &str) {
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let file = dir.path().join("access.log");
    let router = before(&[front.address], settings).access_log(&file).start();
    let response = get(&router);
    assert!(matches!(response.status, 502 | 503), "{why}: {}", response.status);
    assert_eq!(front.passed(), 0, "{why}");
    let mut failure = String::new();
    eventually("the log says why", || {
        let lines = objects(&file);
        failure = lines.first().map(|line| line["failure"].to_string()).unwrap_or_default();
        !failure.is_empty()
    });
    assert!(failure.contains(why), "{failure} lacks {why}");
    eventually("the state says why", || {
        let state = router.api().state().to_string();
        state.contains(&format!("failed the TLS handshake: {why}"))
    });
}

#[test]
fn an_endpoint_that_does_not_prove_who_it_is_gets_nothing() {
    let front = TlsFront::before(echo("v1"), &[NAME]);
    let other = TlsFront::before(echo("v1"), &[NAME]);
    assert_refused(&secure(&front, Some("blog.internal")), &front, "its certificate is for another name");
    assert_refused(&secure(&other, Some(NAME)), &front, "its certificate is");
    let system = json!({ "upstream": "https", "upstream_tls": { "server_name": NAME } });
    assert_refused(&system, &front, "its certificate is");
}

#[test]
fn an_endpoint_without_tls_is_told_from_one_with_it() {
    let plain = serving(|peer| {
        peer.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        peer.drain();
    });
    let router = before(&[plain.address], &json!({ "upstream": "https" })).start();
    assert!(matches!(get(&router).status, 502 | 503));
    eventually("the state says why", || router.api().state().to_string().contains("it does not speak TLS"));
}

/// Connections of both kinds are to one address, and the setting changes while they wait.
#[test]
fn a_change_of_the_setting_never_mixes_connections() {
    let front = TlsFront::before(echo("v1"), &[NAME]);
    let router = before(&[front.address], &secure(&front, Some(NAME))).start();
    assert_eq!(get(&router).status, 200);
    let set = |settings: Value| router.api().put("settings", &settings).expect(200);
    set(json!({ "upstream": "http" }));
    assert!(matches!(get(&router).status, 502 | 503), "plain http is no handshake");
    set(secure(&front, Some("blog.internal")));
    assert!(matches!(get(&router).status, 502 | 503), "the connection that waits was to another name");
    set(secure(&front, Some(NAME)));
    eventually("it serves again", || get(&router).status == 200);
}

#[test]
fn stable_answers_for_a_candidate_that_cannot_prove_who_it_is() {
    let front = TlsFront::before(echo("v1"), &[NAME]);
    let wrong = TlsFront::before(echo("v2"), &[NAME]);
    let builder = release(before(&[front.address], &secure(&front, Some(NAME))), "v2", &[wrong.address]);
    let router = builder.key("rolling/hello/candidate/id", &id("v2")).blend(100).start();
    for _ in 0..5 {
        assert_eq!(get(&router).header("x-release"), Some("v1"));
    }
    assert_eq!(wrong.passed(), 0);
}

#[test]
fn a_setting_that_cannot_work_is_refused() {
    let front = TlsFront::before(echo("v1"), &[NAME]);
    let router = before(&[front.address], &json!({})).start();
    let key = fs::read_to_string(router.path("tokens")).expect("it can be read");
    for (settings, field) in [
        (json!({ "upstream": "tls" }), "upstream"),
        (json!({ "upstream_tls": { "ca": key } }), "upstream_tls.ca"),
        (json!({ "upstream_tls": { "server_name": "https://shop" } }), "upstream_tls.server_name"),
    ] {
        let answer = router.api().put("settings", &settings).expect(422);
        assert!(answer.json().to_string().contains(field), "{field}");
    }
}

/// A client certificate and its key in one file, and the certificate alone.
fn write_identity(folder: &Path, name: &str) -> String {
    let made =
        rcgen::generate_simple_self_signed(vec!["router.internal".to_owned()]).expect("it can be made");
    let pem = made.cert.pem();
    let both = format!("{pem}{}", made.signing_key.serialize_pem());
    fs::write(folder.join(format!("{name}.pem")), both).expect("it can be written");
    pem
}

/// An endpoint that serves only who shows a certificate that it knows, on a new connection each time.
#[test]
fn an_endpoint_that_asks_for_a_certificate_is_shown_the_one_that_the_app_names() {
    let folder = tempfile::tempdir().expect("a temporary directory can be made");
    let known = write_identity(folder.path(), "shop");
    write_identity(folder.path(), "stranger");
    let endpoint = scripted(|_| Reply::response("200 OK", &[("Connection", "close")], "served"));
    let front = TlsFront::asking(endpoint, &[NAME], &known);
    let with = |certificate: Option<&str>| {
        let mut settings = secure(&front, Some(NAME));
        settings["upstream_tls"]["certificate"] = json!(certificate);
        settings["health"] = json!({ "path": "/healthz", "interval_ms": 200, "timeout_ms": 200, "fall": 1 });
        settings
    };
    let flag = format!("--upstream-certificates={}", folder.path().display());
    let router = before(&[front.address], &with(Some("shop"))).flag(&flag).start();
    let detail = || router.api().state()["stable"]["endpoints"][0]["detail"].clone();
    eventually("the endpoint is healthy", || detail().is_null() && get(&router).status == 200);
    let passed = front.passed();
    for (certificate, why) in [
        (None, "closed the connection without an answer"),
        (Some("stranger"), "closed the connection without an answer"),
        (
            Some("nobody"),
            "failed the TLS handshake: the router has no client certificate of the name in `upstream_tls.certificate`",
        ),
    ] {
        router.api().put("settings", &with(certificate)).expect(200);
        eventually(why, || detail() == why);
        assert!(matches!(get(&router).status, 502 | 503), "{certificate:?}");
    }
    assert!(front.passed() <= passed + 2, "none of them came through");
    let file = folder.path().join("shop.pem");
    let good = fs::read(&file).expect("it was written");
    router.api().put("settings", &with(Some("shop"))).expect(200);
    eventually("the right one is shown again", || get(&router).status == 200);
    fs::write(&file, "no certificate").expect("it can be written");
    for _ in 0..5 {
        assert_eq!(get(&router).status, 200, "a file that cannot be read keeps what was read before");
    }
    fs::copy(folder.path().join("stranger.pem"), &file).expect("it can be copied");
    eventually("another one is shown without a restart", || matches!(get(&router).status, 502 | 503));
    fs::write(&file, good).expect("it can be written");
    eventually("and the first one again", || get(&router).status == 200);
}
