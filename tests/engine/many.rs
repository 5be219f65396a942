//! Deploys in a row under load, each promoted at once: nobody notices, and nothing is left over.

use serde_json::{Value, json};
use support::{
    clock::{PATIENCE, within},
    eventually, long,
    servers::engine::shared,
    traffic::Traffic,
};

use super::deploy_scene::{containers, deploying, named, run};

/// How many: a sample, or with `ROLLING_ROUTER_LONG=1` as many as a busy week has.
fn how_many() -> usize {
    if long() { 100 } else { 4 }
}

#[test]
fn deploys_in_a_row_fail_no_request_and_leave_nothing_over() {
    let test = shared();
    test.image("deploy-many:1", &["RELEASE=many"]);
    let router = deploying(test, "deploy-many");
    let api = router.api();
    let deploy = |number: usize| {
        let release = format!("m{number}");
        let words = ["deploy", "--new", "--image", "deploy-many:1", "--release", &release, "--replicas", "2"];
        let ran = run(&router, "ci", &words);
        assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
        api.post("promote", &json!({ "release": release })).expect(200);
    };
    deploy(0);
    let settings = json!({ "drainmaxseconds": 1, "drainseconds": 1 });
    api.call("PATCH", "/api/v1/apps/hello/settings", Some(&settings)).expect(200);
    let traffic = Traffic::start(&router, 8);
    let last = how_many();
    (1..=last).for_each(deploy);
    let deployments = || api.get("deployments").json()["deployments"].as_array().unwrap().clone();
    let is_kept = |one: &Value| one["state"] == "stopped" || one["state"] == "serving";
    let is_over = || {
        let all = deployments();
        all.len() == 2 && all.iter().all(is_kept) && api.state()["draining"] == json!([])
    };
    let left = || {
        let of = |one: &Value| format!("{}, {}: {}", one["id"], one["state"], one["steps"]);
        deployments().iter().map(of).collect::<Vec<_>>().join("\n")
    };
    assert!(within(PATIENCE, is_over), "one serves, and one is kept for a rollback:\n{}", left());
    let failures: Vec<String> = traffic.stop().into_iter().flat_map(|life| life.failures).collect();
    assert_eq!(failures, Vec::<String>::new());
    for number in 0..=last {
        let id = format!("hello-m{number}");
        let known = deployments().iter().filter(|one| one["id"] == id.as_str()).flat_map(named).count();
        assert_eq!(containers(test, &id).len(), known, "{id}");
    }
    let keys = || router.api_as("admin").raw("GET", "/api/kv/apps/?keys=true", None, "").response.text();
    assert_eq!(keys().matches("rolling-hello-m").count(), 2, "{}", keys());
    api.call("DELETE", "/api/v1/apps/hello?force=true", None).expect(200);
    eventually("nothing is left", || {
        let ids = (0..=last).map(|number| format!("hello-m{number}"));
        deployments().is_empty()
            && !keys().contains("hello-m")
            && ids.into_iter().all(|id| containers(test, &id).is_empty())
    });
}
