//! Hosts of the admin port that show a track: `candidate.localhost` and `stable.localhost`, side by side.

use super::tester::{COOKIE, Tester, link};
use serde_json::json;
use support::websocket::{ACCEPT, TEXT, echo_sockets, masked_frame, read_frame};
use support::{Router, Wire, router};

fn dark() -> Router {
    router().stable("v1").candidate("v2").start()
}

fn host(router: &Router, track: &str) -> String {
    format!("{track}.localhost:{}", router.admin.port())
}

#[test]
fn both_tracks_are_shown_side_by_side() {
    let router = dark();
    let link = link(&router, "candidate");
    for (track, release) in [("candidate", "v2"), ("stable", "v1")] {
        let mut tester = Tester::on(&router, &host(&router, track)).open(&link);
        let response = tester.get("/api/v1/apps?x=1");
        assert_eq!((response.status, response.header("x-release")), (200, Some(release)), "{track}");
        assert_eq!(response.header("cache-control"), Some("no-store"));
        assert!(response.header("x-rolling-release").is_some_and(|shown| shown.contains(release)));
        assert_eq!(response.header("x-frame-options"), None, "it is the app's page, not the admin port's");
        let received = router.endpoint(release).take();
        let [received] = &received[..] else { panic!("{received:?}") };
        assert_eq!(received.target(), "/api/v1/apps?x=1");
        assert_eq!(received.header_all("host"), ["localhost"], "less its first label and port");
        assert_eq!(received.header("x-forwarded-for"), Some("127.0.0.1"));
        assert_eq!(received.header("cookie"), Some("theme=dark"));
    }
}

#[test]
fn without_a_grant_it_says_how_to_get_one() {
    let router = dark();
    for track in ["candidate", "stable"] {
        let mut stranger = Tester::on(&router, &host(&router, track)).with("Accept", "text/html");
        let response = stranger.get("/");
        assert_eq!(response.status, 403, "{track}");
        assert!(response.text().contains("preview link"), "{}", response.text());
        assert!(response.header("content-type").is_some_and(|kind| kind.starts_with("text/html")));
        stranger.cookies.insert(COOKIE.into(), "forged".into());
        assert_eq!(stranger.get("/").status, 403);
        assert!(!stranger.cookies.contains_key(COOKIE));
    }
    assert_eq!(router.endpoint("v1").received() + router.endpoint("v2").received(), 0);
    let bearer = format!("Bearer {}", router::token("operator"));
    let mut operator = Tester::on(&router, &host(&router, "candidate")).with("Authorization", &bearer);
    assert_eq!(operator.get("/api/v1/apps").status, 403, "the API is not there");
}

#[test]
fn a_grant_for_stable_does_not_open_the_candidate() {
    let router = dark();
    let stable = link(&router, "stable");
    let mut tester = Tester::on(&router, &host(&router, "stable")).open(&stable);
    assert_eq!(tester.release(), "v1");
    let mut tester = Tester::on(&router, &host(&router, "candidate")).open(&stable);
    assert_eq!(tester.get("/").status, 403);
    assert_eq!(router.endpoint("v2").received(), 0);
    let candidate = link(&router, "candidate");
    let mut tester = tester.open(&candidate);
    assert_eq!(tester.release(), "v2");
    router.api().post("promote", &json!({})).expect(200);
    assert_eq!(tester.get("/").status, 404, "nothing is on trial any more");
}

#[test]
fn only_the_admin_port_says_whom_it_asks_for() {
    let router = dark();
    let lie = "0123 candidate 10.0.0.1";
    let mut tester = Tester::on(&router, &host(&router, "candidate")).open(&link(&router, "candidate"));
    tester.headers = format!("Rolling-Peer: {lie}\r\nX-Forwarded-For: 10.0.0.1\r\n");
    assert_eq!(tester.release(), "v2");
    assert_eq!(router.endpoint("v2").take()[0].header_all("x-forwarded-for"), ["127.0.0.1"]);
    let mut front = Tester::at(&router).with("Rolling-Peer", lie);
    assert_eq!(front.release(), "v1");
    assert_eq!(router.endpoint("v1").take()[0].header_all("x-forwarded-for"), ["127.0.0.1"]);
}

#[test]
fn bodies_stream_both_ways() {
    let router = dark();
    let tester = Tester::on(&router, &host(&router, "candidate")).open(&link(&router, "candidate"));
    let body = vec![b'x'; 3 << 20];
    let mut wire = Wire::open(router.admin);
    wire.send(format!("{}Content-Length: {}\r\n\r\n", tester.head("POST", "/upload"), body.len()));
    wire.send(&body);
    let response = wire.response("POST");
    assert_eq!((response.status, response.header("x-release")), (200, Some("v2")));
    assert!(response.body.ends_with(&body), "the echo gives back {} bytes", response.body.len());
    assert!(response.body.len() > body.len(), "the head comes first");
}

#[test]
fn sockets_pass() {
    let router = router().stable("v1").candidate_on("v2", vec![echo_sockets("v2")]).start();
    let tester = Tester::on(&router, &host(&router, "candidate")).open(&link(&router, "candidate"));
    let mut wire = Wire::open(router.admin);
    wire.send(format!(
        "{}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {}\r\n\r\n",
        tester.head("GET", "/chat"),
        support::websocket::NONCE,
    ));
    let response = wire.response("GET");
    assert_eq!(response.status, 101, "{}", response.text());
    assert_eq!(response.header("sec-websocket-accept"), Some(ACCEPT));
    assert_eq!(response.header("x-release"), Some("v2"));
    for text in ["one", "two"] {
        wire.send(masked_frame(TEXT, text.as_bytes()));
        let frame = read_frame(wire.stream(), &mut Vec::new());
        assert_eq!(frame, Some((TEXT, text.as_bytes().to_vec())));
    }
}

#[test]
fn other_hosts_are_the_admin_ports_own() {
    let router = dark();
    for host in ["localhost", "127.0.0.1", "www.localhost"] {
        let response = Tester::on(&router, host).get("/");
        assert!(response.text().contains("<!doctype html>"), "{host}: {}", response.text());
    }
}
