//! Several apps: which is the default, at every router, and whose a release is.

use std::sync::Arc;

use keyvalues::{Memory, Store};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Bench, eventually};
use crate::clock::Clock;

const DEFAULT: &str = "rolling/default-app";

async fn on(store: &Arc<Memory>) -> Bench {
    Bench::on(Arc::<Memory>::clone(store), None, Clock::system()).await
}

async fn make(bench: &Bench, app: &str) -> Value {
    let body = json!({ "release": "1.0", "endpoints": ["127.0.0.1:9001"] });
    bench.ok(Method::PUT, &format!("/api/v1/apps/{app}/stable"), body).await
}

/// Where hosts lead that no app claims.
fn default(bench: &Bench) -> Option<String> {
    bench.live.load().table.default_app.as_ref().map(|app| app.name.to_string())
}

#[tokio::test]
async fn the_first_app_stays_the_default_at_every_router() {
    let store = Arc::new(Memory::new());
    let (one, other) = (on(&store).await, on(&store).await);
    assert_eq!(make(&one, "hello").await["created"], true);
    assert_eq!(make(&other, "shop").await["created"], true);
    assert_eq!(make(&other, "shop").await["created"], Value::Null);
    assert_eq!(default(&other).as_deref(), Some("hello"));
    eventually("both are known", async || one.live.load().table.apps.len() == 2).await;
    assert_eq!(default(&one).as_deref(), Some("hello"));
    let late = on(&store).await;
    assert_eq!(default(&late).as_deref(), Some("hello"));
    late.ok(Method::PUT, "/api/v1/apps/shop/default", Value::Null).await;
    eventually("all agree", async || {
        [&one, &other].iter().all(|bench| default(bench).as_deref() == Some("shop"))
    })
    .await;
}

#[tokio::test]
async fn the_default_goes_with_its_app_and_the_only_one_left_is_it() {
    let bench = Bench::start().await;
    for app in ["hello", "shop"] {
        make(&bench, app).await;
    }
    assert_eq!(bench.stored(DEFAULT).await.as_deref(), Some("hello"));
    bench.ok(Method::DELETE, "/api/v1/apps/hello?force=true", Value::Null).await;
    assert_eq!((bench.stored(DEFAULT).await, default(&bench).as_deref()), (None, Some("shop")));
    make(&bench, "blog").await;
    assert_eq!(bench.stored(DEFAULT).await.as_deref(), Some("shop"), "it was alone until now");
    bench.ok(Method::DELETE, "/api/v1/apps/blog?force=true", Value::Null).await;
    assert_eq!(bench.stored(DEFAULT).await.as_deref(), Some("shop"));
}

/// A store from before the default was stored: the app that was alone was the default, and of several none was.
#[tokio::test]
async fn in_an_old_store_the_app_that_was_alone_stays_the_default() {
    let old = async |apps: &[&str]| {
        let bench = Bench::start().await;
        for app in apps {
            make(&bench, app).await;
        }
        let write = keyvalues::Write::delete(DEFAULT.parse().unwrap());
        bench.store.commit(Vec::new(), vec![write]).await.unwrap();
        make(&bench, "late").await;
        (bench.stored(DEFAULT).await, default(&bench))
    };
    assert_eq!(old(&["hello"]).await, (Some("hello".into()), Some("hello".into())));
    assert_eq!(old(&["hello", "shop"]).await, (Some("-".into()), None));
}

#[tokio::test]
async fn an_old_script_makes_apps_as_before_and_takes_none_off_line() {
    let bench = Bench::start().await;
    make(&bench, "hello").await;
    for (key, value) in [
        ("apps/docker-1.0-80/containers/c1", "127.0.0.1:9002"),
        ("rolling/shop/stable/id", "apps/docker-1.0-80/containers"),
    ] {
        bench.kv(key, value).await;
    }
    bench.write_in_store("rolling/blog/stable/id", "apps/docker-2.0-80/containers").await;
    eventually("the third is adopted", async || bench.live.load().table.apps.len() == 3).await;
    assert_eq!(default(&bench).as_deref(), Some("hello"));
}

/// What is refused because the release is another app's leaves the store as it was, endpoints and all.
#[tokio::test]
async fn a_refused_release_writes_nothing() {
    let store = Arc::new(Memory::new());
    let bench = on(&store).await;
    make(&bench, "hello").await;
    make(&bench, "shop").await;
    let stored = async || {
        let entries =
            store.list(&["apps/", "rolling/hello", "rolling/shop", "rolling/default"]).await.unwrap().entries;
        entries.into_iter().map(|entry| (entry.key.to_string(), entry.value)).collect::<Vec<_>>()
    };
    let before = stored().await;
    for track in ["stable", "candidate"] {
        let path = format!("/api/v1/apps/shop/{track}");
        let body = json!({ "id": "apps/hello-1.0-80/containers", "endpoints": ["127.0.0.1:9009"] });
        let (status, error) = bench.call(Method::PUT, &path, body).await;
        assert_eq!((status, &error["error"]["code"]), (StatusCode::CONFLICT, &json!("other_apps_release")));
        let body = json!({ "release": "2.0", "service": "hello", "endpoints": ["127.0.0.1:9009"] });
        assert_eq!(bench.call(Method::PUT, &path, body).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    }
    assert_eq!(stored().await, before);
}

/// A short name means a release of the app, then one that is nobody's; two of those are told apart by whoever asks.
#[tokio::test]
async fn a_short_name_is_the_apps_own_before_it_is_nobodys() {
    let bench = Bench::start().await;
    make(&bench, "hello").await;
    make(&bench, "shop").await;
    for segment in ["docker-2.0-80", "docker-3.0-80", "podman-3.0-80", "hello-2.0-80", "hello-4.0-80"] {
        bench.kv(&format!("apps/{segment}/containers/c1"), "127.0.0.1:9003").await;
    }
    let set = async |app: &str, release: &str| {
        let path = format!("/api/v1/apps/{app}/candidate");
        let (status, answer) = bench.call(Method::PUT, &path, json!({ "release": release })).await;
        let found = answer["candidate"]["id"].as_str().or(answer["error"]["message"].as_str());
        (status.as_u16(), found.unwrap_or_default().to_owned())
    };
    assert_eq!(set("hello", "2.0").await, (200, "apps/hello-2.0-80/containers".into()));
    assert_eq!(set("shop", "2.0").await, (200, "apps/docker-2.0-80/containers".into()));
    let (status, message) = set("shop", "3.0").await;
    assert!(
        status == 409 && message.contains("docker-3.0-80") && message.contains("podman-3.0-80"),
        "{message}"
    );
    let (status, message) = set("shop", "4.0").await;
    assert!(status == 422 && message.contains("apps/shop-4.0-80"), "{status}: {message}");
}
