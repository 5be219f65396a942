//! Behind a balancer everybody comes from the balancer's address: what goes by a client's address must go by the client's
//! own.

use std::net::Ipv4Addr;

use serde_json::json;
use support::{Router, RouterBuilder, Visitor, router};

const HEADER: &str = "X-Rolling-Release";

/// A candidate at blend 0, and a header that sends people of the office to it. The balancer stands in the same network.
fn office(builder: RouterBuilder) -> Router {
    let settings = json!({ "override": { "header": HEADER, "networks": ["127.0.0.0/8"] } });
    builder.stable("v1").candidate("v2").key("rolling/hello/settings", &settings.to_string()).start()
}

fn behind_a_balancer() -> Router {
    office(router().flag("--trusted-networks").flag("127.0.0.0/8"))
}

/// Who reaches which release when a request with these lines asks for the candidate.
fn reaches(router: &Router, lines: &str) -> String {
    let mut visitor: Visitor = router.visitor();
    visitor.headers = format!("{HEADER}: candidate\r\n{lines}");
    visitor.release()
}

/// Every client of a site behind a balancer reached the candidate at blend 0: the header was trusted since the balancer was.
#[test]
fn who_comes_through_a_balancer_is_not_the_balancer() {
    let router = behind_a_balancer();
    for lines in [
        "X-Forwarded-For: 203.0.113.9\r\n",
        "X-Forwarded-For: 127.0.0.1, 203.0.113.9\r\n",
        "X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-For: 203.0.113.9\r\n",
        "X-Forwarded-For: 203.0.113.9, 127.0.0.7\r\n",
        "X-Forwarded-For: 203.0.113.9:4711\r\n",
        "X-Forwarded-For: [2001:db8::9]:4711\r\n",
        "X-Forwarded-For: ::ffff:203.0.113.9\r\n",
        "X-Forwarded-For: 203.0.113.9\r\nX-Real-IP: 127.0.0.1\r\nForwarded: for=127.0.0.1\r\n",
        "Forwarded: for=203.0.113.9;proto=https\r\n",
        "Forwarded: for=127.0.0.1, for=\"[2001:db8::9]:4711\"\r\n",
        "X-Real-IP: 203.0.113.9\r\n",
        // The balancer says that it does not know, or something that is no address.
        "X-Forwarded-For: unknown\r\n",
        "X-Forwarded-For: 127.0.0.1, _hidden\r\n",
        "X-Forwarded-For: fe80::1%eth0\r\n",
        "X-Forwarded-For:\r\n",
        "Forwarded: for=unknown\r\n",
    ] {
        assert_eq!(reaches(&router, lines), "v1", "{lines:?}");
    }
    for lines in
        ["X-Forwarded-For: 127.0.0.9\r\n", "X-Forwarded-For: 203.0.113.9, 127.0.0.9, 127.0.0.1\r\n", ""]
    {
        let wanted = if lines.contains("203") { "v1" } else { "v2" };
        assert_eq!(reaches(&router, lines), wanted, "{lines:?}");
    }
}

#[test]
fn who_is_no_trusted_proxy_says_nothing_about_itself() {
    let settings = json!({ "override": { "header": HEADER, "networks": ["10.0.0.0/8"] } });
    let key = "rolling/hello/settings";
    let router = router().stable("v1").candidate("v2").key(key, &settings.to_string()).start();
    for name in ["X-Forwarded-For: 10.0.0.1", "X-Real-IP: 10.0.0.1", "Forwarded: for=10.0.0.1"] {
        assert_eq!(reaches(&router, &format!("{name}\r\n")), "v1", "{name}");
    }
}

/// It said that the header would be ignored, and the header decided.
#[test]
fn explain_says_what_then_happens() {
    let router = behind_a_balancer();
    for address in ["203.0.113.9", "127.0.0.9"] {
        let asked = json!({ "headers": { HEADER: "candidate" }, "address": address });
        let told = router.api().post("explain", &asked).expect(200).json();
        let told = told["release"]["release"].as_str().expect("a release").to_owned();
        assert_eq!(reaches(&router, &format!("X-Forwarded-For: {address}\r\n")), told, "{address}");
    }
}

#[test]
fn the_endpoint_and_the_log_learn_the_same_address() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("access.log");
    let builder = router().stable("v1").access_log(&log);
    let router = builder.flag("--trusted-networks").flag("127.0.0.0/8").start();
    let mut visitor = router.visitor();
    visitor.headers = "X-Forwarded-For: 6.6.6.6, 203.0.113.9\r\n".into();
    visitor.get("/");
    let received = router.endpoint("v1").take().remove(0);
    assert_eq!(received.header("x-real-ip"), Some("203.0.113.9"));
    assert_eq!(received.header("x-forwarded-for"), Some("203.0.113.9, 127.0.0.1"), "without hearsay");
    support::eventually("the line is written", || {
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        let line: serde_json::Value =
            text.lines().next().and_then(|line| line.parse().ok()).unwrap_or_default();
        (&line["client"], &line["peer"]) == (&json!("203.0.113.9"), &json!(Ipv4Addr::LOCALHOST))
    });
}
