//! Containers in a network of the engine, and volumes.

use rolling_router::engine::{Engine, EngineError, Policy};
use serde_json::json;
use support::{eventually, servers::engine::shared};

use super::scene::{get, name, options, parse, spec};

#[tokio::test]
async fn in_a_network_a_container_is_reached_by_its_own_address() {
    let test = shared();
    test.image("inside:1", &["RELEASE=inside"]);
    let range = json!({"Name": "back", "IPAM": {"Config": [{"Subnet": test.range()}]}});
    test.call("POST", "/networks/create", Some(&range));
    let policy = Policy {
        allowed_images: parse(&["inside"]),
        allowed_networks: parse(&["back", "bac", "gone"]),
        allowed_volumes: vec!["data".into()],
        ..Policy::default()
    };
    let engine = Engine::new(options(test, policy));
    let called = name("rolling-inside-1");
    let mut spec = spec(&engine, "inside:1").await;
    spec.volumes = parse(&["data:/data"]);
    spec.environment = parse(&["ONCE=/data/started"]);
    spec.network = Some("gone".parse().unwrap());
    let made = engine.create(&called, &spec).await;
    assert_eq!(made, Err(EngineError::NotFound { what: "network gone".into() }));

    spec.network = Some("back".parse().unwrap());
    engine.create(&called, &spec).await.unwrap();
    engine.start(&called).await.unwrap();
    let running = engine.inspect(&called).await.unwrap().unwrap();
    assert_eq!(running.address(80, None), None, "nothing is published");
    let address = running.address(80, spec.network.as_ref()).unwrap();
    eventually("it answers", || get(address, "/").as_deref() == Some("inside"));
    engine.stop(&called, std::time::Duration::from_secs(5)).await.unwrap();
    engine.remove(&called).await.unwrap();
    // The volume outlives the container, with what was written.
    let volume = test.call("GET", "/volumes/data", None);
    assert_eq!(volume["Name"], "data");
    engine.create(&called, &spec).await.unwrap();
    engine.start(&called).await.unwrap();
    let exited = async || !engine.inspect(&called).await.unwrap().unwrap().is_running();
    support::servers::eventually("it finds what was written", exited).await;
    assert_eq!(engine.last_words(&called, 1).await.unwrap(), "started a second time\n");
    engine.remove(&called).await.unwrap();
}
