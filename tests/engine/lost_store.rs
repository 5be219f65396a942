//! Deployments in a store that was lost, fell behind, or is written anew from a file: what runs at an engine is never without a
//! record, and what was removed stays so.

use std::{fs, process::Command};

use serde_json::{Value, json};
use support::{
    Router, binary, eventually,
    router::token,
    servers::engine::{TestEngine, shared},
};

use super::{
    deploy_scene::{containers, deploying, deployment, run},
    scene::get,
};

/// A release with a secret in its environment, which is stable.
fn stable(router: &Router, image: &str, release: &str) {
    let words = ["deploy", "--new", "--image", image, "--release", release, "--env", "DATABASE=hunter2"];
    let ran = run(router, "operator", &words);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    router.api().post("promote", &json!({})).expect(200);
}

/// A release that nobody routes.
fn aside(router: &Router, image: &str, release: &str) {
    let ask = json!({ "image": image, "release": release, "without_candidate": true });
    router.api().post("deployments", &ask).expect(201);
    let id = format!("hello-{release}");
    eventually("it serves", || deployment(&router.api(), &id)["state"] == "serving");
}

fn terminate(test: &TestEngine, router: &Router, release: &str) {
    let gone = run(router, "operator", &["terminate", release]);
    assert_eq!(gone.code, Some(0), "{}{}", gone.out, gone.err);
    assert_eq!(containers(test, &format!("hello-{release}")), Vec::<String>::new());
}

fn as_admin(router: &Router, words: &[&str]) -> String {
    let mut command = Command::new(binary());
    command.args(words).args(["--admin", &format!("http://{}", router.admin)]);
    let output = command.env("ROLLING_ROUTER_TOKEN", token("admin")).output().unwrap();
    let said = String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned();
    assert!(output.status.success(), "{words:?}: {said}");
    said
}

fn end(router: &mut Router) {
    router.terminate();
    assert_eq!(router.exit_code(), Some(0));
}

/// What is so of a deployment: its containers, and that one made anew has the secret that only its record holds.
fn is_whole(test: &TestEngine, router: &Router, release: &str) {
    let id = format!("hello-{release}");
    let now = deployment(&router.api(), &id);
    assert_eq!((&now["state"], &now["environment"]), (&json!("serving"), &json!(["DATABASE"])), "{now}");
    let anew = run(router, "operator", &["recycle", release, "--drain", "1s"]);
    assert_eq!(anew.code, Some(0), "{}{}", anew.out, anew.err);
    let now = deployment(&router.api(), &id);
    let address = now["containers"][0]["address"].as_str().unwrap().parse().unwrap();
    assert_eq!(get(address, "/env/DATABASE").as_deref(), Some("hunter2"));
    assert_eq!(containers(test, &id).len(), 1);
}

/// The store was emptied: containers ran on that no record named any more, and their environments were gone.
#[test]
fn a_store_that_was_emptied_gets_its_deployments_back() {
    let test = shared();
    test.image("deploy-emptied:1", &["RELEASE=w1"]);
    let mut router = deploying(test, "deploy-emptied");
    stable(&router, "deploy-emptied:1", "emptied");
    let before = containers(test, "hello-emptied");
    end(&mut router);
    fs::remove_file(router.path("store.redb")).unwrap();
    router.start_again();
    assert_eq!(router.api().put("sticky", &json!({ "sticky": false })).expect(409).code(), "store_diverged");
    assert_eq!(deployment(&router.api(), "hello-emptied")["state"], "serving", "it is known meanwhile");
    as_admin(&router, &["store", "restore"]);
    eventually("the store is followed", || {
        router.api().put("sticky", &json!({ "sticky": true })).status() == 200
    });
    assert_eq!(containers(test, "hello-emptied"), before);
    is_whole(test, &router, "emptied");
    containers(test, "hello-emptied").iter().for_each(|name| test.remove(name));
}

/// An older copy of the store came back: with it came a deployment that had been removed, and was started again.
#[test]
fn a_store_that_fell_behind_brings_nothing_back_that_was_removed() {
    let test = shared();
    test.image("deploy-fallen:1", &["RELEASE=w1"]);
    let mut router = deploying(test, "deploy-fallen");
    stable(&router, "deploy-fallen:1", "fallen");
    aside(&router, "deploy-fallen:1", "removed");
    end(&mut router);
    fs::copy(router.path("store.redb"), router.path("older.redb")).unwrap();
    router.start_again();
    terminate(test, &router, "removed");
    aside(&router, "deploy-fallen:1", "later");
    router.api().put("blend", &json!({ "blend": 0 }));
    router.api().put("sticky", &json!({ "sticky": false })).expect(200);
    end(&mut router);
    fs::copy(router.path("older.redb"), router.path("store.redb")).unwrap();
    router.start_again();
    assert_eq!(router.api().put("sticky", &json!({ "sticky": true })).expect(409).code(), "store_diverged");
    as_admin(&router, &["store", "restore"]);
    eventually("what was removed is forgotten", || {
        router.api().get("deployments/hello-removed").status() == 404
    });
    assert_eq!(containers(test, "hello-removed"), Vec::<String>::new());
    assert_eq!(deployment(&router.api(), "hello-later")["state"], "serving");
    is_whole(test, &router, "fallen");
    for id in ["hello-fallen", "hello-later"] {
        containers(test, id).iter().for_each(|name| test.remove(name));
    }
}

/// A file without secrets holds no deployments, and to import one deleted them all: their containers were nobody's.
#[test]
fn an_import_leaves_deployments_alone_or_takes_their_containers_along() {
    let test = shared();
    test.image("deploy-file:1", &["RELEASE=w1"]);
    let router = deploying(test, "deploy-file");
    stable(&router, "deploy-file:1", "kept");
    let (bare, whole) = (router.path("bare.json"), router.path("whole.json"));
    let (bare, whole) = (bare.display().to_string(), whole.display().to_string());
    as_admin(&router, &["kv", "export", &bare]);
    assert!(!fs::read_to_string(&bare).unwrap().contains("hunter2"));
    as_admin(&router, &["kv", "export", &whole, "--with-secrets"]);
    aside(&router, "deploy-file:1", "newer");
    as_admin(&router, &["kv", "import", &bare, "--replace"]);
    let state = |id: &str| deployment(&router.api(), id)["state"].clone();
    assert_eq!((state("hello-kept"), state("hello-newer")), (json!("serving"), json!("serving")));
    as_admin(&router, &["kv", "import", &whole, "--replace"]);
    eventually("what is not in the file is gone", || {
        router.api().get("deployments/hello-newer").status() == 404
            && containers(test, "hello-newer").is_empty()
    });
    assert_ne!(state("hello-kept"), Value::Null);
    is_whole(test, &router, "kept");
    containers(test, "hello-kept").iter().for_each(|name| test.remove(name));
}
