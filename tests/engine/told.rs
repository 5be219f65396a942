//! What is told of deployments: in the audit, to hooks, and of a pull; and what goes with an app.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use serde_json::json;
use support::{
    Reply, eventually,
    receiver::{Receiver, hook},
    servers::engine::{registry::Registry, shared},
};

use super::deploy_scene::{containers, deploying, run};

#[test]
fn hooks_and_the_audit_are_told_what_came_of_it_and_no_secret() {
    let test = shared();
    test.image("deploy-told:1", &["RELEASE=w1"]);
    let (router, mut receiver) = (deploying(test, "deploy-told"), Receiver::start());
    hook(&router, &receiver, json!({ "events": ["deployed", "deploy_failed"] }));
    let image = ["deploy", "--new", "--image", "deploy-told:1", "--env", "KEY=hunter2"];
    let good = run(&router, "ci", &[&image[..], &["--release", "told"]].concat());
    assert_eq!(good.code, Some(0), "{}{}", good.out, good.err);
    let bad = run(&router, "ci", &[&image[..], &["--release", "mute", "--env", "DIE=no database"]].concat());
    assert_eq!(bad.code, Some(4), "{}{}", bad.out, bad.err);
    let told = receiver.wait_for("both", |told| told.len() >= 2);
    let (up, down) = (&told[0].body, &told[1].body);
    assert_eq!(
        (&up["type"], &up["deployment"], &up["release"]),
        (&json!("deployed"), &json!("hello-told"), &json!("apps/hello-told-80/containers"))
    );
    assert_eq!(up["text"], "hello: hello-told (deploy-told:1) serves; ci-main deployed it");
    assert!(up["digest"].as_str().unwrap().starts_with("sha256:"), "{up}");
    assert_eq!((&down["type"], &down["deployment"]), (&json!("deploy_failed"), &json!("hello-mute")));
    assert!(down["reason"].as_str().unwrap().contains("ended with code 3"), "{down}");
    let audit = router.api_as("admin").call("GET", "/api/v1/audit?limit=100", None).expect(200);
    let text = audit.response.text();
    assert!(!text.contains("hunter2"), "{text}");
    let entries = audit.json()["entries"].as_array().unwrap().clone();
    let steps: Vec<_> = entries.iter().filter(|entry| entry["method"] == "STEP").collect();
    let said = |words: &str| steps.iter().find(|step| step["message"].as_str().unwrap().contains(words));
    let registered = said("register container 0").expect("each step is told");
    assert_eq!(
        (&registered["actor"], &registered["role"], &registered["via"]),
        (&json!("ci-main"), &json!("ci"), &json!("deployment"))
    );
    let key = registered["changes"][0]["key"].as_str().unwrap();
    assert!(key.starts_with("apps/hello-told-80/containers/rolling-hello-told-"), "{registered}");
    assert!(said("give up: the container 0 ended with code 3").is_some(), "{text}");
    containers(test, "hello-told").iter().for_each(|name| test.remove(name));
}

/// A notice was kept in the memory of the router alone, and lost with it.
#[test]
fn what_hooks_were_not_told_when_the_router_was_killed_the_next_one_tells() {
    let test = shared();
    test.image("deploy-untold:1", &["RELEASE=w1"]);
    let mut router = deploying(test, "deploy-untold");
    let takes = Arc::<AtomicBool>::default();
    let script = Arc::clone(&takes);
    let mut receiver = Receiver::answering(move |_| match script.load(Ordering::SeqCst) {
        true => Reply::ok(""),
        false => Reply::response("503 Service Unavailable", &[], ""),
    });
    hook(&router, &receiver, json!({ "events": ["deployed"] }));
    let ran = run(&router, "ci", &["deploy", "--new", "--image", "deploy-untold:1", "--release", "untold"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    receiver.wait_for("an attempt", |told| !told.is_empty());
    router.kill();
    let before = receiver.told().len();
    takes.store(true, Ordering::SeqCst);
    router.start_again();
    let told = receiver.wait_for("it", |told| told.len() > before);
    let body = &told[before].body;
    assert_eq!((&body["type"], &body["deployment"]), (&json!("deployed"), &json!("hello-untold")));
    containers(test, "hello-untold").iter().for_each(|name| test.remove(name));
}

#[test]
fn an_image_of_a_registry_is_deployed_and_how_much_was_pulled_is_said() {
    let test = shared();
    let registry = Registry::start(test);
    let image = registry.push(test, "deployed:1", &["RELEASE=w1"]);
    let router = deploying(test, &registry.name);
    let ran = run(&router, "ci", &["deploy", "--new", "--image", &image, "--release", "pulled"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("pull the image: 1 of 1 layers, "), "{}", ran.out);
    containers(test, "hello-pulled").iter().for_each(|name| test.remove(name));
}

#[test]
fn deployments_go_with_their_app() {
    let test = shared();
    test.image("deploy-app:1", &["RELEASE=w1"]);
    let router = deploying(test, "deploy-app");
    for release in ["gone1", "gone2"] {
        let ran =
            run(&router, "operator", &["deploy", "--new", "--image", "deploy-app:1", "--release", release]);
        assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
        router.api().post("promote", &json!({})).expect(200);
    }
    router.api().call("DELETE", "/api/v1/apps/hello?force=true", None).expect(200);
    eventually("nothing of them is left", || {
        let left = router.api_as("admin").raw("GET", "/api/kv/apps/?keys=true", None, "").response.text();
        let gone = ["hello-gone1", "hello-gone2"];
        gone.iter().all(|id| containers(test, id).is_empty() && !left.contains(id))
            && gone.iter().all(|id| router.api().get(&format!("deployments/{id}")).status() == 404)
    });
}
