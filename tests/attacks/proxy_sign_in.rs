//! Sign-in by the header of a proxy: it counts from the proxy, with its secret, for the router's own page, and nowhere else.
//!
//! The proxy of these tests connects from 127.0.0.2. Endpoints are at 127.0.0.1.

use serde_json::{Value, json};
use support::router::{id, token};
use support::{Answer, Router, Wire, eventually, router};

use crate::calls::{Call, calls};

const SECRET: &str = "proxy-secret-0123456789";
const PROXY: [u8; 4] = [127, 0, 0, 2];
const ROLES: &str = "ann=admin,olga=operator,cia=ci,group:readers=viewer";

fn behind_a_proxy() -> Router {
    router()
        .durable()
        .stable("v1")
        .candidate("v2")
        .private_file("sso", &format!("an-older-secret-0123456789\n{SECRET}\n"))
        .flag("--admin-sso-header=X-Forwarded-User")
        .flag("--admin-sso-groups-header=X-Forwarded-Groups")
        .flag("--admin-sso-networks=127.0.0.1,127.0.0.2")
        .flag("--admin-sso-secret-file=sso")
        .flag(&format!("--admin-sso-roles={ROLES}"))
        .start()
}

/// A request from an address, with these header lines.
fn ask(
    router: &Router,
    from: [u8; 4],
    method: &str,
    path: &str,
    body: Option<&Value>,
    headers: &str,
) -> Answer {
    let body = body.map(Value::to_string).unwrap_or_default();
    let kind = if body.is_empty() { "" } else { "Content-Type: application/json\r\n" };
    let mut wire = Wire::open_from(router.admin, from);
    wire.send(format!(
        "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{headers}{kind}Content-Length: {}\r\n\r\n{body}",
        router.admin,
        body.len()
    ));
    Answer { response: wire.response(method) }
}

/// What the proxy adds for somebody.
fn of(name: &str) -> String {
    format!("X-Forwarded-User: {name}\r\nX-Rolling-Router-Sso-Secret: {SECRET}\r\n")
}

/// As the page sends it through the proxy.
fn by_page(router: &Router, name: &str, method: &str, path: &str, body: Option<&Value>) -> Answer {
    let origin = if method == "GET" { String::new() } else { format!("Origin: http://{}\r\n", router.admin) };
    ask(router, PROXY, method, path, body, &format!("{}{origin}Sec-Fetch-Site: same-origin\r\n", of(name)))
}

const LOCK: &str = "/api/v1/apps/hello/lock";

fn locked(router: &Router) -> bool {
    router.api().state()["lock"].is_object()
}

#[test]
fn whom_a_proxy_signs_in_is_shown_and_stands_in_history_and_audit() {
    let router = behind_a_proxy();
    let own = by_page(&router, "olga", "GET", "/api/v1/session", None).expect(200).json();
    assert_eq!((&own["who"]["name"], &own["who"]["role"]), (&json!("sso:olga"), &json!("operator")), "{own}");
    assert_eq!((&own["who"]["source"], &own["session"]), (&json!("proxy"), &json!(null)));
    let who = by_page(&router, "olga", "GET", "/api/v1/whoami", None).expect(200).json();
    assert_eq!(who["source"], "proxy");
    let body = json!({"percent": 7, "reason": "by a proxy"});
    by_page(&router, "olga", "PUT", "/api/v1/apps/hello/blend", Some(&body)).expect(200);
    let history = router.api().get("history").expect(200).response.text();
    assert!(history.contains("sso:olga"), "{history}");
    let audit = router.api_as("admin").call("GET", "/api/v1/audit", None).expect(200).json();
    let entry = audit["entries"].as_array().and_then(|all| all.iter().find(|one| one["actor"] == "sso:olga"));
    assert!(
        entry.is_some_and(|entry| entry["peer"] == "127.0.0.2" || entry["client"] == "127.0.0.2"),
        "{audit}"
    );
    // Groups give roles too.
    let headers = format!("{}X-Forwarded-Groups: a, readers\r\n", of("joe"));
    let joe = ask(&router, PROXY, "GET", "/api/v1/whoami", None, &headers).expect(200).json();
    assert_eq!((&joe["name"], &joe["role"]), (&json!("sso:joe"), &json!("viewer")));
    let refused = by_page(&router, "joe", "GET", "/api/v1/apps", None).expect(403).json();
    assert!(
        refused["error"]["message"].as_str().is_some_and(|why| why.contains("admin_sso_roles")),
        "{refused}"
    );
    // A session begins with a token, and ends where it began.
    by_page(&router, "olga", "POST", "/api/v1/session", Some(&json!({}))).expect(403);
    by_page(&router, "olga", "DELETE", "/api/v1/session", Some(&json!({}))).expect(404);
    // Who shows a token is who that says.
    let headers = format!("{}Authorization: Bearer {}\r\n", of("ann"), token("viewer"));
    let who = ask(&router, PROXY, "GET", "/api/v1/whoami", None, &headers).expect(200).json();
    assert_eq!(who["name"], "guest");
    // What is open is told what happens.
    let mut stream = Wire::open_from(router.admin, PROXY);
    stream.send(format!("GET /api/v1/stream HTTP/1.1\r\nHost: {}\r\n{}\r\n", router.admin, of("olga")));
    let begun = String::from_utf8_lossy(&stream.read_until(b"event: state")).into_owned();
    assert!(begun.starts_with("HTTP/1.1 200"), "{begun}");
}

#[test]
fn a_header_alone_signs_nobody_in() {
    let router = behind_a_proxy();
    let origin = format!("Origin: http://{}\r\n", router.admin);
    let put = |from: [u8; 4], headers: &str| {
        ask(&router, from, "PUT", LOCK, Some(&json!({"reason": "forged"})), &format!("{origin}{headers}"))
            .status()
    };
    let user = "X-Forwarded-User: ann\r\n";
    let secret = |text: &str| format!("X-Rolling-Router-Sso-Secret: {text}\r\n");
    // From elsewhere it means nothing, with or without the secret, whatever is said of the way.
    for from in [[127, 0, 0, 3], [127, 9, 9, 9]] {
        for headers in [user.to_owned(), of("ann"), format!("{}X-Forwarded-For: 127.0.0.2\r\n", of("ann"))] {
            assert_eq!(put(from, &headers), 401, "{from:?} {headers}");
        }
    }
    for headers in [
        user.to_owned(),
        format!("{user}{}", secret("")),
        format!("{user}{}", secret("proxy-secret-012345678")),
    ] {
        assert_eq!(put(PROXY, &headers), 401, "{headers}");
    }
    assert_eq!(put(PROXY, &secret(SECRET)), 401, "a secret is nobody's name");
    for headers in [
        format!("{user}{}", of("olga")),
        format!("{}{user}", of("olga")),
        format!("{}{}", of("olga"), secret(SECRET)),
        format!("{}{}", secret("wrong-secret-0123456789"), of("ann")),
        format!("{}X-Forwarded-Groups: a\r\nX-Forwarded-Groups: readers\r\n", of("joe")),
        of("ann, olga"),
        of(""),
        of(&"x".repeat(100)),
    ] {
        assert_eq!(put(PROXY, &headers), 400, "{headers}");
    }
    assert!(!locked(&router));
    // Guessing is told, and gets slow.
    for _ in 0..12 {
        put(PROXY, &format!("{user}{}", secret("guess-0123456789-0123456789")));
    }
    assert!(router.log().contains("without the proxy's secret"), "{}", router.log());
    assert_eq!(put(PROXY, &of("olga")), 200, "the proxy itself is served");
}

#[test]
fn an_endpoint_signs_nobody_in() {
    let router = behind_a_proxy();
    // The network has the endpoints' address too, by mistake.
    let headers = format!("{}Origin: http://{}\r\n", of("ann"), router.admin);
    let refused = ask(&router, [127, 0, 0, 1], "PUT", LOCK, Some(&json!({"reason": "forged"})), &headers);
    assert!(refused.expect(403).response.text().contains("address of an endpoint"));
    // One that is registered, and not routed, counts as well.
    router.api().kv_put("apps/hello-v9-80/containers/c1", "127.0.0.2:9999").expect(200);
    eventually("it is known", || {
        ask(&router, PROXY, "PUT", LOCK, Some(&json!({"reason": "forged"})), &headers).status() == 403
    });
    assert!(!locked(&router));
}

#[test]
fn a_proxy_signs_in_for_the_page_alone_and_its_own_origin() {
    let router = behind_a_proxy();
    for path in ["/v1/kv/rolling/hello/blendpercent", "/api/v2/deployments/", "/api/stats"] {
        for headers in [of("ann"), format!("{}Origin: http://{}\r\n", of("ann"), router.admin)] {
            assert_eq!(ask(&router, PROXY, "GET", path, None, &headers).status(), 401, "{path}");
        }
    }
    let body = json!({"reason": "by another site"});
    let own = format!("Origin: http://{}\r\n", router.admin);
    for headers in [
        String::new(),
        "Origin: null\r\n".to_owned(),
        "Origin: http://evil.example\r\n".to_owned(),
        format!("Origin: http://{}0\r\n", router.admin),
        format!("{own}Sec-Fetch-Site: cross-site\r\n"),
        format!("{own}Sec-Fetch-Site: same-site\r\n"),
    ] {
        let headers = format!("{}{headers}", of("ann"));
        assert_eq!(ask(&router, PROXY, "PUT", LOCK, Some(&body), &headers).status(), 403, "{headers}");
        let kv = "/api/kv/rolling/hello/blendpercent";
        assert_eq!(ask(&router, PROXY, "PUT", kv, Some(&json!(7)), &headers).status(), 403, "{headers}");
    }
    assert!(!locked(&router));
}

/// Every call, by somebody of each role: as with a token of it, on the paths of the page; nothing without an Origin.
#[test]
fn whom_a_proxy_signs_in_may_do_what_the_map_says() {
    let router = behind_a_proxy();
    let mut wrong = Vec::new();
    for (name, role) in [("ann", "admin"), ("olga", "operator"), ("cia", "ci")] {
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
            let by_header = by_page(&router, name, &method, &path, body.as_ref()).status();
            let by_token = bearer.call(&method, &path, body.as_ref()).status();
            let expected = if is_of_page { by_token } else { 401 };
            if by_header != expected {
                wrong.push(format!("{role}: {method} {path}: {by_header}, by token {by_token}"));
            }
            if method != "GET" {
                let bare = ask(&router, PROXY, &method, &path, body.as_ref(), &of(name)).status();
                if bare != if is_of_page { 403 } else { 401 } {
                    wrong.push(format!("{role}: {method} {path}: {bare} without an Origin"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_secret_of_a_proxy_goes_nowhere() {
    let router = behind_a_proxy();
    router.endpoint("v2").take();
    let grant = router.api().post("previews", &json!({"track": "candidate"})).expect(201).json();
    let link = grant["path"].as_str().expect("a path").to_owned();
    let mut wire = Wire::open_from(router.admin, PROXY);
    let headers = of("olga");
    wire.send(format!(
        "GET {link} HTTP/1.1\r\nHost: candidate.{}\r\nConnection: close\r\n{headers}\r\n",
        router.host
    ));
    let cookie = wire
        .response("GET")
        .header("set-cookie")
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default()
        .to_owned();
    let mut wire = Wire::open_from(router.admin, PROXY);
    wire.send(format!(
        "GET /x HTTP/1.1\r\nHost: candidate.{}\r\nCookie: {cookie}\r\nConnection: close\r\n{headers}\r\n",
        router.host
    ));
    assert_eq!(wire.response("GET").status, 200);
    let received = router.endpoint("v2").take();
    assert!(!received.is_empty(), "it was asked");
    for message in &received {
        assert!(message.header_all("x-rolling-router-sso-secret").is_empty());
    }
    by_page(&router, "olga", "PUT", LOCK, Some(&json!({"reason": "a look around"}))).expect(200);
    let admin = router.api_as("admin");
    let audit = admin.call("GET", "/api/v1/audit", None).expect(200).response.text();
    let stored = admin
        .call("POST", "/api/v1/store/list", Some(&json!({"prefixes": [""]})))
        .expect(200)
        .response
        .text();
    for text in [audit, stored, router.log()] {
        assert!(!text.contains(SECRET), "{text}");
    }
    for file in std::fs::read_dir(router.path("state")).expect("a folder").filter_map(Result::ok) {
        let bytes = std::fs::read(file.path()).unwrap_or_default();
        assert!(
            !bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes()),
            "{}",
            file.path().display()
        );
    }
}

#[test]
fn a_person_approves_once_by_token_and_by_proxy() {
    let router = router()
        .durable()
        .stable("v1")
        .deployed("v2")
        .token("test-olga-0123456789abcdef0123456789abcdef olga operator")
        .private_file("sso", &format!("{SECRET}\n"))
        .flag("--admin-sso-header=X-Forwarded-User")
        .flag("--admin-sso-networks=127.0.0.2")
        .flag("--admin-sso-secret-file=sso")
        .flag("--admin-sso-roles=olga=operator,oscar=operator")
        .start();
    let path = "/api/v1/apps/hello/approvals";
    let olga = router.api().with_token("test-olga-0123456789abcdef0123456789abcdef");
    let settings = json!({ "approvals": 1 });
    router.api().call("PATCH", "/api/v1/apps/hello/settings", Some(&settings)).expect(200);
    olga.put("candidate", &json!({ "id": id("v2"), "blend": 0 })).expect(200);
    let own = by_page(&router, "olga", "POST", path, Some(&json!({}))).expect(409);
    assert_eq!(own.code(), "own_release", "its author, by another way");
    by_page(&router, "oscar", "POST", path, Some(&json!({}))).expect(200);
    olga.post("promote", &json!({})).expect(200);
}
