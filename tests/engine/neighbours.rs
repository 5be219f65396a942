//! Deployments beside other fleets, and at an engine that is lost.

use std::time::Duration;

use serde_json::json;
use support::{
    Router,
    clock::Deadline,
    eventually,
    servers::engine::{TestEngine, shared},
};

use super::deploy_scene::{containers, deploying, deployment, named, run};

/// Two fleets that know nothing of each other have an app of one name, and one engine.
#[test]
fn two_fleets_at_one_engine_leave_each_other_alone() {
    let test = shared();
    test.image("deploy-fleets:1", &["RELEASE=w1"]);
    let (one, other) = (deploying(test, "deploy-fleets"), deploying(test, "deploy-fleets"));
    let words = ["deploy", "--new", "--image", "deploy-fleets:1", "--release", "same"];
    for router in [&one, &other] {
        let ran = run(router, "ci", &words);
        assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    }
    let names = |router: &Router| named(&deployment(&router.api(), "hello-same"));
    let mut both = [names(&one), names(&other)].concat();
    both.sort();
    assert_eq!((containers(test, "hello-same"), both.len()), (both, 2));
    other.api().post("promote", &json!({})).expect(200);
    one.api().post("abort", &json!({})).expect(200);
    let gone = run(&one, "operator", &["terminate", "same"]);
    assert_eq!(gone.code, Some(0), "{}{}", gone.out, gone.err);
    assert_eq!(containers(test, "hello-same"), names(&other));
    assert_eq!(other.visitor().release(), "w1");
    names(&other).iter().for_each(|name| test.remove(name));
}

/// An engine that answers nothing any more: whoever waits is told in time, and what was made is removed once it is back.
#[test]
fn an_engine_that_is_halted_holds_up_nobody() {
    let test = &TestEngine::start(256);
    test.image("deploy-halted:1", &["RELEASE=w1"]);
    let router = deploying(test, "deploy-halted");
    let first = run(&router, "ci", &["deploy", "--new", "--image", "deploy-halted:1", "--release", "one"]);
    assert_eq!(first.code, Some(0), "{}{}", first.out, first.err);
    test.halt();
    let patience = Deadline::after(Duration::from_secs(40));
    let ran =
        run(&router, "ci", &["deploy", "--image", "deploy-halted:1", "--release", "two", "--timeout", "2s"]);
    assert_eq!(ran.code, Some(4), "{}{}", ran.out, ran.err);
    assert!(!patience.passed() && ran.err.contains("not up after 2 s"), "{}{}", ran.out, ran.err);
    // Nobody has to wait for it either: what is forgotten by force is left to whoever has the engine.
    assert_eq!(run(&router, "ci", &["terminate", "one", "--force"]).code, Some(5));
    let routed = run(&router, "operator", &["terminate", "one", "--force"]);
    assert_eq!(routed.code, Some(4), "{}{}", routed.out, routed.err);
    router.api().post("abort", &json!({})).expect(200);
    let forgotten = run(&router, "operator", &["terminate", "one", "--force"]);
    assert_eq!(forgotten.code, Some(0), "{}{}", forgotten.out, forgotten.err);
    router.api().get("deployments/hello-one").expect(404);
    let keys = router.api_as("admin").raw("GET", "/api/kv/apps/?keys=true", None, "").response.text();
    assert!(!keys.contains("hello-one"), "{keys}");
    test.resume();
    eventually("it has failed and nothing is left of it", || {
        let now = deployment(&router.api(), "hello-two");
        now["state"] == "failed" && named(&now).is_empty() && containers(test, "hello-two").is_empty()
    });
    assert_eq!(containers(test, "hello-one").len(), 1, "nobody has touched it");
}
