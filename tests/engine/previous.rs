//! The way back: what was stable is stopped and kept, a rollback starts it, and what is older goes.

use serde_json::json;
use support::{
    Router, eventually,
    servers::engine::{TestEngine, shared},
    traffic::Traffic,
};

use super::deploy_scene::{containers, deploying, deployment, run};

fn release(router: &Router, name: &str) {
    let words =
        ["deploy", "--new", "--image", &format!("deploy-back:{name}"), "--release", name, "--replicas", "2"];
    let ran = run(router, "operator", &words);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    router.api().post("promote", &json!({})).expect(200);
}

/// How many containers of a release run.
fn running(test: &TestEngine, id: &str) -> usize {
    let runs = |name: &String| {
        test.call("GET", &format!("/containers/{name}/json"), None)["State"]["Running"] == true
    };
    containers(test, id).iter().filter(|name| runs(name)).count()
}

#[test]
fn a_rollback_starts_what_was_stopped_and_kept_and_older_ones_are_gone() {
    let test = shared();
    for name in ["p1", "p2", "p3"] {
        test.image(&format!("deploy-back:{name}"), &[&format!("RELEASE={name}")]);
    }
    let router = deploying(test, "deploy-back");
    let api = router.api();
    release(&router, "p1");
    let settings = json!({ "drainmaxseconds": 1, "drainseconds": 1 });
    api.call("PATCH", "/api/v1/apps/hello/settings", Some(&settings)).expect(200);
    let traffic = Traffic::start(&router, 4);
    release(&router, "p2");
    eventually("what was stable is stopped and kept", || {
        let now = deployment(&api, "hello-p1");
        now["state"] == "stopped" && running(test, "hello-p1") == 0 && containers(test, "hello-p1").len() == 2
    });
    let shown = api.state();
    assert_eq!(shown["previous"]["id"], "apps/hello-p1-80/containers");
    assert!(shown["previous"]["rollback_refusal"].is_null(), "{shown}");
    // Who may not roll back starts nothing.
    router.api_as("viewer").post("rollback", &json!({})).expect(403);
    assert_eq!(running(test, "hello-p1"), 0);
    let back = run(&router, "operator", &["rollback"]);
    assert_eq!(back.code, Some(0), "{}{}", back.out, back.err);
    assert_eq!(api.state()["stable"]["id"], "apps/hello-p1-80/containers");
    assert_eq!((running(test, "hello-p1"), router.visitor().release()), (2, "p1".to_owned()));
    eventually("the release that was left is kept", || running(test, "hello-p2") == 0);
    assert_eq!(containers(test, "hello-p2").len(), 2);
    api.call("DELETE", "/api/v1/apps/hello/lock", None);
    release(&router, "p3");
    eventually("one is kept, and the older one is gone", || {
        running(test, "hello-p1") == 0
            && containers(test, "hello-p1").len() == 2
            && containers(test, "hello-p2").is_empty()
            && api.get("deployments/hello-p2").status() == 404
    });
    let failures: Vec<String> = traffic.stop().into_iter().flat_map(|life| life.failures).collect();
    assert_eq!(failures, Vec::<String>::new());
    api.call("DELETE", "/api/v1/apps/hello?force=true", None).expect(200);
    eventually("nothing is left", || {
        ["hello-p1", "hello-p3"].iter().all(|id| containers(test, id).is_empty())
    });
}
