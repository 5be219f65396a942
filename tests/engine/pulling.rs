//! Images: pulled, refused, there already, removed.

use std::{fs, net::TcpListener};

use rolling_router::engine::{Engine, EngineError, Policy, PullProgress};
use support::servers::engine::{registry::Registry, shared};

use super::scene::{engine, image, options, parse};

/// What came of a pull, and what was told of it.
async fn pull(engine: &Engine, name: &str) -> (Result<String, EngineError>, Vec<PullProgress>) {
    let mut told = Vec::new();
    let pulled = engine.pull(&image(name), &mut |progress| told.push(progress)).await;
    (pulled.map(|digest| digest.to_string()), told)
}

#[tokio::test]
async fn an_image_is_pulled_with_progress_and_once_by_its_digest() {
    let test = shared();
    let mut registry = Registry::start(test);
    let name = registry.push_large(test, "pulled/shop:1", 4);
    let engine = engine(test, &[&registry.name]);
    assert_eq!(engine.image(&image(&name)).await.unwrap(), None);

    let (pulled, told) = pull(&engine, &name).await;
    let there = engine.image(&image(&name)).await.unwrap().unwrap();
    assert_eq!(pulled.unwrap(), there.digest.as_str());
    assert!(told.iter().any(|line| line.status == "Pull complete" && line.layer.is_some()), "{told:?}");
    assert!(
        told.iter().any(|line| line.bytes.is_some_and(|(so_far, all)| so_far <= all && all > 0)),
        "{told:?}"
    );
    assert_eq!((there.tags.len(), there.pinned.len()), (1, 1));
    assert!(there.bytes >= 4 << 20, "{there:?}");

    // The registry is gone, and the image is there under its digest: nobody is asked.
    registry.kill();
    let (pulled, told) = pull(&engine, &there.pinned[0].to_string()).await;
    assert_eq!((pulled.unwrap().as_str(), told.len()), (there.digest.as_str(), 0));
    // A tag may have moved, so its registry is asked, and an old image is not taken for a new one.
    let (pulled, _) = pull(&engine, &name).await;
    assert!(matches!(pulled, Err(EngineError::PullFailed { .. })), "{pulled:?}");

    engine.remove_image(&there.digest).await.unwrap();
    assert_eq!(engine.image_of(&there.digest).await.unwrap(), None);
    engine.remove_image(&there.digest).await.expect("it is gone already");
}

#[tokio::test]
async fn an_image_that_was_built_on_the_engine_is_taken_as_it_is() {
    let test = shared();
    test.image("built/shop:1", &["RELEASE=built"]);
    let engine = engine(test, &["built"]);
    let (pulled, told) = pull(&super::scene::engine(test, &["docker.io/built"]), "built/shop:1").await;
    assert!(pulled.is_ok() && told.is_empty(), "{pulled:?}");
    let (pulled, _) = pull(&engine, "built/shop:1").await;
    assert!(
        matches!(pulled, Err(EngineError::Refused(_))),
        "`built` alone is an image of the library: {pulled:?}"
    );
}

#[tokio::test]
async fn a_registry_that_asks_for_a_login_refuses_until_there_is_one() {
    let test = shared();
    let registry = Registry::with_login(test);
    let name = registry.push(test, "denied/shop:1", &[]);
    let mut options = options(test, Policy { allowed_images: parse(&[&registry.name]), ..Policy::default() });
    let (pulled, _) = pull(&Engine::new(options.clone()), &name).await;
    let error = pulled.unwrap_err();
    assert!(matches!(error, EngineError::PullDenied { .. }), "{error:?}");
    assert!(error.to_string().contains("registry_login_file"), "{error}");

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.json");
    options.registry_login_file = Some(file.clone());
    let engine = Engine::new(options);
    let (pulled, _) = pull(&engine, &name).await;
    assert!(pulled.unwrap_err().to_string().contains("cannot be read"), "the file is not there yet");
    fs::write(&file, registry.login_file()).unwrap();
    let (pulled, _) = pull(&engine, &name).await;
    pulled.unwrap();
}

#[tokio::test]
async fn what_no_registry_has_is_said_to_be_missing() {
    let test = shared();
    let registry = Registry::start(test);
    let engine = engine(test, &[&registry.name]);
    for missing in ["missing:1", "team/missing:latest"] {
        let (pulled, _) = pull(&engine, &format!("{}/{missing}", registry.name)).await;
        let error = pulled.unwrap_err();
        assert!(matches!(error, EngineError::NoImage { .. }), "{error:?}");
    }
    // A registry that nobody runs is no missing image.
    let nobody = TcpListener::bind((test.gateway, 0)).unwrap().local_addr().unwrap();
    let engine = super::scene::engine(test, &[&nobody.to_string()]);
    let (pulled, _) = pull(&engine, &format!("{nobody}/shop:1")).await;
    assert!(matches!(pulled, Err(EngineError::PullFailed { .. })), "{pulled:?}");
}
