//! Stacks that are no stacks: each is refused with its fault, and nothing of it is kept.

use serde_json::{Value, json};
use support::router;

use super::{FORM, call, form, message};

fn with(field: &str) -> String {
    format!("version: 2\nservices:\n  app:\n    image: hello:7\n    {field}\n")
}

#[test]
fn what_asks_for_more_or_says_nothing_is_refused_by_name() {
    let router = router().stable("v1").start();
    let api = router.api_as("ci");
    let bomb = "a: &a [x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a]\nservices: {app: {image: hello, command: *b}}\n";
    for (content, named) in [
        (with("privileged: true"), "privileged"),
        (with("volumes: ['/:/host']"), "/:/host"),
        (with("volumes: ['/var/run/docker.sock:/var/run/docker.sock']"), "docker.sock"),
        (with("network_mode: host"), "network_mode"),
        (with("pid: host"), "pid"),
        (with("devices: [/dev/sda]"), "devices"),
        (with("cap_add: [ALL]"), "cap_add"),
        (with("imgae: typo"), "imgae"),
        (with("environment: ['1A=hunter2']"), "1A"),
        (with("ports: ['53/udp']"), "53/udp"),
        (bomb.to_owned(), "anchors"),
        ("services: {app: {image: 'a b'}}".to_owned(), "image"),
        ("not: [yaml".to_owned(), "YAML"),
        ("x".repeat(70_000), "bytes"),
        (String::new(), "empty"),
    ] {
        let answer = call(&api, "POST", "deployments/", Some(&form("hello-1", &content))).expect(422);
        let said = message(&answer);
        assert!(said.contains(named) && said.contains("stack.content"), "{named}: {said}");
        assert!(!said.contains("hunter2") && answer.response.body.is_ascii(), "{said}");
    }
    assert_eq!(call(&api, "GET", "deployments/", None).expect(200).json(), json!({ "deployments": [] }));
}

#[test]
fn what_is_no_deployment_is_refused_by_its_field() {
    let router = router().stable("v1").start();
    let api = router.api_as("ci");
    let stack = "services: {app: {image: hello, ports: [80]}}";
    let mut cases: Vec<(Value, &str)> = Vec::new();
    for id in ["", "rolling/null", "a b", "\u{fc}", "null-1", &"x".repeat(130)] {
        cases.push((form(id, stack), "deployment_id"));
    }
    for (field, value) in [
        ("desired_state", json!(2)),
        ("quantities", json!({ "app": -1 })),
        ("quantities", json!({ "app": 1_000_000 })),
        ("quantities", json!([1])),
        ("placement", json!("default")),
        ("deployment_name", json!({})),
        ("deployment_name", json!("two\nlines")),
        ("stack", json!("text")),
        ("stack", json!({ "service_id": "app" })),
    ] {
        let mut faulty = form("hello-1", stack);
        faulty[field] = value;
        cases.push((faulty, field));
    }
    for (faulty, field) in cases {
        let answer = call(&api, "POST", "deployments/", Some(&faulty));
        assert_eq!(answer.status(), 422, "{faulty}: {}", answer.response.text());
        assert!(message(&answer).contains(field), "{faulty}: {}", answer.response.text());
    }
    for (body, status) in [("", 400), ("plain text", 400), ("[]", 400), ("{\"a\":", 400)] {
        let answer = api.raw("POST", "/api/v2/deployments/", Some((FORM, body.as_bytes())), "");
        assert_eq!(answer.status(), status, "{body:?}: {}", answer.response.text());
        assert!(!message(&answer).is_empty());
    }
    let huge = vec![b' '; 10 << 20];
    assert_eq!(api.raw("POST", "/api/v2/deployments/", Some((FORM, &huge)), "").status(), 413);
    assert_eq!(call(&api, "GET", "deployments/", None).expect(200).json(), json!({ "deployments": [] }));
}

#[test]
fn placeholders_and_several_services_are_kept_as_they_are() {
    let router = router().stable("v1").start();
    let api = router.api_as("ci");
    let content = "version: 2\nservices:\n  db:\n    image: db\n  app:\n    image: {{registry}}/hello:7\n    ports: ['8002:80/tcp']\n    environment:\n      - \"TOKEN={{api_token}}\"\n      - \"occs:scheduler=random\"\n";
    let made = call(&api, "POST", "deployments/", Some(&form("hello-1", content))).expect(200).json();
    let shown = made["deployment"]["stack"]["content"].as_str().expect("a text").to_owned();
    for part in ["{{registry}}/hello:7", "8002:80", "occs:scheduler=random", "TOKEN=(secret)", "db:"] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    assert!(!shown.contains("api_token"), "{shown}");
    let again = call(&api, "POST", "deployments/", Some(&form("hello-2", &shown))).expect(422);
    assert!(message(&again).contains("(secret)"), "what is not shown is not taken for the value");
}
