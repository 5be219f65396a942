//! What a pipeline with a stolen token might ask of an engine. None of it may reach the engine.

use rolling_router::engine::{
    ContainerName, ContainerSpec, Engine, EngineError, ImageReference, NetworkName, Policy, Variable, Volume,
};
use serde_json::json;
use support::servers::engine::shared;

use super::scene::{engine, image, name, options, parse, spec};

#[tokio::test]
async fn only_images_that_are_allowed_are_pulled_or_run() {
    let test = shared();
    for built in ["attack/shop:1", "attack/shopevil:1"] {
        test.image(built, &[]);
    }
    let engine = engine(test, &["docker.io/attack/shop"]);
    let evil =
        ["attack/shopevil:1", "docker.io/attack/shopevil", "attack/shop-evil", "evil.example/attack/shop"];
    for text in evil {
        let pulled = engine.pull(&image(text), &mut |_| panic!("nothing is pulled")).await;
        assert!(
            matches!(&pulled, Err(EngineError::Refused(refusal)) if refusal.field == "image"),
            "{text}: {pulled:?}"
        );
    }
    // Nor by the digest of an image that happens to be there.
    let mut spec = spec(&engine, "attack/shop:1").await;
    spec.image = image("attack/shopevil:1");
    let made = engine.create(&name("rolling-attack-1"), &spec).await;
    assert!(matches!(made, Err(EngineError::Refused(_))), "{made:?}");
    assert_eq!(engine.inspect(&name("rolling-attack-1")).await.unwrap(), None);
}

#[tokio::test]
async fn volumes_and_networks_that_are_not_allowed_are_refused_before_the_engine_is_asked() {
    let test = shared();
    test.image("guarded:1", &[]);
    let policy = Policy {
        allowed_images: parse(&["guarded"]),
        allowed_volumes: vec!["data".into()],
        allowed_networks: parse(&["back"]),
        ..Policy::default()
    };
    let engine = Engine::new(options(test, policy));
    let plain = spec(&engine, "guarded:1").await;
    let refused = async |change: &dyn Fn(&mut ContainerSpec)| {
        let mut spec = plain.clone();
        change(&mut spec);
        match engine.create(&name("rolling-guarded-1"), &spec).await {
            Err(EngineError::Refused(refusal)) => refusal.to_string(),
            other => panic!("{other:?}"),
        }
    };
    let said = refused(&|spec| spec.volumes = parse(&["secrets:/data"])).await;
    assert_eq!(said, "volume is `secrets:/data`; allowed: data (`allowed_volumes` of the engine)");
    let said = refused(&|spec| spec.network = Some("bridge".parse().unwrap())).await;
    assert_eq!(said, "network is `bridge`; allowed: back (`allowed_networks` of the engine)");
    assert_eq!(engine.inspect(&name("rolling-guarded-1")).await.unwrap(), None, "nothing was made");
}

#[test]
fn paths_and_namespaces_of_the_host_cannot_be_said() {
    for text in [
        "/:/host",
        "/var/run/docker.sock:/var/run/docker.sock",
        "../x:/x",
        "/proc:/proc:ro",
        "data:/x:shared",
    ] {
        assert!(text.parse::<Volume>().is_err(), "{text}");
    }
    for text in ["host", "none", "container:shop", "ns:/proc/1/ns/net", "../host"] {
        assert!(text.parse::<NetworkName>().is_err(), "{text}");
    }
    for text in ["../../images/json", "shop?force=1", "shop/../../info", "shop\r\nX: y", "%2e%2e%2finfo"] {
        assert!(text.parse::<ContainerName>().is_err(), "{text}");
    }
    for text in ["shop@sha256:zz", "shop:1 --privileged", "shop\n:1", "-v/:/host", "$(id)", "shop;id"] {
        assert!(text.parse::<ImageReference>().is_err(), "{text}");
    }
    for text in ["A=1\nLD_PRELOAD=/x", "A=1\r", "=1", "A B=1", "A"] {
        assert!(text.parse::<Variable>().is_err(), "{text}");
    }
}

#[tokio::test]
async fn a_container_that_runs_has_no_right_that_it_was_not_given() {
    let test = shared();
    test.image("plain:1", &[]);
    let engine = engine(test, &["plain"]);
    super::scene::running(&engine, "rolling-plain-1", "plain:1").await;
    let described = test.call("GET", "/containers/rolling-plain-1/json", None);
    let host = &described["HostConfig"];
    assert_eq!(host["Privileged"], false);
    let nothing = |value: &serde_json::Value| value.is_null() || *value == json!([]) || *value == json!("");
    for field in [
        "Binds",
        "CapAdd",
        "Devices",
        "DeviceRequests",
        "PidMode",
        "UsernsMode",
        "SecurityOpt",
        "VolumesFrom",
    ] {
        assert!(nothing(&host[field]), "{field}: {}", host[field]);
    }
    assert_ne!(host["NetworkMode"], "host");
    assert_eq!(described["Mounts"], json!([]));
    let published = &described["NetworkSettings"]["Ports"]["80/tcp"];
    assert_eq!(published.as_array().map(Vec::len), Some(1));
    assert_eq!(published[0]["HostIp"], test.address.to_string());
    engine.stop(&name("rolling-plain-1"), std::time::Duration::ZERO).await.unwrap();
    engine.remove(&name("rolling-plain-1")).await.unwrap();
}

#[tokio::test]
async fn an_id_that_is_a_path_reaches_no_other_call() {
    let engine = engine(shared(), &[]);
    for id in ["../images/json?x=", "a/../../info", "", "a b"] {
        let found = engine.find(id).await;
        assert!(
            matches!(&found, Err(EngineError::Refused(refusal)) if refusal.field == "container"),
            "{id}: {found:?}"
        );
        assert!(engine.kill(id, "KILL").await.is_err());
    }
    let killed = engine.kill("nobody", "SIGNOTHING").await.unwrap_err().to_string();
    assert!(killed.starts_with("signal is `SIGNOTHING`; allowed: one of SIGHUP"), "{killed}");
    assert!(matches!(engine.kill("nobody", "TERM").await, Err(EngineError::NotFound { .. })));
}
