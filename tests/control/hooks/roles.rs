//! Who may read and write hooks, and that nobody reads a secret.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use support::receiver::{Receiver, SECRET, call, hook};
use support::router::token;
use support::{eventually, router};

#[test]
fn operators_read_and_admins_write() {
    let router = router().stable("v1").start();
    let receiver = Receiver::start();
    hook(&router, &receiver, json!({}));
    let body = json!({"url": receiver.url()});
    for (role, reads, writes) in
        [("viewer", 403, 403), ("ci", 403, 403), ("operator", 200, 403), ("admin", 200, 200)]
    {
        let api = router.api_as(role);
        api.call("GET", "/api/v1/hooks", None).expect(reads);
        api.call("GET", "/api/v1/hooks/chat", None).expect(reads);
        api.call("PUT", "/api/v1/hooks/chat", Some(&body)).expect(writes);
        api.call("POST", "/api/v1/hooks/chat/test", None).expect(writes);
        api.call("DELETE", "/api/v1/hooks/chat", None).expect(writes);
    }
    let anonymous = router.api().anonymous();
    anonymous.call("GET", "/api/v1/hooks", None).expect(401);
    anonymous.call("DELETE", "/api/v1/hooks/chat", None).expect(401);
}

#[test]
fn a_secret_is_shown_once_and_never_again() {
    let router = router().stable("v1").start();
    let receiver = Receiver::start();
    let made = call(&router, "PUT", "/made", Some(&json!({"url": receiver.url()}))).expect(201).json();
    let secret = made["secret"].as_str().expect("it is shown when the router made it").to_owned();
    assert!(secret.starts_with("whsec_"), "{secret}");
    let given = hook(&router, &receiver, json!({}));
    assert_eq!(given.get("secret"), None, "whoever gave it knows it");
    let kept = call(&router, "PUT", "/made", Some(&json!({"url": receiver.url(), "paused": true})))
        .expect(200)
        .json();
    assert_eq!(kept.get("secret"), None);
    let body = json!({"url": receiver.url(), "new_secret": true});
    let other = call(&router, "PUT", "/made", Some(&body)).expect(200).json()["secret"].clone();
    assert_ne!(other, json!(secret));
    call(&router, "POST", "/chat/test", None).expect(200);
    router.api().put("sticky", &json!({"sticky": false})).expect(200);
    eventually("it was told", || receiver.endpoint.received() >= 2);

    let admin = router.api_as("admin");
    let mut answers: Vec<String> = [
        "/api/v1/hooks",
        "/api/v1/hooks/chat",
        "/api/v1/hooks/made",
        "/api/v1/fleet",
        "/api/v1/router",
        "/metrics",
        "/api/kv/?recurse",
        "/api/kv/rolling/?recurse",
    ]
    .iter()
    .map(|path| admin.call("GET", path, None).expect(200).response.text())
    .collect();
    for key in ["hooks/chat", "hooks/made", "hooks-sent/chat/-", "hooks-claim"] {
        let read = admin.call("GET", &format!("/api/kv/rolling/router/{key}?raw=true"), None).expect(403);
        answers.push(read.response.text());
        admin.kv_put(&format!("rolling/router/{key}"), "x").expect(403);
    }
    answers.push(router.log());
    answers.push(export(&router, &[]));
    for text in &answers {
        for secret in [SECRET, &secret, other.as_str().unwrap(), &SECRET[6..], &secret[6..]] {
            assert!(!text.contains(secret), "{text}");
        }
    }
    assert!(
        export(&router, &["--with-secrets"]).contains("whsec_"),
        "an admin who asks for secrets gets them"
    );
}

fn export(router: &support::Router, flags: &[&str]) -> String {
    let file = router.path("export.json");
    let run = Command::new(support::binary())
        .args(["kv", "export"])
        .arg(&file)
        .args(flags)
        .args(["--admin", &router.admin.to_string(), "--token", token("admin")])
        .output()
        .expect("the binary can be run");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    fs::read_to_string(file).expect("the export is there")
}

#[test]
fn a_viewers_stream_says_nothing_of_hooks() {
    let router = router().stable("v1").start();
    let receiver = Receiver::start();
    let mut events = router.api_as("viewer").stream("/api/v1/stream", "");
    hook(&router, &receiver, json!({}));
    router.api().put("sticky", &json!({"sticky": false})).expect(200);
    let state: Value = events.state(|state| state["sticky"] == false).data;
    assert!(!state.to_string().contains("s3cret"));
}
