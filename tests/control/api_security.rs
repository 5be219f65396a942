//! docs/http.md row 40: nobody without a token writes or reads, and no page, name or body gets around it.

use serde_json::json;
use std::fs;
use support::router::token;
use support::{Answer, Router, eventually, router};

fn both() -> Router {
    router().stable("v1").candidate("v2").blend(10).start()
}

const PATHS: [(&str, &str); 14] = [
    ("GET", "/api/v1/apps"),
    ("GET", "/api/v1/apps/hello"),
    ("GET", "/api/v1/apps/hello/history"),
    ("GET", "/api/v1/apps/hello/releases"),
    ("GET", "/api/v1/apps/hello/settings"),
    ("GET", "/api/v1/router"),
    ("GET", "/api/v1/whoami"),
    ("PUT", "/api/v1/apps/hello/blend"),
    ("POST", "/api/v1/apps/hello/promote"),
    ("DELETE", "/api/v1/apps/hello/candidate"),
    ("GET", "/api/kv/rolling/hello/blendpercent"),
    ("PUT", "/api/kv/rolling/hello/blendpercent"),
    ("DELETE", "/v1/kv/rolling/hello/blendpercent"),
    ("GET", "/v1/kv/rolling/?recurse=true"),
];

fn refused(router: &Router, path: (&str, &str), query: &str, headers: &str) -> Answer {
    let body = (path.0 != "GET").then(|| ("application/json", b"{\"percent\": 99}".as_slice()));
    router.api().anonymous().raw(path.0, &format!("{}{query}", path.1), body, headers)
}

fn unchanged(router: &Router) {
    let state = router.api().state();
    assert_eq!((state["blend"].as_f64(), &state["stable"]["release"]), (Some(10.0), &json!("v1")));
}

#[test]
fn without_a_token_nothing_is_read_or_written() {
    let router = both();
    for path in PATHS {
        let answer = refused(&router, path, "", "").expect(401);
        let challenge = answer.response.header("www-authenticate").unwrap_or_default();
        assert!(challenge.to_ascii_lowercase().starts_with("bearer"), "{path:?}: {challenge:?}");
        assert!(!answer.response.text().contains("apps/hello-v1"), "{path:?}");
    }
    unchanged(&router);
}

#[test]
fn a_token_counts_only_where_it_belongs() {
    let router = both();
    let good = token("admin");
    let separator = |path: &str| if path.contains('?') { '&' } else { '?' };
    for path in PATHS {
        for name in ["token", "access_token", "bearer"] {
            refused(&router, path, &format!("{}{name}={good}", separator(path.1)), "").expect(401);
        }
    }
    let short = &good[..good.len() - 1];
    for headers in [
        format!("Authorization: Bearer {short}\r\n"),
        format!("Authorization: Bearer {good}x\r\n"),
        "Authorization: Bearer  \r\n".to_owned(),
        "Authorization: Bearer\r\n".to_owned(),
        format!("Authorization: Basic {good}\r\n"),
        format!("Authorization: {good}\r\n"),
        format!("Cookie: token={good}\r\n"),
        format!("X-Token: {good}\r\n"),
    ] {
        let router = both(); // a fresh one each: repeated failures are slowed down
        let answer = refused(&router, PATHS[7], "", &headers);
        assert_eq!(answer.status(), 401, "{headers:?}");
        unchanged(&router);
    }
}

#[test]
fn two_authorizations_are_none() {
    let router = both();
    let good = token("admin");
    let twice = format!("Authorization: Bearer {good}\r\nAuthorization: Bearer x\r\n");
    let answer = refused(&router, PATHS[7], "", &twice);
    assert!(matches!(answer.status(), 400 | 401), "{}", answer.status());
    unchanged(&router);
}

#[test]
fn guessing_is_slowed_down() {
    let router = both();
    let guesser = router.api().with_token("wrong-wrong-wrong-wrong");
    let statuses: Vec<u16> = (0..60).map(|_| guesser.get("").status()).collect();
    assert_eq!(statuses[0], 401);
    assert_eq!(statuses.last(), Some(&429), "{statuses:?}");
}

fn with_host(router: &Router, host: &str, headers: &str) -> Answer {
    let token = token("operator");
    let bytes = format!(
        "PUT /api/v1/apps/hello/blend HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
         {headers}Content-Type: application/json\r\nContent-Length: 15\r\n\r\n{{\"percent\": 99}}"
    );
    router.api().exchange("PUT", bytes.as_bytes())
}

#[test]
fn a_foreign_host_is_misdirected() {
    let router = both();
    for host in ["evil.test", "evil.test:8080", "localhost.evil.test", "127.0.0.1.evil.test"] {
        with_host(&router, host, "").expect(421);
    }
    unchanged(&router);
    for host in [
        router.admin.to_string(),
        format!("localhost:{}", router.admin.port()),
        "127.0.0.1".into(),
        "[::1]".into(),
    ] {
        with_host(&router, &host, "").expect(200);
    }
}

#[test]
fn a_foreign_origin_is_refused_and_gets_no_grant() {
    let router = both();
    let own = router.admin.to_string();
    for origin in ["http://evil.test", "null", "https://evil.test:8080", "file://"] {
        let answer = with_host(&router, &own, &format!("Origin: {origin}\r\n")).expect(403);
        assert_eq!(answer.response.header("access-control-allow-origin"), None);
    }
    let fetch = with_host(&router, &own, "Sec-Fetch-Site: cross-site\r\nOrigin: http://evil.test\r\n");
    fetch.expect(403);
    unchanged(&router);
    with_host(&router, &own, &format!("Origin: http://{own}\r\n")).expect(200);
}

#[test]
fn a_preflight_grants_nothing() {
    let router = both();
    let headers = "Origin: http://evil.test\r\nAccess-Control-Request-Method: PUT\r\nAccess-Control-Request-Headers: authorization\r\n";
    let answer = router.api().anonymous().raw("OPTIONS", "/api/v1/apps/hello/blend", None, headers);
    assert!(answer.status() >= 400 || answer.response.header("access-control-allow-origin").is_none());
    for name in
        ["access-control-allow-origin", "access-control-allow-methods", "access-control-allow-headers"]
    {
        assert_eq!(answer.response.header(name), None);
    }
}

#[test]
fn answers_are_not_for_caches_or_frames() {
    let router = both();
    for path in ["/api/v1/apps/hello", "/api/kv/rolling/hello/blendpercent"] {
        let response = router.api().raw("GET", path, None, "").expect(200).response;
        assert!(response.header("cache-control").is_some_and(|value| value.contains("no-store")), "{path}");
        assert_eq!(response.header("x-content-type-options"), Some("nosniff"), "{path}");
        let policy = response.header("content-security-policy").unwrap_or_default();
        assert!(policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
    }
}

#[test]
fn names_that_climb_or_break_lines() {
    let router = both();
    let api = router.api();
    for key in [
        "../etc/passwd",
        "rolling/../x",
        "rolling/./x",
        "rolling//x",
        "/x",
        "rolling/%2e%2e/x",
        "rolling/%2e%2e%2fx",
        "rolling/x%0d%0ay",
        "rolling/x%00",
        "rolling/%0a",
        "rolling/x%7f",
        "%ff",
    ] {
        let answer = api.kv_put(key, "x");
        assert!(matches!(answer.status(), 400 | 403 | 404 | 422), "{key}: {}", answer.status());
    }
    for app in ["..", "%2e%2e", "a%2fb", "null", "router", "a%00", "a%0d%0ab", "-a", &"a".repeat(64)] {
        let answer = api.call("PUT", &format!("/api/v1/apps/{app}/blend"), Some(&json!({ "percent": 1 })));
        assert!(matches!(answer.status(), 400 | 404 | 405 | 422), "{app}: {}", answer.status());
    }
    unchanged(&router);
}

#[test]
fn reasons_and_names_are_data() {
    let router = both();
    let api = router.api();
    let reason = "a \"b\" \\ <script>\u{202e} \u{1b}[31m line\nbreak";
    api.put("blend", &json!({ "percent": 11, "reason": reason })).expect(200);
    assert!(router.log().lines().all(|line| !line.contains('\u{1b}') && !line.starts_with("break")));
    let endless = "x".repeat(1_000_000);
    let answer = api.put("blend", &json!({ "percent": 12, "reason": endless }));
    assert!(matches!(answer.status(), 400 | 413 | 422), "{}", answer.status());
}

#[test]
fn the_front_port_does_not_serve_the_api() {
    let router = both();
    let mut wire = router.connect();
    wire.send(format!("GET /api/v1/apps HTTP/1.1\r\nHost: {}\r\n\r\n", router.host));
    // A new client: one in ten gets the candidate.
    let response = wire.response("GET");
    let release = response.header("x-release");
    assert!(
        matches!(release, Some("v1" | "v2")),
        "an app may have paths of its own by these names: {release:?}"
    );
}

/// A token that was taken out of the file went on until the next restart, which cuts everybody else too.
#[test]
fn the_token_file_is_read_again_when_it_changes() {
    let router = both();
    let (file, kept) = (router.path("tokens"), format!("{} root admin\n", token("admin")));
    let who = |token: &str| router.api().with_token(token).call("GET", "/api/v1/whoami", None).status();
    let (mut ends, mut stays) =
        (router.api().stream("/api/v1/stream", ""), router.api_as("admin").stream("/api/v1/stream", ""));
    stays.next("state");
    let logged = |text: &str| eventually(text, || router.log().contains(text));

    fs::write(&file, format!("{kept}a-new-token-1 nina boss\n")).expect("the file can be written");
    logged("line 2: `boss` is no role; one of viewer, ci, operator, admin");
    assert_eq!((who(token("operator")), who("a-new-token-1")), (200, 401), "the last good ones stay");

    fs::write(&file, format!("{kept}a-new-token-1 nina viewer\n")).expect("the file can be written");
    logged("the token file was read again: 2 tokens, 3 of the earlier ones are gone");
    assert_eq!((who(token("operator")), who("a-new-token-1")), (401, 200));
    ends.read_to_end();

    fs::write(&file, format!("{kept}a-new-token-2 nina viewer\n")).expect("the file can be written");
    router.signal("HUP");
    logged("the token file was read again: 2 tokens, 1 of the earlier ones are gone");
    assert_eq!((who("a-new-token-1"), who("a-new-token-2")), (401, 200));
    router.api_as("admin").put("sticky", &json!({ "sticky": false })).expect(200);
    stays.state(|state| state["sticky"] == false);
}
