//! A receiver that wants a header of its own, such as a token: it gets it, and nobody else learns it.

use std::process::Command;

use serde_json::json;

use support::receiver::{HookCall, Receiver, SECRET, call, hook, shown};
use support::router::token;
use support::{Reply, router};

const TOKEN: &str = "Bearer hunter2-of-the-receiver";

#[test]
fn a_receiver_gets_its_header_and_nobody_is_shown_its_value() {
    let router = router().stable("v1").start();
    let mut receiver = Receiver::start();
    let header = json!({"name": "Authorization", "value": TOKEN});
    let made = hook(&router, &receiver, json!({"header": header}));
    assert_eq!(made["header"], "authorization");
    let sent = |told: &[HookCall]| told.last().and_then(|told| told.authorization.clone());
    assert_eq!(call(&router, "POST", "/chat/test", None).expect(200).json()["delivered"], true);
    assert_eq!(sent(receiver.told()).as_deref(), Some(TOKEN), "a test");
    router.api().put("sticky", &json!({"sticky": false})).expect(200);
    let told = receiver.wait_for("the change", |told| told.iter().any(|told| told.what().0 == "set-sticky"));
    assert_eq!(sent(&told).as_deref(), Some(TOKEN), "a change");

    let admin = router.api_as("admin");
    for path in ["/api/v1/hooks", "/api/v1/hooks/chat", "/api/v1/audit", "/api/kv/rolling?recurse=true"] {
        let answer = admin.call("GET", path, None);
        assert!(!answer.response.text().contains("hunter2"), "{path}");
    }
    let exported = admin.call("GET", "/api/kv/rolling?recurse=true", None).response.text();
    assert!(exported.contains("rolling/hello/"), "the keys that everybody may read");
    assert!(!router.log().contains("hunter2"));
    let audited = admin.call("GET", "/api/v1/audit", None).response.text();
    assert!(audited.contains("/api/v1/hooks/chat") && audited.contains("(secret)"), "{audited}");
}

#[test]
fn a_header_goes_nowhere_else_unasked_and_is_refused_by_field() {
    let router = router().stable("v1").start();
    let receiver = Receiver::start();
    hook(&router, &receiver, json!({"header": {"name": "Authorization", "value": TOKEN}}));
    let elsewhere = Receiver::start();
    let refused = call(&router, "PUT", "/chat", Some(&json!({"url": elsewhere.url()}))).expect(422);
    assert_eq!(refused.json()["error"]["field"], "header");
    call(&router, "PUT", "/chat", Some(&json!({"url": receiver.url(), "paused": true}))).expect(200);
    assert_eq!(shown(&router)["header"], "authorization");
    call(&router, "PUT", "/chat", Some(&json!({"url": elsewhere.url(), "no_header": true}))).expect(200);
    assert_eq!(shown(&router)["header"], json!(null));
    for (header, field) in [
        (json!({"name": "Host", "value": "x"}), "header.name"),
        (json!({"name": "Webhook-Id", "value": "x"}), "header.name"),
        (json!({"name": "X-Token", "value": "a\r\nHost: b"}), "header.value"),
        (json!({"name": "X-Token", "value": ""}), "header.value"),
        (json!({"name": "X-Token"}), "header.value"),
        (json!("Authorization: Bearer hunter2"), "header"),
        (json!({"name": "X-Token", "value": "a", "colour": "red"}), "header.colour"),
    ] {
        let body = json!({"url": receiver.url(), "header": header});
        let refused = call(&router, "PUT", "/chat", Some(&body)).expect(422);
        assert_eq!(refused.json()["error"]["field"], field, "{body}");
        assert!(!refused.response.text().contains("hunter2"), "{body}");
    }
    let both = json!({"url": receiver.url(), "header": {"name": "X-Token", "value": "a"}, "no_header": true});
    assert_eq!(call(&router, "PUT", "/chat", Some(&both)).expect(422).json()["error"]["field"], "no_header");
}

/// A receiver that shows what it was sent, as test servers and error pages do.
#[test]
fn a_receiver_that_repeats_the_header_shows_it_to_nobody() {
    let router = router().stable("v1").start();
    let receiver = Receiver::answering(|message| {
        Reply::ok(format!("you sent {}", message.header("authorization").unwrap_or("nothing")))
    });
    hook(&router, &receiver, json!({"header": {"name": "Authorization", "value": TOKEN}}));
    let tested = call(&router, "POST", "/chat/test", None).expect(200).json();
    assert_eq!(tested["answer"], "you sent (secret)");
}

#[test]
fn the_command_line_takes_it_from_the_environment_and_prints_its_name_only() {
    let router = router().stable("v1").start();
    let mut receiver = Receiver::start();
    let run = |words: &[&str], header: Option<&str>| {
        let mut command = Command::new(support::binary());
        command.arg("hook").args(words).args([
            "--admin",
            &router.admin.to_string(),
            "--token",
            token("admin"),
        ]);
        command.env_remove("ROLLING_ROUTER_HOOK_HEADER").env("ROLLING_ROUTER_HOOK_SECRET", SECRET);
        command.envs(header.map(|header| ("ROLLING_ROUTER_HOOK_HEADER", header)));
        let run = command.output().expect("the binary can be run");
        let text = String::from_utf8_lossy(&[run.stdout, run.stderr].concat()).into_owned();
        assert!(!text.contains("hunter2"), "{text}");
        (run.status.code(), text)
    };
    let add = ["add", "chat", &receiver.url()];
    assert_eq!(run(&add, Some("Bearer hunter2")).0, Some(2), "it has no colon");
    assert_eq!(run(&add, Some(&format!("Authorization: {TOKEN}"))).0, Some(0));
    for verb in ["pause", "resume", "test"] {
        assert_eq!(run(&[verb, "chat"], None).0, Some(0), "{verb}");
    }
    assert_eq!(receiver.told()[0].authorization.as_deref(), Some(TOKEN));
    assert_eq!(run(&add, None).0, Some(0));
    assert!(run(&["show", "chat"], None).1.contains("with authorization"));
    assert_eq!(run(&["add", "chat", &receiver.url(), "--no-header"], None).0, Some(0));
    assert_eq!(shown(&router)["header"], json!(null));
}
