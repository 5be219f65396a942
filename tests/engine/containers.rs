//! Containers: made, started, reached, stopped, removed; and each way in which that fails.

use std::time::Duration;

use rolling_router::engine::{ContainerState, EngineError, LABEL_APP, LABEL_DEPLOYMENT, Variable};
use serde_json::json;
use support::{eventually, servers::engine::shared};

use super::scene::{engine, get, name, running, spec};

#[tokio::test]
async fn a_container_serves_until_it_is_stopped_and_leaves_nothing() {
    let test = shared();
    test.image("life:1", &["RELEASE=life"]);
    let engine = engine(test, &["life"]);
    let called = name("rolling-life-1");
    let mut spec = spec(&engine, "life:1").await;
    spec.environment = vec![Variable::new("SECRET", "a=b c").unwrap()];
    let made = engine.create(&called, &spec).await.unwrap();
    assert_eq!((made.state, made.address(80, None)), (ContainerState::Created, None));
    assert_eq!(made.digest.as_ref(), Some(&spec.digest));

    engine.start(&called).await.unwrap();
    engine.start(&called).await.expect("it runs already");
    let running = engine.inspect(&called).await.unwrap().unwrap();
    let address = running.address(80, None).unwrap();
    assert_eq!(address.ip(), test.address, "it is published on the engine's address alone");
    eventually("it answers", || get(address, "/").as_deref() == Some("life"));
    assert_eq!(get(address, "/env/SECRET").as_deref(), Some("a=b c"));
    let listed = engine
        .list(&[(LABEL_APP.into(), "shop".into()), (LABEL_DEPLOYMENT.into(), String::new())])
        .await
        .unwrap();
    assert!(listed.iter().any(|listed| listed.id == running.id), "{listed:?}");
    let removed = engine.remove(&called).await;
    assert!(
        matches!(removed, Err(EngineError::Answer { status: 409, .. })),
        "what runs is not removed: {removed:?}"
    );

    engine.stop(&called, Duration::from_secs(20)).await.unwrap();
    engine.stop(&called, Duration::from_secs(20)).await.expect("it is stopped already");
    let stopped = engine.inspect(&called).await.unwrap().unwrap();
    assert_eq!(stopped.state, ContainerState::Exited { code: 0 }, "it left by itself");
    engine.remove(&called).await.unwrap();
    engine.remove(&called).await.expect("it is gone already");
    assert_eq!(engine.inspect(&called).await.unwrap(), None);
}

#[tokio::test]
async fn a_name_that_is_taken_is_found_with_its_labels_and_digest() {
    let test = shared();
    test.image("taken:1", &[]);
    let engine = engine(test, &["taken"]);
    let (called, spec) = (name("rolling-taken-1"), spec(&engine, "taken:1").await);
    let made = engine.create(&called, &spec).await.unwrap();
    assert_eq!(engine.create(&called, &spec).await, Err(EngineError::NameTaken { name: called.clone() }));
    // Whoever was killed between making it and saying so takes it up again.
    let found = engine.inspect(&called).await.unwrap().unwrap();
    assert_eq!((&found.id, found.digest.as_ref()), (&made.id, Some(&spec.digest)));
    assert!(found.is_ours() && found.label(LABEL_DEPLOYMENT) == Some("d1"));
    engine.remove(&called).await.unwrap();
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let test = shared();
    test.image("port:1", &[]);
    let engine = engine(test, &["port"]);
    let first = running(&engine, "rolling-port-1", "port:1").await;
    let port = first.address(80, None).unwrap().port();
    let (called, mut spec) = (name("rolling-port-2"), spec(&engine, "port:1").await);
    spec.host_port = Some(port);
    engine.create(&called, &spec).await.unwrap();
    let started = engine.start(&called).await;
    assert!(
        matches!(started, Err(EngineError::PortTaken { port: named, .. }) if named == port),
        "{started:?}"
    );
    engine.stop(&name("rolling-port-1"), Duration::ZERO).await.unwrap();
    engine.start(&called).await.expect("the port is free now");
    for called in ["rolling-port-1", "rolling-port-2"] {
        engine.stop(&name(called), Duration::ZERO).await.unwrap();
        engine.remove(&name(called)).await.unwrap();
    }
}

#[tokio::test]
async fn a_container_that_dies_leaves_its_last_words() {
    let test = shared();
    test.image("dies:1", &["DIE=there is no DATABASE_URL"]);
    let engine = engine(test, &["dies"]);
    let called = name("rolling-dies-1");
    running(&engine, "rolling-dies-1", "dies:1").await;
    let mut state = ContainerState::Running;
    while state == ContainerState::Running {
        state = engine.inspect(&called).await.unwrap().unwrap().state;
    }
    assert_eq!(state, ContainerState::Exited { code: 3 });
    assert_eq!(engine.last_words(&called, 20).await.unwrap(), "there is no DATABASE_URL\n");
    engine.remove(&called).await.unwrap();
}

#[tokio::test]
async fn a_program_that_is_not_there_is_said_in_words() {
    let test = shared();
    test.image("words:1", &[]);
    let engine = engine(test, &["words"]);
    let (called, mut spec) = (name("rolling-words-1"), spec(&engine, "words:1").await);
    spec.command = vec!["/nothing".into()];
    engine.create(&called, &spec).await.unwrap();
    let error = engine.start(&called).await.unwrap_err().to_string();
    assert!(error.starts_with("the container cannot be started: exec: \"/nothing\""), "{error}");
    assert!(!error.contains("OCI") && !error.contains("unknown"), "{error}");
    engine.remove(&called).await.unwrap();
}

#[tokio::test]
async fn a_container_that_does_not_listen_is_killed_after_its_grace() {
    let test = shared();
    test.image("stubborn:1", &["STUBBORN=1"]);
    let engine = engine(test, &["stubborn"]);
    let called = name("rolling-stubborn-1");
    let address = running(&engine, "rolling-stubborn-1", "stubborn:1").await.address(80, None).unwrap();
    eventually("it answers", || get(address, "/").is_some());
    engine.kill(called.as_str(), "HUP").await.unwrap();
    engine.stop(&called, Duration::from_secs(1)).await.unwrap();
    let stopped = engine.inspect(&called).await.unwrap().unwrap();
    assert_eq!(stopped.state, ContainerState::Exited { code: 137 });
    let words = engine.last_words(&called, 2).await.unwrap();
    assert_eq!(words, "goes on after signal 1\ngoes on after signal 15\n");
    engine.remove(&called).await.unwrap();
}

#[tokio::test]
async fn what_somebody_else_started_is_never_touched() {
    let test = shared();
    test.image("foreign:1", &[]);
    let engine = engine(test, &["foreign"]);
    let id = test.run("foreign", "foreign:1", &json!({"rolling.app": "shop", "rolling.release": "v1"}), &[]);
    let called = name("foreign");
    let foreign = Err(EngineError::Foreign { name: "foreign".into() });
    assert_eq!(engine.stop(&called, Duration::ZERO).await, foreign);
    assert_eq!(engine.remove(&called).await, foreign);
    assert_eq!(engine.start(&called).await, foreign);
    assert_eq!(engine.kill(&id, "TERM").await, foreign);
    assert!(engine.find(&id).await.unwrap().unwrap().is_running());
    test.remove("foreign");
}
