//! Hooks in that deploy: a registry or a pipeline tells of an image, and it becomes the candidate, once.

use serde_json::{Value, json};
use support::{Answer, Router, eventually, servers::engine::shared};

use super::deploy_scene::{containers, deploying, deployment, run};

const SECRET: &str = "0123456789abcdef0123";

fn add(router: &Router, fields: &Value) -> Answer {
    let mut hook = json!({
        "sender": "token", "app": "hello", "do": "deploy", "image": "deploy-hook:{/tag}", "release": "{/tag}", "blend": 5,
        "secret": SECRET
    });
    let known = hook.as_object_mut().unwrap();
    known.extend(fields.as_object().unwrap().clone());
    known.retain(|_, value| !value.is_null());
    router.api_as("admin").call("PUT", "/api/v1/hooks-in/images", Some(&hook))
}

fn deliver(router: &Router, number: &str, payload: &Value) -> Answer {
    let headers = format!("Authorization: Bearer {SECRET}\r\nIdempotency-Key: {number}\r\n");
    let body = payload.to_string();
    let body = Some(("application/json", body.as_bytes()));
    router.api().anonymous().raw("POST", "/hooks/in/images", body, &headers)
}

#[test]
fn a_delivery_deploys_an_image_once_and_says_which_deployment_that_is() {
    let test = shared();
    test.image("deploy-hook:h1", &["RELEASE=h1"]);
    let router = deploying(test, "deploy-hook");
    router.api().put("", &json!({})).expect(200);
    let made = add(&router, &json!({})).json();
    assert_eq!((&made["do"], &made["image"]), (&json!("deploy"), &json!("deploy-hook:{/tag}")), "{made}");
    let would = json!({ "payload": r#"{"tag":"h1"}"# });
    let would =
        router.api_as("admin").call("POST", "/api/v1/hooks-in/images/test", Some(&would)).expect(200).json();
    assert_eq!(
        (&would["would"], &would["release"]),
        (&json!("deploy"), &json!("apps/hello-h1-80/containers")),
        "{would}"
    );
    assert_eq!(router.api().get("deployments").json()["deployments"], json!([]), "a test does nothing");
    let told = deliver(&router, "1", &json!({ "tag": "h1" })).expect(202).json();
    assert_eq!(
        (&told["result"], &told["deployment"], &told["release"]),
        (&json!("done"), &json!("hello-h1"), &json!("h1"))
    );
    eventually("it is the candidate", || {
        router.api().state()["candidate"]["id"] == "apps/hello-h1-80/containers"
    });
    let there = containers(test, "hello-h1");
    // The same delivery, and another one about the same image.
    let again = deliver(&router, "1", &json!({ "tag": "h1" })).json();
    assert_eq!((&again["repeated"], &again["deployment"]), (&json!(true), &json!("hello-h1")), "{again}");
    let another = deliver(&router, "2", &json!({ "tag": "h1" })).expect(200).json();
    assert_eq!((&another["result"], &another["deployment"]), (&json!("unchanged"), &json!("hello-h1")));
    assert_eq!(containers(test, "hello-h1"), there);
    let now = deployment(&router.api(), "hello-h1");
    assert_eq!((&now["created_by"], &now["generation"]), (&json!("hook-in:images"), &json!(1)));
    let url = told["url"].as_str().unwrap();
    let read = router.api().anonymous().call("GET", url, None).expect(200).json();
    assert_eq!(read["deployment"], "hello-h1");
    let shown = run(&router, "operator", &["deployments"]);
    assert!(shown.out.contains("hello-h1"), "{}", shown.out);
    there.iter().for_each(|name| test.remove(name));
}

#[test]
fn a_payload_says_what_stands_in_the_environment() {
    let test = shared();
    test.image("deploy-hook:h2", &["RELEASE=h2"]);
    let router = deploying(test, "deploy-hook");
    router.api().put("", &json!({})).expect(200);
    let hook = [
        "hook",
        "in",
        "add",
        "images",
        "--sender",
        "token",
        "--secret",
        SECRET,
        "--image",
        "deploy-hook:{/tag}",
        "--release",
        "{/tag}",
        "--env",
        "COMMIT={/commit|short}",
        "--env",
        "STAGE=test",
    ];
    let made = run(&router, "admin", &hook);
    assert_eq!(made.code, Some(0), "{}{}", made.out, made.err);
    let line = deliver(&router, "1", &json!({ "tag": "h2", "commit": "0123456789abcdef\nX=1" })).json();
    assert_eq!(line["result"], "done", "the first twelve characters are one line: {line}");
    let refused = deliver(&router, "2", &json!({ "tag": "h3", "commit": "a\nX=1" })).expect(422).json();
    assert_eq!(refused["error"]["field"], "env", "{refused}");
    eventually("it is the candidate", || {
        router.api().state()["candidate"]["id"] == "apps/hello-h2-80/containers"
    });
    let now = deployment(&router.api(), "hello-h2");
    assert_eq!(now["environment"], json!(["COMMIT", "STAGE"]), "names alone");
    let address = now["containers"][0]["address"].as_str().unwrap().parse().unwrap();
    assert_eq!(super::scene::get(address, "/env/COMMIT").as_deref(), Some("0123456789ab"));
    containers(test, "hello-h2").iter().for_each(|name| test.remove(name));
}

#[test]
fn what_the_engine_does_not_allow_or_the_payload_does_not_say_is_refused_and_starts_nothing() {
    let test = shared();
    let router = deploying(test, "deploy-hook");
    router.api().put("", &json!({})).expect(200);
    for (fields, field) in [
        (json!({ "image": null }), "image"),
        (json!({ "endpoints": ["10.0.0.1:80"] }), "endpoints"),
        (json!({ "do": "set-candidate" }), "image"),
        (json!({ "do": "reboot" }), "do"),
        (json!({ "replicas": 0 }), "replicas"),
        (json!({ "image": "{tag" }), "image"),
        (json!({ "environment": { "A B": "x" } }), "environment"),
        (json!({ "environment": { "A": "{x" } }), "environment.A"),
        (json!({ "do": "set-candidate", "image": null, "environment": { "A": "x" } }), "environment"),
    ] {
        let refused = add(&router, &fields).expect(422).json();
        assert_eq!(refused["error"]["field"], field, "{fields}: {refused}");
    }
    add(&router, &json!({ "image": "{/image}", "release": "{/tag}" })).expect(201);
    for (number, payload) in [
        json!({ "image": "evil.example/miner:1", "tag": "h9" }),
        json!({ "image": "deploy-hook:h1\nX", "tag": "h9" }),
        json!({ "image": "deploy-hook:h1", "tag": "a b" }),
        json!({ "image": "deploy-hook:h1" }),
    ]
    .iter()
    .enumerate()
    {
        let refused = deliver(&router, &format!("bad-{number}"), payload);
        assert_eq!(refused.status(), 422, "{payload}: {}", refused.response.text());
    }
    assert_eq!(router.api().get("deployments").json()["deployments"], json!([]));
    assert!(containers(test, "hello-h9").is_empty());
}
