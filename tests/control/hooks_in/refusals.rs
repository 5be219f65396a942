//! What is wrong with a delivery, or with a hook: a clear error, and nothing changed.

use serde_json::{Value, json};
use support::{Wire, router};

use super::{SECRET, add, deliver, deliver_bytes, post, push, shown, signature, stage, stage_with};

#[test]
fn a_wrong_delivery_changes_nothing() {
    let (router, endpoint) = stage();
    add(&router, "far", json!({ "networks": ["192.0.2.0/24", "2001:db8::/32"] }));
    add(&router, "still", json!({ "paused": true }));
    let seq = router.api().state()["seq"].clone();
    let body = push("v2", &endpoint).to_string();
    let body = body.as_bytes();
    let right = format!("X-Hub-Signature-256: {}\r\n", signature(SECRET, body));
    let other = format!("X-Hub-Signature-256: {}\r\n", signature("another-secret-of-ours", body));
    let long = vec![b' '; 10 << 20];
    for (path, headers, bytes, status) in [
        ("/hooks/in/shop", String::new(), body, 401),
        ("/hooks/in/shop", other, body, 401),
        ("/hooks/in/shop", right.clone(), &body[..body.len() - 1], 401),
        ("/hooks/in/shop", format!("{right}{right}"), body, 401),
        ("/hooks/in/shop", "X-Hub-Signature-256: sha256=\r\n".to_owned(), body, 401),
        ("/hooks/in/shop", "X-Hub-Signature: sha1=00\r\n".to_owned(), body, 401),
        ("/hooks/in/shop", format!("Authorization: Bearer {}\r\n", router::token("admin")), body, 401),
        ("/hooks/in/far", right.clone(), body, 403),
        ("/hooks/in/far", format!("{right}X-Forwarded-For: 192.0.2.7\r\n"), body, 403),
        ("/hooks/in/still", right.clone(), body, 409),
        ("/hooks/in/nobody", right.clone(), body, 404),
        ("/hooks/in/a%20b", right.clone(), body, 404),
        ("/hooks/in/shop", right.clone(), &long[..], 413),
    ] {
        let answer = post(&router, path, bytes, &headers);
        assert_eq!(answer.status(), status, "{path} {headers}: {}", answer.response.text());
        assert!(!answer.json()["error"]["message"].as_str().unwrap_or_default().is_empty(), "{path}");
    }
    router.api().anonymous().call("GET", "/hooks/in/shop", None).expect(405);
    for id in ["0".repeat(32), "x".into(), "..%2f..".into()] {
        router.api().anonymous().call("GET", &format!("/hooks/in/shop/{id}"), None).expect(404);
    }
    assert_eq!((&router.api().state()["seq"], shown(&router).len()), (&seq, 0));
}

#[test]
fn a_payload_that_cannot_be_mapped_says_which_part() {
    let (router, endpoint) = stage_with(|builder| builder, json!({}));
    let seq = router.api().state()["seq"].clone();
    for (bytes, status, told) in [
        (&b"not json"[..], 400, "no JSON object"),
        (b"[]", 400, "another kind of value"),
        (b"", 400, "no JSON object"),
        (b"{\"ref\":", 400, "no JSON object"),
        (b"\xff\xfe", 400, "no JSON object"),
    ] {
        let answer = deliver_bytes(&router, "push", bytes, "").expect(status);
        assert!(answer.response.text().contains(told), "{}", answer.response.text());
    }
    let deep = format!("{{\"a\":{}", "[".repeat(100_000));
    deliver_bytes(&router, "push", deep.as_bytes(), "").expect(400);
    let with =
        |name: Value, endpoint: Value| json!({ "ref": name, "client_payload": { "endpoint": endpoint } });
    for (body, field) in [
        (json!({ "client_payload": { "endpoint": endpoint } }), "release"),
        (with(json!({ "x": 1 }), json!(endpoint)), "release"),
        (with(json!("refs/tags/v 2"), json!(endpoint)), "release"),
        (with(json!("refs/tags/"), json!(endpoint)), "release"),
        (json!({ "ref": "refs/tags/v2" }), "endpoints[0]"),
        (with(json!("refs/tags/v2"), json!("169.254.169.254:80")), "endpoints[0]"),
        (with(json!("refs/tags/v2"), json!("nobody.example")), "endpoints[0]"),
        (with(json!("refs/tags/v2"), json!([])), "endpoints"),
    ] {
        let answer = deliver(&router, "push", &body).expect(422);
        let found = answer.json()["error"]["field"].as_str().unwrap_or_default().to_owned();
        assert!(found == field || found == "id", "{body}: {}", answer.response.text());
        assert!(answer.response.header("location").is_some());
    }
    let form = router.api().anonymous().raw(
        "POST",
        "/hooks/in/shop",
        Some(("application/x-www-form-urlencoded", b"payload=%7B%7D")),
        &format!("X-Hub-Signature-256: {}\r\n", signature(SECRET, b"payload=%7B%7D")),
    );
    assert_eq!(form.status(), 415);
    assert_eq!(router.api().state()["seq"], seq);
}

/// An address that guesses is answered ever later, and a right delivery from there is not.
#[test]
fn guesses_are_held_back_and_right_deliveries_are_not() {
    let (router, endpoint) = stage();
    let mut statuses = Vec::new();
    for guess in 0..14 {
        let headers = format!("X-Hub-Signature-256: sha256={guess:064x}\r\n");
        statuses.push(post(&router, "/hooks/in/shop", b"{}", &headers).status());
    }
    assert!(statuses.contains(&401) && statuses.contains(&429), "{statuses:?}");
    deliver(&router, "push", &push("v2", &endpoint)).expect(200);
}

#[test]
fn what_is_no_hook_in_is_refused_by_field() {
    let router = router().stable("v1").start();
    let good = json!({ "sender": "github", "app": "hello", "release": "{/ref|last}" });
    for (field, value) in [
        ("sender", json!("bitbucket")),
        ("app", json!("-x")),
        ("release", json!("{/ref")),
        ("release", json!("{ref}")),
        ("release", json!("")),
        ("endpoints[0]", json!(["{/a|party}"])),
        ("networks[1]", json!(["10.0.0.0/8", "10.0.0.0/99"])),
        ("networks", json!([])),
        ("tags[0]", json!([""])),
        ("matches[0]", json!(["repository=x"])),
        ("do", json!("deploy-everything")),
        ("blend", json!(101)),
        ("reason", json!("{")),
        ("port", json!(70_000)),
        ("secret", json!("short")),
        ("colour", json!("red")),
    ] {
        let mut hook = good.clone();
        hook[field.split('[').next().expect("a name")] = value.clone();
        let error =
            router.api_as("admin").call("PUT", "/api/v1/hooks-in/shop", Some(&hook)).expect(422).json();
        assert_eq!(error["error"]["field"], field, "{value}: {error}");
    }
    let mut both = good.clone();
    (both["blend"], both["plan"]) = (json!(5), json!("gradual"));
    let error = router.api_as("admin").call("PUT", "/api/v1/hooks-in/shop", Some(&both)).expect(422).json();
    assert_eq!(error["error"]["field"], "plan", "a plan has blends of its own: {error}");
    let standard =
        json!({ "sender": "standard", "app": "hello", "release": "x", "secret": "0123456789abcdef" });
    let error = router.api_as("admin").call("PUT", "/api/v1/hooks-in/shop", Some(&standard)).expect(422);
    assert!(!error.response.text().contains("0123456789abcdef"), "a secret is not repeated");
    assert_eq!(router.api().call("GET", "/api/v1/hooks-in", None).expect(200).json()["hooks"], json!([]));
}

/// A port of its own has nothing else, whoever asks.
#[test]
fn the_port_of_senders_has_nothing_else() {
    let port = router::free_port();
    let (router, endpoint) =
        stage_with(|builder| builder.flag(&format!("--hooks-listen={port}")), json!({ "tags": ["v*"] }));
    let ask = |method: &str, path: &str, headers: &str, body: &str| {
        let mut wire = Wire::open(port);
        wire.send(format!(
            "{method} {path} HTTP/1.1\r\nHost: hooks.example\r\n{headers}Content-Length: {}\r\n\r\n{body}",
            body.len()
        ));
        wire.response(method)
    };
    let admin = format!("Authorization: Bearer {}\r\n", router::token("admin"));
    for path in
        ["/", "/healthz", "/readyz", "/metrics", "/api/v1/apps", "/api/kv/x", "/ui/", "/hooks", "/hooks/in"]
    {
        let response = ask("GET", path, &admin, "");
        assert!(matches!(response.status, 404 | 405), "{path}: {}", response.text());
    }
    assert_eq!(ask("POST", "/api/v1/apps/hello/abort", &admin, "").status, 404);
    let mut track = Wire::open(port);
    track.send("GET / HTTP/1.1\r\nHost: candidate.localhost\r\n\r\n");
    assert_eq!(track.response("GET").status, 404, "it shows no track");
    let body = push("v2", &endpoint).to_string();
    let signed = format!(
        "Content-Type: application/json\r\nX-Hub-Signature-256: {}\r\n",
        signature(SECRET, body.as_bytes())
    );
    let response = ask("POST", "/hooks/in/shop", &signed, &body);
    assert_eq!(response.status, 200, "{}", response.text());
    let own = json!({ "release": "v9", "endpoints": [port.to_string()] });
    router.api().put("candidate", &own).expect(422);
}
