//! Shapes and statuses, which scripts read, and who may do what.

use serde_json::{Value, json};
use support::router::id;
use support::{Router, echo, router};

use super::{STACK, call, deployed, form, message, release};

const LIMITED: &str = "test-limited-0123456789abcdef0123456789abcdef";

fn ready() -> Router {
    router().stable("v1").token(&format!("{LIMITED} blog-ci ci apps=blog")).start()
}

#[test]
fn a_deployment_has_the_old_shape_and_is_plain_ascii() {
    let router = ready();
    let made = deployed(&router.api_as("ci"), "hello-1");
    for (field, value) in [
        ("deployment_id", json!("hello-1")),
        ("deployment_name", json!("Gr\u{fc}n & co")),
        ("desired_state", json!(1)),
        ("current_state", json!(0)),
        ("quantities", json!({ "app": 1 })),
        ("placement", json!({ "pool_id": "default" })),
        ("created_by", json!("ci-main")),
    ] {
        assert_eq!(made[field], value, "{field}");
    }
    let read = call(&router.api(), "GET", "deployments/hello-1", None).expect(200);
    assert!(read.response.body.is_ascii() && !read.response.body.contains(&b'&'), "{}", read.response.text());
    assert_eq!(read.json()["deployment"], made);
    let all = call(&router.api(), "GET", "deployments", None).expect(200).json();
    assert_eq!(all, json!({ "deployments": [made] }));
}

#[test]
fn it_runs_once_as_many_endpoints_are_registered_as_were_asked_for() {
    let router = ready();
    let api = router.api_as("ci");
    let mut two = form("hello-1", STACK);
    two["quantities"] = json!({ "app": 2 });
    call(&api, "POST", "deployments/", Some(&two)).expect(200);
    let state = || {
        call(&api, "GET", "deployments/hello-1", None).expect(200).json()["deployment"]["current_state"]
            .clone()
    };
    for (container, runs) in [("c1", 0), ("c2", 1)] {
        let endpoint = echo(container);
        api.kv_put(&format!("{}/{container}", release("hello-1")), &endpoint.address.to_string()).expect(200);
        assert_eq!(state(), runs, "{container}");
    }
    let listed = call(&api, "GET", "deployments/hello-1/containers/", None).expect(200).json();
    let ids: Vec<&Value> =
        listed["containers"].as_array().expect("a list").iter().map(|it| &it["container_id"]).collect();
    assert_eq!(ids, ["c1", "c2"]);
    assert_eq!(
        call(&api, "POST", "containers/c1/kill", None).expect(409).json()["errors"][0]["code"],
        "no_engine"
    );
}

#[test]
fn what_is_not_there_is_404_and_an_empty_id_does_nothing() {
    let router = ready();
    let api = router.api_as("ci");
    let made = deployed(&api, "hello-1");
    for (method, path, status) in [
        ("GET", "deployments/hello-2", 404),
        ("GET", "deployments/rolling/null", 404),
        ("DELETE", "deployments/rolling/null", 404),
        ("POST", "deployments/rolling/null/stop", 404),
        ("PUT", "deployments/hello-2", 404),
        ("GET", "deployments/hello-2/containers/", 404),
        ("POST", "containers/nobody/kill", 404),
        ("GET", "deployments/..%2F..%2Fx", 404),
        ("GET", "services/", 404),
        ("DELETE", "deployments/", 405),
        ("DELETE", "deployments", 405),
        ("DELETE", "deployments//", 405),
        ("PUT", "deployments/", 405),
        ("POST", "deployments//stop", 405),
        ("POST", "deployments//start", 405),
    ] {
        let answer = call(&api, method, path, None);
        assert_eq!(answer.status(), status, "{method} {path}: {}", answer.response.text());
        assert!(!message(&answer).is_empty(), "{method} {path}: {}", answer.response.text());
        let states = &answer.json()["deployment"];
        assert_ne!(states["current_state"], states["desired_state"], "to jq, what is missing is equal");
    }
    assert_eq!(call(&api, "GET", "deployments/", None).expect(200).json()["deployments"], json!([made]));
}

#[test]
fn whoever_may_not_is_told_so_in_the_old_words() {
    let router = ready();
    deployed(&router.api_as("ci"), "hello-1");
    let limited = router.api().with_token(LIMITED);
    let viewer = router.api_as("viewer");
    let nobody = router.api().with_token("no-such-token-0123456789abcdef0123456789");
    for (api, method, path, status) in [
        (&nobody, "GET", "deployments/hello-1", 401),
        (&nobody, "DELETE", "deployments/hello-1", 401),
        (&viewer, "POST", "deployments/hello-1/stop", 403),
        (&viewer, "DELETE", "deployments/hello-1", 403),
        (&limited, "GET", "deployments/hello-1", 403),
        (&limited, "DELETE", "deployments/hello-1", 403),
        (&limited, "POST", "deployments/hello-1/stop", 403),
    ] {
        let answer = call(api, method, path, None);
        assert_eq!(answer.status(), status, "{method} {path}: {}", answer.response.text());
        assert!(!message(&answer).is_empty(), "{method} {path}: {}", answer.response.text());
    }
    call(&viewer, "GET", "deployments/hello-1", None).expect(200);
    assert_eq!(call(&limited, "GET", "deployments/", None).expect(200).json()["deployments"], json!([]));
    call(&limited, "POST", "deployments/", Some(&form("hello-2", STACK))).expect(403);
    call(&limited, "POST", "deployments/", Some(&form("blog-2", STACK))).expect(200);
}

#[test]
fn a_repeat_changes_nothing_and_another_one_of_the_same_id_is_refused() {
    let router = ready();
    let api = router.api_as("ci");
    let made = deployed(&api, "hello-1");
    assert_eq!(deployed(&router.api(), "hello-1"), made);
    let other = form("hello-1", &STACK.replace("hello:7", "hello:8"));
    let refused = call(&api, "POST", "deployments/", Some(&other)).expect(409);
    assert!(message(&refused).contains("another one"), "{}", refused.response.text());
    let changed = json!({ "quantities": { "app": 3 }, "deployment_name": "eight" });
    let changed = call(&api, "PUT", "deployments/hello-1", Some(&changed)).expect(200).json();
    assert_eq!(changed["deployment"]["quantities"], json!({ "app": 3 }));
    assert_eq!(changed["deployment"]["deployment_name"], "eight");
    call(&api, "PUT", "deployments/hello-1", Some(&json!({ "deployment_id": "hello-2" }))).expect(422);
}

#[test]
fn what_an_app_routes_is_neither_stopped_nor_removed() {
    let router = ready();
    let api = router.api_as("ci");
    deployed(&api, "hello-1");
    let endpoint = echo("new");
    api.kv_put(&format!("{}/c1", release("hello-1")), &endpoint.address.to_string()).expect(200);
    router.api().kv_put("rolling/hello/candidate/id", &release("hello-1")).expect(200);
    let refused = |method: &str, path: &str, place: &str| {
        let answer = call(&api, method, &format!("deployments/hello-1{path}"), None).expect(409);
        assert!(message(&answer).contains(place), "{method} {path}: {}", answer.response.text());
    };
    let both = |place: &str| {
        refused("POST", "/stop", place);
        refused("DELETE", "", place);
    };
    both("the candidate");
    router.api().post("promote", &json!({})).expect(200);
    both("stable");
    router.api().put("stable", &json!({ "id": id("v1") })).expect(200);
    // It drains, and stops when that is over.
    let stopping = call(&api, "POST", "deployments/hello-1/stop", None).expect(200).json();
    assert_eq!(
        (&stopping["deployment"]["desired_state"], &stopping["deployment"]["current_state"]),
        (&json!(0), &json!(1))
    );
    refused("DELETE", "", "a draining release");
    router.api().delete("draining").expect(200);
    let stopped = call(&api, "GET", "deployments/hello-1", None).expect(200).json();
    assert_eq!(stopped["deployment"]["current_state"], 0);
    // It is the way back now, which a lock keeps from `ci`.
    router.api().put("lock", &json!({ "reason": "an incident" })).expect(200);
    call(&api, "DELETE", "deployments/hello-1", None).expect(423);
    router.api().delete("lock").expect(200);
    let started = call(&api, "POST", "deployments/hello-1/start", None).expect(200).json();
    assert_eq!(started["deployment"]["current_state"], 1);
    call(&api, "POST", "deployments/hello-1/stop", None).expect(200);
    let removed = call(&api, "DELETE", "deployments/hello-1", None).expect(200).json();
    assert_eq!(removed["errors"], Value::Null);
    call(&api, "DELETE", "deployments/hello-1", None).expect(404);
    assert_eq!(router.api().kv_get(&format!("{}/c1", release("hello-1"))), "");
}

#[test]
fn a_secret_of_the_environment_is_nowhere() {
    let router = router().stable("v1").durable().start();
    let api = router.api_as("admin");
    let made = deployed(&api, "hello-1").to_string();
    let mut seen = vec![made, router.log()];
    for path in [
        "/api/v2/deployments/",
        "/api/v2/deployments/hello-1",
        "/api/v1/audit",
        "/api/v1/apps/hello/history",
        "/api/v1/apps/hello",
        "/api/kv/rolling/?recurse=true",
        "/api/kv/rolling/hello/?recurse=true",
        "/api/kv/?recurse=true",
    ] {
        seen.push(api.raw("GET", path, None, "").expect(200).response.text());
    }
    for path in [
        "rolling/hello/deployments/hello-1",
        "rolling/hello/deployments/?recurse=true",
        "rolling/hello/deployments",
    ] {
        let read = api.raw("GET", &format!("/api/kv/{path}"), None, "").expect(403);
        seen.push(read.response.text());
    }
    for key in
        ["rolling/hello/deployments/hello-1", "rolling/hello/deployments/x", "rolling/hello/deployments"]
    {
        api.kv_put(key, "x").expect(403);
        api.kv_delete(key).expect(403);
    }
    for text in seen {
        // In Base64 it would begin with `UEFTU1dPUkQ` (the name), at one of three shifts.
        let hidden = ["hunter2", "aHVudGVyM", "h1bnRlcj", "odW50ZXIy"];
        assert!(hidden.iter().all(|secret| !text.contains(secret)), "{text}");
    }
}
