//! `hook in` on the command line.

use serde_json::Value;
use support::command::ask;

use super::{push, signature, stage};

#[test]
fn a_hook_in_is_made_tested_used_and_removed() {
    let (router, endpoint) = stage();
    let add = [
        "hook",
        "in",
        "add",
        "ship",
        "--sender",
        "github",
        "--app",
        "hello",
        "--tag",
        "v*",
        "--event",
        "push",
        "--release",
        "{/ref|last}",
        "--endpoint",
        "{/client_payload/endpoint}",
        "--blend",
        "5",
        "--network",
        "127.0.0.0/8",
    ];
    let made = ask(&router, "admin", &add);
    assert_eq!(made.code, 0, "{}", made.err);
    assert!(made.out.contains("/hooks/in/ship") && made.out.contains("shown this once"), "{}", made.out);
    let secret = made
        .out
        .lines()
        .find(|line| line.contains("shown this once"))
        .and_then(|line| line.split(' ').next());
    let secret = secret.expect("the secret is printed");
    let again = ask(&router, "admin", &add);
    assert!(again.code == 0 && !again.out.contains(secret), "{}", again.out);
    assert_eq!(ask(&router, "operator", &add).code, 5, "admins write");

    let file = router.path("payload.json");
    let body = push("v2", &endpoint).to_string();
    std::fs::write(&file, &body).expect("it can be written");
    let path = file.display().to_string();
    let tested = ask(&router, "admin", &["hook", "in", "test", "ship", &path, "--event", "push"]);
    assert!(
        tested.code == 0 && tested.out.contains("`v2` would become the candidate"),
        "{}{}",
        tested.out,
        tested.err
    );
    assert!(tested.out.contains(&endpoint), "{}", tested.out);
    let ignored = ask(&router, "admin", &["hook", "in", "test", "ship", &path, "--event", "issues"]);
    assert!(ignored.code == 4 && ignored.out.contains("ignored"), "{}", ignored.out);

    let headers =
        format!("X-GitHub-Event: push\r\nX-Hub-Signature-256: {}\r\n", signature(secret, body.as_bytes()));
    super::post(&router, "/hooks/in/ship", body.as_bytes(), &headers).expect(200);
    let deliveries = ask(&router, "operator", &["hook", "in", "deliveries", "ship"]);
    assert!(deliveries.out.contains("push   done   from 127.0.0.1"), "{}", deliveries.out);
    let list = ask(&router, "operator", &["hook", "in", "list"]);
    assert!(list.out.contains("ship   github from 127.0.0.0/8   set-candidate of hello"), "{}", list.out);
    let json = ask(&router, "operator", &["hook", "in", "show", "ship", "--json"]);
    let json: Value = serde_json::from_str(&json.out).expect("JSON");
    assert_eq!((&json["release"], &json["do"]), (&"{/ref|last}".into(), &"set-candidate".into()));
    assert_eq!(ask(&router, "admin", &["hook", "in", "remove", "ship"]).code, 0);
    assert_eq!(ask(&router, "operator", &["hook", "in", "show", "ship"]).code, 4);
}
