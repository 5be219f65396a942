//! An engine that is restarted, or hangs, in the middle of a deployment: it ends as if nothing had happened.

use std::time::Duration;

use serde_json::json;
use support::{Api, clock::pause, eventually, servers::engine::TestEngine};

use super::deploy_scene::{containers, deploying, deployment, named, run, running};

/// The states that a new deployment goes through, in their order.
const UP: [&str; 5] = ["pending", "pulling", "starting", "checking", "serving"];

fn is_as_far_as(api: &Api, id: &str, state: &str) -> bool {
    let now = deployment(api, id)["state"].clone();
    UP.iter().skip_while(|one| **one != state).any(|one| now == *one)
}

/// It serves with two containers that run and that its record names.
fn serves(test: &TestEngine, api: &Api, id: &str) {
    eventually("it serves", || {
        let deployment = deployment(api, id);
        deployment["state"] == "serving"
            && running(test, id).len() == 2
            && containers(test, id) == named(&deployment)
    });
}

#[test]
fn an_engine_that_restarts_at_each_state_of_a_deploy_changes_nothing_about_its_end() {
    let test = TestEngine::start(256);
    test.image("restart-deploy:1", &["RELEASE=w1"]);
    let router = deploying(&test, "restart-deploy");
    let api = router.api();
    api.put("", &json!({})).expect(200);
    let interruptions: [fn(&TestEngine); 2] = [
        |engine| {
            engine.kill();
            engine.start_again();
        },
        |engine| {
            engine.halt();
            pause(Duration::from_secs(2));
            engine.resume();
        },
    ];
    for (kind, interrupt) in ["restart", "halt"].iter().zip(interruptions) {
        for at in &UP[..4] {
            let release = format!("{kind}-{at}");
            let id = format!("hello-{release}");
            let asked = json!({ "image": "restart-deploy:1", "release": release, "replicas": 2, "without_candidate": true });
            api.post("deployments", &asked).expect(201);
            eventually("it is as far as that", || is_as_far_as(&api, &id, at));
            interrupt(&test);
            serves(&test, &api, &id);
            assert_eq!(deployment(&api, &id)["generation"], 1, "{id}");
            api.call("DELETE", &format!("/api/v1/apps/hello/deployments/{id}"), Some(&json!({}))).expect(202);
            eventually("nothing of it is left", || containers(&test, &id).is_empty());
        }
    }
}

#[test]
fn a_pipeline_whose_engine_restarts_under_its_deploy_sees_it_serve() {
    let test = TestEngine::start(256);
    test.image("restart-line:1", &["RELEASE=w1"]);
    let router = deploying(&test, "restart-line");
    let api = router.api();
    std::thread::scope(|scope| {
        let router = &router;
        let words = ["deploy", "--new", "--image", "restart-line:1", "--release", "1", "--replicas", "2"];
        let deploy = scope.spawn(move || run(router, "ci", &words));
        eventually("it was begun", || is_as_far_as(&api, "hello-1", "starting"));
        test.kill();
        test.start_again();
        let ran = deploy.join().unwrap();
        assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    });
    serves(&test, &api, "hello-1");
    api.post("promote", &json!({})).expect(200);
    // What serves is there again after a restart, without anybody's doing.
    test.kill();
    test.start_again();
    serves(&test, &api, "hello-1");
    eventually("its users are answered", || {
        router.visitor().try_get("/").is_ok_and(|visit| visit.response.status == 200)
    });
}
