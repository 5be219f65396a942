//! A router that is killed with -9 at each state of a deployment: the next one goes on from there, and has every effect once.

use serde_json::{Value, json};
use support::{
    Api, Router, eventually,
    servers::engine::{TestEngine, shared},
};

use super::deploy_scene::{containers, deploying, deployment, named};

/// One row of the table: what is asked for, at which states of it the router is killed, and how it ends.
struct Row {
    ask: fn(&Api),
    states: &'static [&'static str],
    end: &'static str,
    containers: usize,
}

/// The states in the order in which a deployment has them, after an order.
const UP: [&str; 5] = ["pending", "pulling", "starting", "checking", "serving"];
const DOWN: [&str; 3] = ["serving", "draining", "stopped"];

/// Each row begins where the one before it has ended.
const TABLE: [Row; 5] = [
    Row { ask: |api| ask(api, "POST", "", &deploy(2)), states: &UP, end: "serving", containers: 2 },
    Row { ask: |api| ask(api, "POST", "/stop", &json!({})), states: &DOWN, end: "stopped", containers: 2 },
    Row { ask: |api| ask(api, "POST", "/start", &json!({})), states: &UP, end: "serving", containers: 2 },
    Row {
        ask: |api| ask(api, "POST", "/scale", &json!({ "replicas": 1 })),
        states: &["serving"],
        end: "serving",
        containers: 1,
    },
    Row { ask: |api| ask(api, "DELETE", "", &json!({})), states: &DOWN, end: "", containers: 0 },
];

const ID: &str = "hello-killed";

fn deploy(replicas: u32) -> Value {
    json!({ "image": "deploy-kill:1", "release": "killed", "replicas": replicas, "without_candidate": true })
}

fn ask(api: &Api, method: &str, call: &str, body: &Value) {
    let path = match (method, call) {
        ("POST", "") => "deployments".to_owned(),
        _ => format!("deployments/{ID}{call}"),
    };
    let asked = api.call(method, &format!("/api/v1/apps/hello/{path}"), Some(body));
    assert!((200..300).contains(&asked.status()), "{method} {path}: {}", asked.response.text());
}

/// How far it is; empty: it is gone.
fn state(api: &Api) -> String {
    let answer = api.get(&format!("deployments/{ID}"));
    if answer.status() == 404 { String::new() } else { answer.json()["state"].as_str().unwrap().to_owned() }
}

fn kill(router: &mut Router) -> Api {
    router.kill();
    router.start_again();
    router.api()
}

/// It is as the row says it ends, at the engine and among the endpoints too.
fn is_at_its_end(test: &TestEngine, api: &Api, row: &Row) -> bool {
    let keys = api.with_token(support::router::token("admin"));
    let endpoints = keys.raw("GET", "/api/kv/apps/?keys=true", None, "").response.text();
    let serving = if row.end == "serving" { row.containers } else { 0 };
    state(api) == row.end
        && containers(test, ID).len() == row.containers
        && endpoints.matches("apps/hello-killed-80/containers/rolling-").count() == serving
}

#[test]
fn killed_at_each_state_of_each_order_it_ends_as_if_it_never_was() {
    let test = shared();
    test.image("deploy-kill:1", &["RELEASE=w1"]);
    let mut router = deploying(test, "deploy-kill");
    router.api().put("", &json!({})).expect(200);
    for row in &TABLE {
        (row.ask)(&router.api());
        for at in row.states {
            let reached = row.states.iter().skip_while(|state| *state != at).copied().collect::<Vec<_>>();
            eventually("it is as far as that", || {
                let now = state(&router.api());
                now == row.end || reached.contains(&now.as_str())
            });
            kill(&mut router);
        }
        let api = router.api();
        eventually("it is at its end", || is_at_its_end(test, &api, row));
        if row.containers > 0 {
            eventually("its record says so", || containers(test, ID) == named(&deployment(&api, ID)));
            assert_eq!(deployment(&api, ID)["generation"], 1, "{}", row.end);
        }
    }
}

/// What does not come up is cleaned up by whichever router goes on.
#[test]
fn killed_while_it_fails_it_leaves_nothing() {
    let test = shared();
    test.image("deploy-kill-bad:1", &["RELEASE=w1"]);
    let mut router = deploying(test, "deploy-kill-bad");
    let body = |release: &str, port: &str| json!({ "image": "deploy-kill-bad:1", "release": release, "replicas": 2, "timeout": 3, "environment": { "PORT": port } });
    router.api().put("", &json!({})).expect(200);
    for at in ["starting", "checking", "failed"] {
        let id = format!("hello-{at}");
        router.api().post("deployments", &body(at, "81")).expect(201);
        eventually("it is as far as that", || {
            let now = deployment(&router.api(), &id)["state"].clone();
            now == at || now == "checking" || now == "failed"
        });
        let api = kill(&mut router);
        eventually("it has failed, and nothing is left", || {
            deployment(&api, &id)["state"] == "failed" && containers(test, &id).is_empty()
        });
        assert_eq!(api.state()["candidate"], Value::Null);
    }
}
