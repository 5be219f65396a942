//! Changes without a trace: a refused write left none at all, an endpoint that was swapped past the commands neither, and
//! whoever left before the answer could not be told from one who never came.

use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use support::log::objects;
use support::router::token;
use support::{Router, Wire, eventually, router};

use support::command::ask;

/// A page of the audit, for this query.
fn audit(router: &Router, query: &str) -> Vec<Value> {
    let page = router.api_as("admin").call("GET", &format!("/api/v1/audit?{query}"), None).expect(200).json();
    page["entries"].as_array().expect("a list").clone()
}

/// Every call of the API's description that is no question, with something in the place of each parameter.
fn writes() -> Vec<(String, String)> {
    let description: Value =
        serde_json::from_str(include_str!("../../docs/openapi.json")).expect("the description is JSON");
    let mut writes = Vec::new();
    for (path, item) in description["paths"].as_object().expect("it has paths") {
        let methods = item.as_object().expect("an object").keys().filter(|name| *name != "parameters");
        for method in methods.map(|method| method.to_uppercase()).filter(|method| method != "GET") {
            if !path.ends_with("/explain") && !path.ends_with("/who-moves") {
                writes.push((method, filled(path)));
            }
        }
    }
    writes
}

fn filled(path: &str) -> String {
    let part = |part: &str| {
        match part {
            "{app}" => "hello",
            "{endpoint}" => "127.0.0.1:1",
            "{release}" => "v1",
            "{hook}" => "chat",
            "{lease}" | "{tenure}" => "1",
            "{key}" => "rolling/hello/blendpercent",
            part if part.starts_with('{') => "nobody",
            part => part,
        }
        .to_owned()
    };
    path.split('/').map(part).collect::<Vec<String>>().join("/")
}

#[test]
fn every_write_route_leaves_a_line_whoever_calls_and_whatever_comes_of_it() {
    let folder = tempfile::tempdir().expect("a temporary directory can be made");
    let log = folder.path().join("audit.log");
    let router =
        router().stable("v1").candidate("v2").flag(&format!("--audit-log={}", log.display())).start();
    let writes = writes();
    assert!(writes.len() > 35, "{writes:?}");
    let mut expected = Vec::new();
    for role in ["nobody", "viewer", "ci", "operator", "admin"] {
        let api = if role == "nobody" { router.api().anonymous() } else { router.api_as(role) };
        // Those without a token are kept to some a second.
        for (method, path) in writes.iter().take(if role == "nobody" { 10 } else { usize::MAX }) {
            let status = api.call(method, path, Some(&json!({}))).status();
            let entry = audit(&router, "limit=1").remove(0);
            let seen = (entry["method"].as_str(), entry["path"].as_str(), entry["status"].as_u64());
            assert_eq!(seen, (Some(&**method), Some(&**path), Some(u64::from(status))), "{role}: {entry}");
            // A delivery is known by its signature, and here it has none.
            let name = router_name(role).filter(|_| !path.starts_with("/hooks/in/"));
            assert_eq!(entry["actor"].as_str(), name, "{role}: {entry}");
            if status >= 400 {
                assert_eq!(
                    entry["outcome"],
                    if status < 500 || status == 501 { "refused" } else { "failed" }
                );
                assert!(entry["code"].is_string() && entry["message"].is_string(), "{entry}");
            }
            expected.push(entry["id"].clone());
        }
    }
    eventually("every entry is in the log too", || {
        let written: Vec<Value> = objects(&log).iter().map(|line| line["id"].clone()).collect();
        expected.iter().all(|id| written.contains(id))
    });
    let mode = fs::metadata(&log).expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode, 0o600, "who did what is for the router's own user");
    assert!(router.api_as("operator").call("GET", "/api/v1/audit", None).status() == 403);
}

/// What a role's token is called.
fn router_name(role: &str) -> Option<&'static str> {
    match role {
        "admin" => Some("root"),
        "operator" => Some("maria"),
        "ci" => Some("ci-main"),
        "viewer" => Some("guest"),
        _ => None,
    }
}

#[test]
fn an_entry_says_who_by_which_door_what_before_and_after() {
    let router = router().stable("v1").candidate("v2").blend(10).start();
    let newest = |query: &str| audit(&router, &format!("limit=1&{query}")).remove(0);
    router.api().put("lock", &json!({ "reason": "freeze" })).expect(200);
    router
        .api_as("ci")
        .raw("PUT", "/v1/kv/rolling/hello/blendpercent", Some(("text/plain", b"100")), "")
        .expect(423);
    let refused = newest("outcome=refused");
    assert_eq!(
        (&refused["actor"], &refused["role"], &refused["client"], &refused["via"], &refused["code"]),
        (&json!("ci-main"), &json!("ci"), &json!("127.0.0.1"), &json!("raw"), &json!("locked")),
        "{refused}"
    );
    assert_eq!((&refused["request"], &refused["changes"]), (&json!("100"), &json!([])));
    router.api().delete("lock").expect(200);

    let change = |entry: &Value, key: &str| {
        let mut changes = entry["changes"].as_array().expect("a list").iter();
        changes.find(|change| change["key"] == key).cloned().unwrap_or_else(|| panic!("{key}: {entry}"))
    };
    let endpoint = "apps/hello-v1-80/containers/evil";
    router.api_as("ci").kv_put(endpoint, "127.0.0.1:9").expect(200);
    let made = change(&newest("actor=ci-main"), endpoint);
    assert_eq!(made, json!({ "key": endpoint, "before": null, "after": "127.0.0.1:9" }));
    router.api_as("ci").kv_put(endpoint, "127.0.0.1:10").expect(200);
    assert_eq!(change(&newest("actor=ci-main"), endpoint)["before"], "127.0.0.1:9");
    router.api_as("ci").kv_delete(endpoint).expect(200);
    assert_eq!(change(&newest("actor=ci-main"), endpoint)["after"], Value::Null);

    let blended = ask(&router, "operator", &["blend", "25", "--app", "hello"]);
    assert_eq!(blended.code, 0, "{blended:?}");
    let entry = newest("app=hello");
    assert_eq!(
        (&entry["via"], &entry["outcome"], &entry["request"]["percent"]),
        (&json!("cli"), &json!("done"), &json!(25))
    );
    let record = change(&entry, "rolling/hello/rollout");
    assert_eq!((&record["before"]["blend"], &record["after"]["blend"]), (&json!(10), &json!(25)), "{record}");
    router.api().put("blend", &json!({ "percent": 25 })).expect(200);
    assert_eq!(newest("app=hello")["outcome"], "unchanged");

    let origin = format!("Origin: http://{}\r\nContent-Type: application/json\r\n", router.admin);
    let body = br#"{"hosts":["a.example"]}"#;
    router.api().raw(
        "PATCH",
        "/api/v1/apps/hello/settings",
        None,
        &format!("{origin}Content-Length: {}\r\n", body.len()),
    );
    let settings = json!({ "hosts": ["a.example"] });
    router
        .api()
        .raw(
            "PUT",
            "/api/v1/apps/hello/settings",
            Some(("application/json", settings.to_string().as_bytes())),
            &format!("Origin: http://{}\r\n", router.admin),
        )
        .expect(200);
    let entry = newest("via=gui&outcome=done");
    assert_eq!(change(&entry, "rolling/hello/settings")["after"], settings, "{entry}");
}

#[test]
fn no_secret_is_in_it_and_no_line_is_forged() {
    let folder = tempfile::tempdir().expect("a temporary directory can be made");
    let log = folder.path().join("audit.log");
    let router = router().stable("v1").flag(&format!("--audit-log={}", log.display())).start();
    let admin = router.api_as("admin");
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let hook = json!({ "url": "http://hooks.example/in?key=hunter2", "secret": secret });
    admin.call("PUT", "/api/v1/hooks/chat", Some(&hook)).expect(201);
    let misplaced = json!({ "url": "http://hooks.example/in", "paused": secret });
    admin.call("PUT", "/api/v1/hooks/chat?token=hunter2", Some(&misplaced)).expect(422);
    admin.call("POST", "/api/v1/store/list", Some(&json!({ "prefixes": [""] }))).expect(200);
    admin.call("POST", "/api/v1/fleet/rotate-keys", Some(&json!({}))).expect(200);
    let stored = admin.call("POST", "/api/v1/store/get", Some(&json!({ "key": "rolling/router/pinkeys" })));
    let stored = stored.expect(200).json()["entry"]["value"].as_str().expect("a value").to_owned();
    let copy = json!({ "checks": [], "writes": [{ "put": "rolling/router/pinkeys", "value": stored }] });
    admin.call("POST", "/api/v1/store/commit", Some(&copy)).expect(200);
    let link = router.api().post("previews", &json!({ "track": "stable" })).expect(201).json();
    let link = link["path"].as_str().expect("a path").to_owned();
    let forged =
        json!({ "reason": "x\n{\"actor\":\"root\",\"forged\":true}\r\u{1b}[2J\u{9b}\u{202e}\u{2028}" });
    router.api().put("lock", &forged).expect(200);

    eventually("all of it is written", || objects(&log).len() >= 8);
    let text = fs::read_to_string(&log).expect("it can be read");
    let page = router.api_as("admin").call("GET", "/api/v1/audit", None).expect(200).response.text();
    let token_of_link = link.split("token=").nth(1).expect("a token");
    for (what, found) in [("the log", &text), ("the page", &page)] {
        for secret in [secret, "hunter2", stored.as_str(), token_of_link, token("admin"), token("operator")] {
            assert!(!found.contains(secret), "{what} has {secret}");
        }
    }
    assert!(objects(&log).iter().any(|line| line["changes"][0]["after"] == "(secret)"), "{text}");
    let hidden = text.chars().filter(|char| char.is_control() && *char != '\n').count();
    assert!(hidden == 0 && !text.contains('\u{202e}') && !text.contains('\u{2028}'), "{text}");
    assert!(objects(&log).iter().all(|line| line["id"].is_u64()), "a line was forged: {text}");
    assert!(objects(&log).iter().any(|line| line["request"] == forged), "what was said is kept: {text}");
}

#[test]
fn who_leaves_before_the_answer_is_in_it_too() {
    let router = router().stable("v1").candidate("v2").start();
    for _ in 0..5 {
        let mut wire = Wire::open(router.admin);
        wire.send(format!(
            "POST /api/v1/apps/hello/promote HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{{",
            router.admin,
            token("operator")
        ));
        wire.finish();
        drop(wire);
    }
    let mut found = Vec::new();
    eventually("each has its entry", || {
        found = audit(&router, "actor=maria");
        found.len() == 5
    });
    for entry in found {
        let is_told =
            entry["outcome"] == "unknown" && entry["message"] == "the client left before the answer";
        assert!(is_told || entry["status"] == 400, "{entry}");
    }
}

#[test]
fn nobody_without_a_token_hides_what_others_did() {
    let router = router().stable("v1").start();
    router.api().put("lock", &json!({ "reason": "mine" })).expect(200);
    let lost = |router: &Router| router.api().metrics().sum("rolling_audit_lost_total", &[]);
    let mut wire = Wire::open(router.admin);
    let mut sent = 0;
    while lost(&router) < 500.0 {
        assert!(sent < 20_000, "so many are not all kept");
        for _ in 0..200 {
            wire.send(format!(
                "PUT /v1/kv/x HTTP/1.1\r\nHost: {}\r\nContent-Length: 0\r\n\r\n",
                router.admin
            ));
            assert_eq!(wire.response("PUT").status, 401);
            sent += 1;
        }
    }
    // And one with a token that may write nothing.
    for _ in 0..50 {
        router.api_as("viewer").kv_put("x", "y").expect(403);
    }
    let mine = audit(&router, "actor=maria");
    assert_eq!((mine.len(), &mine[0]["request"]["reason"]), (1, &json!("mine")));
    let nobodys = audit(&router, "limit=200").iter().filter(|entry| entry["actor"].is_null()).count();
    assert!(nobodys > 0 && nobodys < 190, "{nobodys} of {sent}");
}

/// Rotation and the file: as the access log's.
#[test]
fn the_log_is_opened_again_and_holds_up_nobody() {
    let folder = tempfile::tempdir().expect("a temporary directory can be made");
    let (log, rotated) = (folder.path().join("audit.log"), folder.path().join("audit.log.1"));
    let flag = |path: &Path| format!("--audit-log={}", path.display());
    let rotating = router().stable("v1").flag(&flag(&log)).start();
    rotating.api().put("lock", &json!({ "reason": "one" })).expect(200);
    eventually("it is written", || objects(&log).len() == 1);
    fs::rename(&log, &rotated).expect("it can be moved");
    rotating.signal("USR2");
    rotating.signal("USR1");
    eventually("it is opened again", || log.exists());
    rotating.api().delete("lock").expect(200);
    eventually("it goes on there", || objects(&log).len() == 1);
    assert_eq!(objects(&rotated).len(), 1);

    let full = router().stable("v1").flag(&flag(Path::new("/dev/full"))).start();
    full.api().put("lock", &json!({ "reason": "one" })).expect(200);
    eventually("what cannot be written is counted", || {
        full.api().metrics().sum("rolling_audit_lost_total", &[]) >= 1.0
    });
    assert_eq!(audit(&full, "limit=1")[0]["request"]["reason"], "one", "the page has it all the same");
}
