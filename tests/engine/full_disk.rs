//! An engine whose disk is full.

use rolling_router::engine::EngineError;
use support::servers::engine::{TestEngine, registry::Registry, shared};

use super::{
    deploy_scene::{containers, deploying, deployment, run},
    scene::{engine, image},
};

#[tokio::test]
async fn an_image_that_does_not_fit_is_a_full_disk_and_leaves_room_again() {
    let (small, test) = (TestEngine::start(24), shared());
    let registry = Registry::start(test);
    let name = registry.push_large(test, "large/shop:1", 40);
    let engine = engine(&small, &[&registry.name]);
    // The small engine reaches the registry by way of this machine.
    let pulled = engine.pull(&image(&name), &mut |_| {}).await;
    assert!(matches!(pulled, Err(EngineError::DiskFull { .. })), "{pulled:?}");
    assert_eq!(engine.image(&image(&name)).await.unwrap(), None);

    let name = registry.push(test, "large/shop:2", &["RELEASE=small"]);
    engine.pull(&image(&name), &mut |_| {}).await.expect("a small one fits");
}

#[test]
fn a_deploy_that_does_not_fit_says_so_and_changes_nothing() {
    let (small, test) = (TestEngine::start(24), shared());
    let registry = Registry::start(test);
    let (fits, large) = (
        registry.push(test, "full/deploy:1", &["RELEASE=v1"]),
        registry.push_large(test, "full/deploy:2", 40),
    );
    let router = deploying(&small, &registry.name);
    let deploy = |image: &str, release: &str| {
        run(&router, "ci", &["deploy", "--new", "--image", image, "--release", release])
    };
    let ran = deploy(&fits, "1");
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    let api = router.api();
    let seq = api.state()["seq"].clone();
    let ran = run(&router, "ci", &["deploy", "--image", &large, "--release", "2"]);
    assert_eq!(ran.code, Some(4), "{}{}", ran.out, ran.err);
    assert!(ran.err.contains("the disk of the engine is full"), "{}{}", ran.out, ran.err);
    assert_eq!(deployment(&api, "hello-2")["state"], "failed");
    assert_eq!(containers(&small, "hello-2"), Vec::<String>::new());
    assert_eq!(api.state()["seq"], seq, "nothing changed");
    containers(&small, "hello-1").iter().for_each(|name| small.remove(name));
}
