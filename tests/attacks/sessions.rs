//! Sessions of browsers: they count for the router's own page alone, end with what they stand for, and go nowhere else.

use serde_json::{Value, json};
use support::router::token;
use support::{Answer, Api, Router, router};

use crate::calls::{Call, calls};

/// A browser that is signed in.
struct Page {
    api: Api,
    /// `name=value` of its cookie.
    pair: String,
    origin: String,
}

impl Page {
    fn sign_in(router: &Router, token: &str) -> Self {
        let signed_in = router.api().with_token(token).call("POST", "/api/v1/session", Some(&json!({})));
        let cookie = signed_in.expect(201).response.header("set-cookie").expect("a cookie").to_owned();
        let pair = cookie.split(';').next().expect("a pair").to_owned();
        Self { api: router.api().anonymous(), pair, origin: format!("http://{}", router.admin) }
    }

    /// As the page sends it.
    fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let origin = if method == "GET" { String::new() } else { format!("Origin: {}\r\n", self.origin) };
        self.send_with(method, path, body, &format!("{origin}Sec-Fetch-Site: same-origin\r\n"))
    }

    fn send_with(&self, method: &str, path: &str, body: Option<&Value>, headers: &str) -> Answer {
        let text = body.map(Value::to_string);
        let body = text.as_ref().map(|text| ("application/json", text.as_bytes()));
        self.api.raw(method, path, body, &format!("Cookie: other=1; {}\r\n{headers}", self.pair))
    }

    fn secret(&self) -> &str {
        self.pair.split_once('=').expect("a pair").1
    }

    fn id(&self) -> String {
        let own = self.send("GET", "/api/v1/session", None).expect(200).json();
        own["session"]["id"].as_str().expect("an id").to_owned()
    }
}

#[test]
fn a_cookie_is_unseen_by_scripts_and_sent_by_no_other_site() {
    let router = router().stable("v1").start();
    let sign_in = |headers: &str| {
        let answer = router.api().raw("POST", "/api/v1/session", Some(("application/json", b"{}")), headers);
        answer.expect(201).response.header("set-cookie").expect("a cookie").to_owned()
    };
    let cookie = sign_in("");
    for part in ["rolling-session-", "HttpOnly", "SameSite=Strict", "Path=/api", "Max-Age=604800"] {
        assert!(cookie.contains(part), "{part}: {cookie}");
    }
    assert!(!cookie.contains("Secure") && !cookie.contains("Domain"), "{cookie}");
    // The page came by https, through a proxy that ends TLS.
    assert!(sign_in(&format!("Origin: https://{}\r\n", router.admin)).contains("Secure"));
    router.api().anonymous().call("POST", "/api/v1/session", Some(&json!({}))).expect(401);
}

#[test]
fn no_page_of_another_site_acts_by_a_session() {
    let router = router().stable("v1").candidate("v2").start();
    let page = Page::sign_in(&router, token("admin"));
    let lock = json!({ "reason": "a test" });
    let path = "/api/v1/apps/hello/lock";
    page.send("PUT", path, Some(&lock)).expect(200);
    let own = format!("Origin: {}\r\n", page.origin);
    for headers in [
        "",
        "Origin: null\r\n",
        "Origin: http://evil.example\r\n",
        &format!("Origin: {}0\r\n", page.origin),
        &format!("{own}Sec-Fetch-Site: cross-site\r\n"),
        &format!("{own}Sec-Fetch-Site: same-site\r\n"),
    ] {
        page.send_with("DELETE", path, None, headers).expect(403);
        page.send_with("POST", "/api/v1/apps/hello/abort", Some(&json!({})), headers).expect(403);
        page.send_with("PUT", "/api/kv/rolling/hello/blendpercent", Some(&json!(7)), headers).expect(403);
    }
    page.send_with("GET", path.trim_end_matches("/lock"), None, "Sec-Fetch-Site: cross-site\r\n").expect(403);
    let state = router.api().state();
    assert!(state["lock"].is_object() && state["candidate"].is_object(), "{state}");
}

/// Every call, by a session of each role: as with the token, on the paths of the page; nothing without an Origin.
#[test]
fn a_session_opens_what_its_token_opens_and_no_path_of_old_scripts() {
    let router = router().stable("v1").candidate("v2").start();
    let mut wrong = Vec::new();
    for role in ["viewer", "ci", "operator", "admin"] {
        let page = Page::sign_in(&router, token(role));
        let bearer = router.api_as(role);
        for Call { method, path, role: least, .. } in calls() {
            let streams = path.contains("/stream") || path.ends_with("/store/watch");
            if least == "none" || streams || path.starts_with("/api/v1/session") {
                continue;
            }
            let is_of_page =
                ["/api/v1/", "/api/kv/", "/api/openapi"].iter().any(|root| path.starts_with(root));
            let path = format!("{path}?no_such_parameter=1");
            let body = Some(json!({ "no_such_field": 1 })).filter(|_| method != "GET");
            let by_page = page.send(&method, &path, body.as_ref()).status();
            let by_token = bearer.call(&method, &path, body.as_ref()).status();
            let expected = if is_of_page { by_token } else { 401 };
            if by_page != expected {
                wrong.push(format!("{role}: {method} {path}: {by_page}, by token {by_token}"));
            }
            if method != "GET" {
                let bare = page.send_with(&method, &path, body.as_ref(), "").status();
                if bare != if is_of_page { 403 } else { 401 } {
                    wrong.push(format!("{role}: {method} {path}: {bare} without an Origin"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_session_ends_with_its_token_and_when_somebody_ends_it() {
    let router = router().stable("v1").start();
    let admin = router.api_as("admin");
    let made = admin.call("POST", "/api/v1/tokens", Some(&json!({ "name": "nina", "role": "viewer" })));
    let nina = made.expect(201).json()["token"].as_str().expect("the token").to_owned();
    let (one, other) = (Page::sign_in(&router, &nina), Page::sign_in(&router, &nina));
    let guest = Page::sign_in(&router, token("viewer"));
    let listed = one.send("GET", "/api/v1/sessions", None).expect(200).json();
    let listed = listed["sessions"].as_array().expect("a list").clone();
    assert_eq!(listed.len(), 2, "its own only: {listed:?}");
    let all = admin.call("GET", "/api/v1/sessions", None).expect(200).json();
    assert_eq!(all["sessions"].as_array().map(Vec::len), Some(3), "{all}");

    let path = format!("/api/v1/sessions/{}", other.id());
    guest.send("DELETE", &path, None).expect(404);
    let headers = format!("Cookie: {}\r\n", other.pair);
    let mut stream = router.api().anonymous().stream("/api/v1/stream", &headers);
    stream.next("router");
    one.send("DELETE", &path, None).expect(200);
    stream.read_to_end();
    other.send("GET", "/api/v1/apps", None).expect(401);
    one.send("GET", "/api/v1/apps", None).expect(200);

    let mut stream = router.api().anonymous().stream("/api/v1/stream", &format!("Cookie: {}\r\n", one.pair));
    stream.next("router");
    admin.call("DELETE", "/api/v1/tokens/nina", None).expect(200);
    stream.read_to_end();
    one.send("GET", "/api/v1/apps", None).expect(401);
    let own = one.send("GET", "/api/v1/session", None).expect(200).json();
    assert_eq!((&own["who"], &own["session"]), (&json!(null), &json!(null)));

    let signed_out = guest.send("DELETE", "/api/v1/session", None).expect(200);
    assert!(signed_out.response.header("set-cookie").expect("a cookie").contains("Max-Age=0"));
    guest.send("GET", "/api/v1/apps", None).expect(401);
}

#[test]
fn a_session_goes_to_no_endpoint_and_stands_nowhere_in_clear() {
    let mut router = router().durable().stable("v1").start();
    let page = Page::sign_in(&router, token("operator"));
    router.endpoint("v1").take();
    let mut visitor = router.visitor();
    let pin = visitor.pin_of("/").expect("a pin");
    for cookies in [
        page.pair.clone(),
        format!("a=1; {}; b=2", page.pair),
        format!("{pin}; {}", page.pair),
        format!("{0}; {0}", page.pair),
    ] {
        let request = format!(
            "GET /x HTTP/1.1\r\nHost: {}\r\nCookie: {cookies}\r\nConnection: close\r\n\r\n",
            router.host
        );
        let mut wire = router.connect();
        wire.send(request);
        assert_eq!(wire.response("GET").status, 200, "{cookies}");
    }
    let received = router.endpoint("v1").take();
    assert!(received.len() >= 4, "{}", received.len());
    for message in &received {
        let cookies = message.header_all("cookie").join("; ");
        assert!(!cookies.contains(page.secret()) && !cookies.contains("rolling-session-"), "{cookies}");
    }
    page.send("PUT", "/api/v1/apps/hello/lock", Some(&json!({ "reason": "by the page" }))).expect(200);
    let admin = router.api_as("admin");
    let audit = admin.call("GET", "/api/v1/audit", None).expect(200).response.text();
    assert!(audit.contains("by the page") && audit.contains("maria"), "{audit}");
    let stored = admin.call("POST", "/api/v1/store/list", Some(&json!({ "prefixes": ["rolling/router/"] })));
    for text in [audit, stored.expect(200).response.text(), router.log()] {
        assert!(!text.contains(page.secret()) && !text.contains(token("operator")), "{text}");
    }
    router.start_again();
    page.send("GET", "/api/v1/apps", None).expect(200);
    for file in std::fs::read_dir(router.path("state")).expect("a folder").filter_map(Result::ok) {
        let bytes = std::fs::read(file.path()).unwrap_or_default();
        let secret = page.secret().as_bytes();
        assert!(!bytes.windows(secret.len()).any(|window| window == secret), "{}", file.path().display());
    }
}
