//! The override header: from trusted networks it chooses the release, from everybody else it is thrown away.

use super::tester::{Tester, link};
use serde_json::json;
use support::{Router, eventually, router};

const HEADER: &str = "X-Rolling-Release";

fn with_header(network: &str) -> Router {
    let settings = json!({"override": {"header": HEADER, "networks": [network]}});
    let builder = router().stable("v1").candidate("v2").deployed("v3");
    builder.key("rolling/hello/settings", &settings.to_string()).start()
}

#[test]
fn a_trusted_network_chooses_its_release() {
    let router = with_header("127.0.0.0/8");
    let ask = |value: &str| Tester::at(&router).with(HEADER, value).get("/");
    for (value, release) in [
        ("candidate", "v2"),
        ("stable", "v1"),
        ("v2", "v2"),
        ("apps/hello-v2-80/containers", "v2"),
        ("apps/hello-v1-80/containers", "v1"),
    ] {
        let response = ask(value);
        assert_eq!((response.status, response.header("x-release")), (200, Some(release)), "{value}");
        let id = format!("apps/hello-{release}-80/containers");
        assert_eq!(response.header("x-rolling-release"), Some(id.as_str()));
        assert_eq!(response.header("cache-control"), Some("no-store"));
        assert_eq!(response.header("set-cookie"), None, "no pin");
        let received = router.endpoint(release).take();
        assert_eq!(received.len(), 1, "{value}");
        assert_eq!(received[0].header(HEADER), None, "it never goes upstream");
    }
    for value in ["v3", "v9", "", "Candidate", "apps/hello-v3-80/containers"] {
        assert_eq!(ask(value).status, 404, "{value:?} is not routed");
    }
    let twice = Tester::at(&router).with(HEADER, "stable").with("x-rolling-release", "candidate").get("/");
    assert_eq!(twice.status, 400);
    let without = Tester::at(&router).get("/");
    assert_eq!((without.header("x-release"), without.header("x-rolling-release")), (Some("v1"), None));
}

#[test]
fn from_anybody_else_it_is_removed_and_without_effect() {
    let router = with_header("10.0.0.0/8");
    for value in ["candidate", "v2", "nonsense"] {
        let response = Tester::at(&router).with("x-rolling-RELEASE", value).with("X-Else", "kept").get("/");
        assert_eq!((response.status, response.header("x-release")), (200, Some("v1")), "{value}");
        assert_eq!(response.header("x-rolling-release"), None);
        assert!(response.header("set-cookie").is_some(), "it is an ordinary request");
    }
    for received in router.endpoint("v1").take() {
        assert_eq!((received.header(HEADER), received.header("x-else")), (None, Some("kept")));
    }
    // What somebody says of their address changes nothing.
    let lied = Tester::at(&router).with(HEADER, "candidate").with("X-Forwarded-For", "10.0.0.1").get("/");
    assert_eq!(lied.header("x-release"), Some("v1"));
}

/// It was taken out of heads, and went upstream behind a body.
#[test]
fn it_goes_upstream_in_no_trailer_either() {
    let router = with_header("127.0.0.0/8");
    let head = Tester::at(&router).with(HEADER, "candidate").head("POST", "/")
        + "Transfer-Encoding: chunked\r\n\r\n";
    let rest = "4\r\nbody\r\n0\r\nX-Sum: 1\r\nx-rolling-RELEASE: stable\r\n\r\n";
    let endpoint = router.endpoint("v2");
    for whole in [true, false] {
        let (mut wire, before) = (router.connect(), endpoint.connections());
        wire.send(&head);
        if !whole {
            eventually("the head is on its way", || endpoint.connections() > before);
        }
        wire.send(rest);
        assert_eq!(wire.response("POST").status, 200);
        let received = endpoint.take().pop().expect("it has arrived");
        assert_eq!((received.body.as_slice(), received.complete), (&b"body"[..], true));
        assert_eq!(received.trailers, [("X-Sum".to_owned(), "1".to_owned())], "whole: {whole}");
    }
}

#[test]
fn it_beats_the_cookie_and_leaves_the_pin_alone() {
    let router = with_header("127.0.0.1");
    let mut tester = Tester::at(&router).open(&link(&router, "candidate"));
    assert_eq!(tester.release(), "v2");
    let mut both = tester.clone().with(HEADER, "stable");
    assert_eq!(both.release(), "v1");
    assert_eq!(tester.release(), "v2");
}

#[test]
fn without_the_setting_a_header_of_that_name_is_the_apps_own() {
    let router = router().stable("v1").candidate("v2").start();
    let response = Tester::at(&router).with(HEADER, "candidate").get("/");
    assert_eq!(response.header("x-release"), Some("v1"));
    assert_eq!(router.endpoint("v1").take()[0].header(HEADER), Some("candidate"));
}

#[test]
fn the_setting_takes_effect_at_once_and_refuses_what_cannot_work() {
    let router = router().stable("v1").candidate("v2").start();
    let settings = json!({"override": {"header": HEADER, "networks": ["127.0.0.0/8"]}});
    router.api().call("PATCH", "/api/v1/apps/hello/settings", Some(&settings)).expect(200);
    assert_eq!(Tester::at(&router).with(HEADER, "candidate").get("/").header("x-release"), Some("v2"));
    for (wrong, field) in [
        (json!({"header": "Host", "networks": ["127.0.0.0/8"]}), "override.header"),
        (json!({"header": HEADER, "networks": []}), "override.networks"),
        (json!({"header": null, "networks": ["127.0.0.0/8"]}), "override.header"),
        (json!({"header": HEADER, "networks": ["127.0.0.1/8"]}), "override.networks[0]"),
    ] {
        let refused = router.api().put("settings", &json!({ "override": wrong })).expect(422);
        assert_eq!(refused.json()["error"]["field"], field);
    }
}
