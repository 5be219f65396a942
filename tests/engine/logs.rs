//! What containers write, followed.

use std::pin::pin;

use futures_util::StreamExt as _;
use rolling_router::engine::LogOptions;
use support::servers::engine::shared;

use super::scene::{engine, name, running};

#[tokio::test]
async fn a_log_is_followed_until_its_container_ends() {
    let test = shared();
    test.image("logs:1", &["STUBBORN=1"]);
    let engine = engine(test, &["logs"]);
    let called = name("rolling-logs-1");
    running(&engine, "rolling-logs-1", "logs:1").await;
    let mut log = pin!(engine.logs(&called, LogOptions { follow: true, ..LogOptions::default() }));
    let mut next = async || log.next().await.map(|part| String::from_utf8_lossy(&part.unwrap()).into_owned());
    assert_eq!(next().await.as_deref(), Some("listening on 80\n"));
    engine.kill(called.as_str(), "HUP").await.unwrap();
    assert_eq!(next().await.as_deref(), Some("goes on after signal 1\n"));
    engine.kill(called.as_str(), "KILL").await.unwrap();
    assert_eq!(next().await, None);

    let tail = LogOptions { tail: Some(1), ..LogOptions::default() };
    let last: Vec<_> = engine.logs(&called, tail).collect().await;
    assert_eq!(last.len(), 1, "{last:?}");
    let future = LogOptions { since: Some(2_000_000_000), ..LogOptions::default() };
    assert_eq!(engine.logs(&called, future).collect::<Vec<_>>().await, []);
    engine.remove(&called).await.unwrap();
    assert!(engine.last_words(&called, 1).await.is_err());
}
