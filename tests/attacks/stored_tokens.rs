//! Tokens of the store: they may do what they were made for, until they end, and stand nowhere in clear.

use serde_json::{Value, json};
use support::{Api, Router, router};

fn make(maker: &Api, body: &Value) -> (String, Value) {
    let made = maker.call("POST", "/api/v1/tokens", Some(body)).expect(201).json();
    (made["token"].as_str().expect("the token").to_owned(), made)
}

fn who(router: &Router, token: &str) -> u16 {
    router.api().with_token(token).call("GET", "/api/v1/whoami", None).status()
}

#[test]
fn a_token_that_is_taken_back_opens_nothing_and_its_streams_end() {
    let router = router().stable("v1").candidate("v2").start();
    let admin = router.api_as("admin");
    let (token, made) = make(&admin, &json!({"name": "nina", "role": "operator", "apps": ["hello"]}));
    assert_eq!((&made["by"], &made["source"]), (&json!("root"), &json!("store")));
    let nina = router.api().with_token(&token);
    nina.put("blend", &json!({"percent": 7, "reason": "a try"})).expect(200);
    nina.call("GET", "/api/v1/apps/other", None).expect(403);
    nina.call("POST", "/api/v1/tokens", Some(&json!({"name": "eve", "role": "admin"}))).expect(403);
    let history = admin.get("history").expect(200).response.text();
    assert!(history.contains("nina"), "{history}");
    let mut stream = nina.stream("/api/v1/stream", "");
    stream.next("state");
    admin.call("DELETE", "/api/v1/tokens/nina", None).expect(200);
    stream.read_to_end();
    assert_eq!(who(&router, &token), 401);
}

#[test]
fn a_token_whose_time_is_over_opens_nothing_and_its_streams_end() {
    let router = router().stable("v1").start();
    let admin = router.api_as("admin");
    let (token, _) = make(&admin, &json!({"name": "soon", "role": "viewer", "for_seconds": 2}));
    let mut stream = router.api().with_token(&token).stream("/api/v1/stream", "");
    stream.next("router");
    stream.read_to_end();
    assert_eq!(who(&router, &token), 401);
    let listed = admin.call("GET", "/api/v1/tokens", None).expect(200).json();
    let soon = listed["tokens"].as_array().expect("a list").iter().find(|one| one["name"] == "soon").cloned();
    assert_eq!(soon.expect("it is listed still")["ended"], true);
    make(&admin, &json!({"name": "soon", "role": "viewer"}));
}

#[test]
fn a_token_comes_from_its_networks_alone() {
    let router = router().stable("v1").flag("--trusted-networks").flag("127.0.0.0/8").start();
    let admin = router.api_as("admin");
    let (token, _) = make(&admin, &json!({"name": "office", "role": "viewer", "networks": ["192.0.2.0/24"]}));
    let office = router.api().with_token(&token);
    let from = |address: &str| {
        office.raw("GET", "/api/v1/whoami", None, &format!("X-Forwarded-For: {address}\r\n")).status()
    };
    assert_eq!((from("192.0.2.9"), from("198.51.100.1")), (200, 403));
    let refused = office.call("GET", "/api/v1/whoami", None).expect(403).json();
    let message = refused["error"]["message"].as_str().expect("a message").to_owned();
    assert!(message.contains("192.0.2.0/24") && message.contains("127.0.0.1"), "{message}");
}

#[test]
fn no_token_makes_one_that_may_do_more_than_itself() {
    let router = router().stable("v1").start();
    let (token, _) = make(
        &router.api_as("admin"),
        &json!({"name": "limited", "role": "admin", "raw": false, "for_seconds": 600}),
    );
    let limited = router.api().with_token(&token);
    let ask = |body: Value| limited.call("POST", "/api/v1/tokens", Some(&body));
    let more = ask(json!({"name": "more", "role": "admin", "for_seconds": 60})).expect(403).json();
    assert_eq!(more["error"]["field"], "raw");
    let longer = ask(json!({"name": "more", "role": "viewer", "raw": false})).expect(403).json();
    assert_eq!(longer["error"]["field"], "for_seconds");
    ask(json!({"name": "less", "role": "ci", "raw": false, "for_seconds": 60})).expect(201);
}

#[test]
fn a_token_stands_nowhere_in_clear() {
    let mut router = router().durable().stable("v1").start();
    let admin = router.api_as("admin");
    let (token, _) = make(&admin, &json!({"name": "secretive", "role": "admin"}));
    let mut own = router.api().with_token(&token);
    own.put("blend", &json!({"percent": 3})).status();
    let listed = admin.call("GET", "/api/v1/tokens", None).expect(200).response.text();
    let audit = admin.call("GET", "/api/v1/audit", None).expect(200).response.text();
    assert!(audit.contains("token secretive"), "{audit}");
    let stored = admin.call("POST", "/api/v1/store/list", Some(&json!({"prefixes": ["rolling/router/"]})));
    let stored = stored.expect(200).response.text();
    for text in [listed, audit, stored, router.log()] {
        assert!(!text.contains(&token), "{text}");
    }
    // It is kept with the state, for a start without the store, and there by its digest alone.
    router.start_again();
    own = router.api().with_token(&token);
    own.call("GET", "/api/v1/tokens", None).expect(200);
    let state = router.path("state");
    let files = std::fs::read_dir(&state).expect("a folder").filter_map(Result::ok);
    for file in files.filter(|file| file.path().is_file()) {
        let bytes = std::fs::read(file.path()).unwrap_or_default();
        let holds = bytes.windows(token.len()).any(|window| window == token.as_bytes());
        assert!(!holds, "{}", file.path().display());
    }
}

#[test]
fn bad_requests_name_the_field_and_make_nothing() {
    let router = router().stable("v1").start();
    let admin = router.api_as("admin");
    for (body, status, field) in [
        (json!({"name": "a/b", "role": "ci"}), 422, "name"),
        (json!({"name": "x", "role": "emperor"}), 422, "role"),
        (json!({"name": "x", "role": "ci", "apps": []}), 422, "apps"),
        (json!({"name": "x", "role": "ci", "networks": ["10.0.0.1/8"]}), 422, "networks[0]"),
        (json!({"name": "x", "role": "ci", "for_seconds": 0}), 422, "for_seconds"),
        (json!({"name": "guest", "role": "admin"}), 409, "name"),
        (json!({"name": "x", "role": "ci", "token": "mine"}), 422, "token"),
    ] {
        let refused = admin.call("POST", "/api/v1/tokens", Some(&body)).expect(status).json();
        assert_eq!(refused["error"]["field"], field, "{refused}");
    }
    let listed = admin.call("GET", "/api/v1/tokens", None).expect(200).json();
    assert_eq!(listed["tokens"].as_array().map(Vec::len), Some(4), "{listed}");
    for role in ["viewer", "ci", "operator"] {
        let body = json!({"name": "x", "role": "viewer"});
        router.api_as(role).call("POST", "/api/v1/tokens", Some(&body)).expect(403);
        router.api_as(role).call("DELETE", "/api/v1/tokens/x", None).expect(403);
    }
    router.api_as("admin").call("GET", "/api/kv/rolling/router/tokens/x?raw=true", None).expect(403);
}
