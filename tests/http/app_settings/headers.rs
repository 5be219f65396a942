//! Header rules, for requests and for responses.

use super::stage::{ask, with_settings};
use serde_json::json;
use support::{Reply, router, scripted};

const HEAD: [(&str, &str); 4] =
    [("Server", "old"), ("X-Kept", "1"), ("X-Two", "a"), ("Cache-Control", "max-age=60")];

fn site() -> support::Endpoint {
    scripted(|_| Reply::response("200 OK", &HEAD, "fine"))
}

#[test]
fn requests_arrive_as_the_rules_say() {
    let rules = ["set X-Tenant: shop", "remove X-Debug", "add Accept-Language: de", "set User-Agent: router"];
    let router = with_settings(site(), &json!({"headers": {"request": rules}}));
    let sent = "Host: a\r\nX-TENANT: evil\r\nx-tenant: worse\r\nX-Debug: 1\r\nAccept-Language: en\r\nUser-Agent: me\r\nX-Kept: 1\r\n";
    assert_eq!(ask(&router, "GET /", sent).status, 200);
    let received = router.endpoint("v1").take().pop().expect("it was asked");
    assert_eq!(received.header_all("x-tenant"), ["shop"]);
    assert_eq!(received.header("x-debug"), None);
    assert_eq!(received.header_all("accept-language"), ["en", "de"]);
    assert_eq!(received.header_all("user-agent"), ["router"]);
    assert_eq!(received.header_all("x-kept"), ["1"]);
    assert!(received.faults.is_empty(), "{:?}", received.faults);
}

#[test]
fn responses_leave_as_the_rules_say() {
    let rules = [
        "remove server",
        "set X-Frame-Options: DENY",
        "add X-Two: b",
        "set Cache-Control: public, max-age=9",
    ];
    let router = with_settings(site(), &json!({"pin": "address", "headers": {"response": rules}}));
    let response = ask(&router, "GET /", "Host: a\r\n");
    assert_eq!((response.header("server"), response.header("x-frame-options")), (None, Some("DENY")));
    assert_eq!(response.header_all("x-two"), ["a", "b"]);
    assert_eq!(response.header_all("cache-control"), ["public, max-age=9"]);
    assert_eq!((response.header("x-kept"), response.text().as_str()), (Some("1"), "fine"));
}

/// A rule must not let a shared cache mix releases.
#[test]
fn while_two_releases_are_routed_no_rule_tells_caches_anything() {
    let settings = json!({"headers": {"response": ["set Cache-Control: public", "set CDN-Cache-Control: max-age=60", "set X-A: b"]}});
    let router = router().stable_on("v1", vec![site()]).candidate_on("v2", vec![site()]).blend(50);
    let router = router.key("rolling/hello/settings", &settings.to_string()).start();
    let response = ask(&router, "GET /", "Host: a\r\n");
    assert_eq!(response.header_all("cache-control"), ["private, max-age=60"]);
    assert_eq!((response.header("cdn-cache-control"), response.header("x-a")), (None, Some("b")));
}
