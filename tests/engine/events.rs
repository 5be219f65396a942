//! What happens to containers, told as it happens, also across an engine that is killed, restarted and halted.

use std::time::Duration;

use futures_util::{Stream, StreamExt as _};
use rolling_router::engine::{ContainerAction, EngineEvent, LABEL_APP, Signal};
use serde_json::json;
use support::servers::engine::{TestEngine, shared};

use super::scene::engine;

/// The next event; fails when none comes.
async fn next(events: &mut (impl Stream<Item = EngineEvent> + Unpin)) -> EngineEvent {
    let waited = tokio::time::timeout(Duration::from_secs(60), events.next()).await;
    waited.expect("an event comes").expect("events do not end")
}

/// What happens next to a container.
async fn action(events: &mut (impl Stream<Item = EngineEvent> + Unpin), name: &str) -> ContainerAction {
    loop {
        match next(events).await {
            EngineEvent::Container(event) if event.name == name => return event.action,
            EngineEvent::Container(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

/// The names that a full look shows.
fn names(event: EngineEvent) -> Vec<String> {
    match event {
        EngineEvent::Connected { containers, .. } => {
            containers.into_iter().map(|container| container.name).collect()
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_signal_is_told_before_the_process_ends() {
    let test = shared();
    test.image("signals:1", &[]);
    let engine = engine(test, &[]);
    let mut events = engine.events("suite.signals");
    assert_eq!(names(next(&mut events).await), Vec::<String>::new());
    test.run("signals", "signals:1", &json!({"suite.signals": "1"}), &[]);
    test.run("unlabelled", "signals:1", &json!({}), &[]);
    assert_eq!(action(&mut events, "signals").await, ContainerAction::Start);
    test.call("POST", "/containers/signals/kill?signal=HUP", None);
    test.call("POST", "/containers/signals/stop", None);
    test.remove("signals");
    test.remove("unlabelled");
    let hangup = Some("HUP".parse().unwrap());
    let expected = [
        ContainerAction::Kill { signal: hangup },
        ContainerAction::Kill { signal: Some(Signal::TERM) },
        ContainerAction::Die { code: 0 },
        ContainerAction::Destroy,
    ];
    for expected in expected {
        assert_eq!(action(&mut events, "signals").await, expected);
    }
}

#[tokio::test]
async fn an_engine_that_is_restarted_is_lost_once_and_looked_at_again() {
    let test = TestEngine::start(256);
    test.image("restarts:1", &[]);
    let labels = json!({"rolling.app": "shop"});
    test.run("before", "restarts:1", &labels, &[]);
    let engine = engine(&test, &[]);
    let mut events = engine.events(LABEL_APP);
    assert_eq!(names(next(&mut events).await), ["before"]);

    test.kill();
    assert!(matches!(next(&mut events).await, EngineEvent::Lost { .. }));
    test.start_again();
    // What happened while nobody listened is in the look: the engine ends containers that outlived it.
    assert_eq!(names(next(&mut events).await), ["before"]);
    test.run("after", "restarts:1", &labels, &[]);
    assert_eq!(action(&mut events, "after").await, ContainerAction::Start);

    // Halted, it keeps every connection, and nothing comes.
    test.halt();
    assert!(matches!(next(&mut events).await, EngineEvent::Lost { .. }));
    test.resume();
    let looked = names(next(&mut events).await);
    assert!(looked.contains(&"after".to_owned()), "{looked:?}");
    test.call("POST", "/containers/after/kill?signal=INT", None);
    // It may be told once more that it was started.
    while action(&mut events, "after").await
        != (ContainerAction::Kill { signal: Some("INT".parse().unwrap()) })
    {}
}

#[tokio::test]
async fn an_engine_that_is_not_there_is_lost_and_its_calls_say_so() {
    let test = TestEngine::start(64);
    let engine = engine(&test, &[]);
    assert!(engine.version().await.unwrap().version.starts_with(|char: char| char.is_ascii_digit()));
    test.stop();
    let error = engine.version().await.unwrap_err();
    assert!(error.is_passing(), "{error}");
    assert!(error.to_string().starts_with("the engine node1 cannot be reached: "), "{error}");
    let mut events = engine.events(LABEL_APP);
    assert!(matches!(next(&mut events).await, EngineEvent::Lost { .. }));
    test.start_again();
    assert!(names(next(&mut events).await).is_empty());
}
