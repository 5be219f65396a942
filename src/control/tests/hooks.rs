//! Hooks by the clock: what is given up, what has to stand before it is told, and what is over.

use std::{sync::Arc, time::Duration};

use keyvalues::{
    Memory,
    faults::{Faults, FaultyStore},
};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Bench, refusing};
use crate::clock::Clock;

const HOOK: &str = "/api/v1/hooks/chat";

/// A bench with a hook to a receiver that is not there.
async fn bench() -> (Bench, Faults) {
    let (store, faults) = FaultyStore::new(Arc::new(Memory::new()));
    let mut bench = Bench::on(store, None, Clock::manual(1_763_630_000_000)).await.with_stable().await;
    bench.token = "root-token";
    let url = format!("http://{}/", refusing());
    let (_, made) = bench.call(Method::PUT, HOOK, json!({ "url": url })).await;
    assert_eq!(made["state"], "new", "{made}");
    (bench, faults)
}

/// As `eventually`, with the patience that several attempts and a busy machine need.
async fn later(what: &str, condition: impl AsyncFn() -> bool) {
    assert!(within(Duration::from_secs(60), &condition).await, "this did not come true: {what}");
}

/// The same for what the clock has to move for: a step, and real time in which every task has its turn.
async fn later_by_the_clock(bench: &Bench, what: &str, condition: impl AsyncFn() -> bool) {
    for _ in 0..15 {
        bench.clock.advance(Duration::from_secs(60));
        if within(Duration::from_secs(4), &condition).await {
            return;
        }
    }
    panic!("this did not come true: {what}");
}

async fn within(time: Duration, condition: &impl AsyncFn() -> bool) -> bool {
    for _ in 0..time.as_millis() / 10 {
        if condition().await {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    false
}

async fn last(bench: &Bench) -> Value {
    bench.ok(Method::GET, HOOK, Value::Null).await["deliveries"][0].clone()
}

async fn metrics(bench: &Bench) -> String {
    bench.request(Method::GET, "/metrics").send().await.unwrap().text().await.unwrap()
}

#[tokio::test]
async fn a_message_is_given_up_after_its_last_attempt_and_that_is_an_alarm() {
    let (bench, _) = bench().await;
    // Of the change alone: a clock that jumps makes this router's store seem stale for a moment, which is an event too.
    let url = format!("http://{}/", refusing());
    bench.ok(Method::PUT, HOOK, json!({ "url": url, "events": ["set-sticky"] })).await;
    let sticky = |sticky: bool| json!({ "sticky": sticky });
    bench.ok(Method::PUT, "/api/v1/apps/shop/sticky", sticky(false)).await;
    for attempt in 1..=6 {
        later("the next attempt", async || last(&bench).await["attempt"] == attempt).await;
        let outcome = if attempt < 6 { "failed" } else { "dropped" };
        assert_eq!(last(&bench).await["outcome"], outcome, "attempt {attempt}");
        // Longer than the longest pause, which no attempt comes before: the clock stands still.
        bench.clock.advance(Duration::from_secs(if attempt < 6 { 600 } else { 0 }));
    }
    let error = last(&bench).await["error"].clone();
    assert!(error.as_str().unwrap().starts_with("the receiver cannot be reached"), "{error}");
    let fleet = bench.ok(Method::GET, "/api/v1/fleet", Value::Null).await;
    let alarm = fleet["alarms"].as_array().unwrap().iter().find(|alarm| alarm["kind"] == "hook");
    let message = alarm.expect("an alarm")["message"].as_str().unwrap();
    assert!(message.starts_with("the hook chat was not told of `set-sticky`"), "{message}");
    let text = metrics(&bench).await;
    assert!(text.contains("rolling_hook_deliveries_total{hook=\"chat\",outcome=\"failed\"} 5\n"), "{text}");
    assert!(text.contains("rolling_hook_deliveries_total{hook=\"chat\",outcome=\"dropped\"} 1\n"), "{text}");
    assert!(text.contains("rolling_fleet_alarms{kind=\"hook\"} 1\n"), "{text}");
    let hook = bench.ok(Method::GET, HOOK, Value::Null).await;
    assert_eq!((&hook["state"], &hook["waiting"]), (&json!("dropped"), &json!({})));
    bench.ok(Method::PUT, "/api/v1/apps/shop/sticky", sticky(true)).await;
    later("the next change is told all the same", async || {
        let last = last(&bench).await;
        (&last["attempt"], &last["seq"]) == (&json!(1), &json!(3))
    })
    .await;
}

#[tokio::test]
async fn a_bad_value_is_told_when_it_stands() {
    let (bench, _) = bench().await;
    bench.write_in_store("rolling/shop/blendpercent", "lots").await;
    later("the bad value is known", async || {
        bench.state().await["problems"][0]["key"] == "rolling/shop/blendpercent"
    })
    .await;
    assert!(last(&bench).await.is_null(), "it may be gone in a moment");
    later_by_the_clock(&bench, "it was told", async || last(&bench).await["type"] == "bad-value").await;
    assert_eq!(last(&bench).await["app"], "shop");
}

#[tokio::test]
async fn a_store_that_is_not_read_is_told_although_nothing_can_be_stored() {
    let (bench, faults) = bench().await;
    faults.refuse(true);
    later_by_the_clock(&bench, "it was tried to tell", async || {
        !metrics(&bench).await.contains("rolling_hook_deliveries_total{hook=\"chat\",outcome=\"failed\"} 0\n")
    })
    .await;
    faults.heal();
    later_by_the_clock(&bench, "it is kept", async || {
        let hook = bench.ok(Method::GET, HOOK, Value::Null).await;
        hook["deliveries"].as_array().unwrap().iter().any(|delivery| delivery["type"] == "store-stale")
    })
    .await;
}
