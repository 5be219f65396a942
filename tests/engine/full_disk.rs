//! An engine whose disk is full.

use rolling_router::engine::EngineError;
use support::servers::engine::{TestEngine, registry::Registry, shared};

use super::scene::{engine, image};

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
