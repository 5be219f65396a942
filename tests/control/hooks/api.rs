//! Hooks through the API: made, changed, removed, tested, and what is refused.

use serde_json::{Value, json};

use support::receiver::{Receiver, SECRET, call, hook, shown};
use support::{Reply, eventually, router};

#[test]
fn a_hook_is_made_changed_and_removed() {
    let router = router().stable("v1").start();
    let receiver = Receiver::start();
    assert_eq!(call(&router, "GET", "", None).expect(200).json()["hooks"], json!([]));
    let body = json!({"url": receiver.url(), "apps": ["hello"], "events": ["rollback", "promote", "promote"], "secret": SECRET});
    let made = call(&router, "PUT", "/chat", Some(&body)).expect(201);
    let tag = made.response.header("etag").expect("an ETag").trim_matches('"').parse::<u64>().unwrap();
    let made = made.json();
    assert_eq!((&made["name"], &made["state"], &made["by"]), (&json!("chat"), &json!("new"), &json!("root")));
    assert_eq!((&made["apps"], &made["events"]), (&json!(["hello"]), &json!(["promote", "rollback"])));
    let listed = call(&router, "GET", "", None).expect(200).json();
    assert_eq!(
        (listed["hooks"].as_array().map(Vec::len), &listed["hooks"][0]["url"]),
        (Some(1), &json!(receiver.url()))
    );
    assert!(listed["events"].as_array().unwrap().iter().any(|event| event["name"] == "can-be-stopped"));

    let admin = router.api_as("admin");
    let all = json!({"url": receiver.url()});
    admin.if_match(tag + 1_000).call("PUT", "/api/v1/hooks/chat", Some(&all)).expect(412);
    admin.if_match(tag).call("PUT", "/api/v1/hooks/chat", Some(&all)).expect(200);
    admin.if_match(tag).call("DELETE", "/api/v1/hooks/chat", None).expect(412);
    assert_eq!((&shown(&router)["apps"], &shown(&router)["events"]), (&Value::Null, &Value::Null));
    assert_eq!(call(&router, "DELETE", "/chat", None).expect(200).json()["result"], "done");
    call(&router, "DELETE", "/chat", None).expect(404);
    call(&router, "GET", "/chat", None).expect(404);
    call(&router, "POST", "/chat/test", None).expect(404);
    eventually("its metrics end with it", || {
        router
            .api()
            .metrics()
            .samples
            .iter()
            .all(|sample| !sample.labels.contains(&("hook".into(), "chat".into())))
    });
}

#[test]
fn what_is_no_hook_is_refused_by_field() {
    let router = router().stable("v1").start();
    let good = "https://chat.example/in";
    for (body, field) in [
        (json!({}), "url"),
        (json!({"url": 7}), "url"),
        (json!({"url": "chat.example"}), "url"),
        (json!({"url": "ftp://chat.example/"}), "url"),
        (json!({"url": "https://me:pw@chat.example/"}), "url"),
        (json!({"url": "http://169.254.169.254/latest"}), "url"),
        (json!({"url": "http://[fd00:ec2::254]/"}), "url"),
        (json!({"url": "http://0.0.0.0:9/"}), "url"),
        (json!({"url": format!("http://{}/", router.front)}), "url"),
        (json!({"url": format!("http://{}/api/v1/apps", router.admin)}), "url"),
        (json!({"url": format!("http://[::ffff:127.0.0.1]:{}/", router.admin.port())}), "url"),
        (json!({"url": good, "apps": "hello"}), "apps"),
        (json!({"url": good, "apps": []}), "apps"),
        (json!({"url": good, "apps": ["hello", "-x"]}), "apps[1]"),
        (json!({"url": good, "events": ["promote", "party"]}), "events[1]"),
        (json!({"url": good, "events": ["test"]}), "events[0]"),
        (json!({"url": good, "events": [7]}), "events[0]"),
        (json!({"url": good, "secret": "hunter2"}), "secret"),
        (json!({"url": good, "secret": SECRET, "new_secret": true}), "new_secret"),
        (json!({"url": good, "paused": "yes"}), "paused"),
        (json!({"url": good, "colour": "red"}), "colour"),
    ] {
        let error = call(&router, "PUT", "/chat", Some(&body)).expect(422).json();
        assert_eq!(error["error"]["field"], field, "{body}: {error}");
    }
    for name in ["-x", "null", "router", "a%20b", "%2e%2e"] {
        let error = call(&router, "PUT", &format!("/{name}"), Some(&json!({"url": good}))).expect(400).json();
        assert_eq!(error["error"]["field"], "hook", "{name}");
    }
    assert_eq!(call(&router, "GET", "", None).expect(200).json()["hooks"], json!([]));
}

#[test]
fn a_name_that_leads_to_the_router_itself_is_refused_when_something_is_sent() {
    let router = router().stable("v1").start();
    let body = json!({"url": format!("http://localhost:{}/", router.admin.port())});
    call(&router, "PUT", "/self", Some(&body)).expect(201);
    let answer = call(&router, "POST", "/self/test", None).expect(200).json();
    let error = answer["error"].as_str().unwrap_or_default();
    assert!(error.contains("a hook must lead neither to this router nor to its store"), "{answer}");
    assert_eq!((&answer["delivered"], &answer["status"]), (&json!(false), &Value::Null));
}

#[test]
fn a_test_shows_what_the_receiver_says() {
    let router = router().stable("v1").start();
    let mut receiver =
        Receiver::answering(|_| Reply::response("418 I'm a teapot", &[], "short\u{1b}[31m and stout"));
    hook(&router, &receiver, json!({"events": ["promote"], "paused": true}));
    let answer = call(&router, "POST", "/chat/test", Some(&json!({}))).expect(200).json();
    assert_eq!((&answer["delivered"], &answer["status"]), (&json!(false), &json!(418)));
    assert_eq!(
        (&answer["error"], &answer["answer"]),
        (&json!("the receiver answered 418"), &json!("short [31m and stout"))
    );
    receiver.endpoint.always(Reply::ok("ok"));
    let answer = call(&router, "POST", "/chat/test", None).expect(200).json();
    assert_eq!((&answer["delivered"], &answer["answer"]), (&json!(true), &json!("ok")));
    let told = receiver.wait_for("both tests", |told| told.len() == 2);
    assert_eq!((&told[1].body["type"], &told[1].body["hook"]), (&json!("test"), &json!("chat")));
    assert_eq!(told[1].body["text"], "This is a test of the hook chat, sent by root.");
    assert_ne!(told[0].id, told[1].id);
    eventually("both are kept", || shown(&router)["deliveries"].as_array().map(Vec::len) == Some(2));
    receiver.endpoint.stop();
    let answer = call(&router, "POST", "/chat/test", None).expect(200).json();
    assert!(answer["error"].as_str().unwrap().starts_with("the receiver cannot be reached: "), "{answer}");
}

#[test]
fn there_is_a_limit_to_hooks() {
    let router = router().stable("v1").start();
    let body = json!({"url": "https://chat.example/in", "paused": true});
    for n in 0..50 {
        call(&router, "PUT", &format!("/h{n}"), Some(&body)).expect(201);
    }
    assert_eq!(call(&router, "PUT", "/h50", Some(&body)).expect(409).code(), "too_many_hooks");
    call(&router, "PUT", "/h49", Some(&body)).expect(200);
}
