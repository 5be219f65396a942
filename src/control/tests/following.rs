//! Following the store: foreign writes, outages, other stores, and a start without one.

use std::{sync::Arc, time::Duration};

use keyvalues::{
    Embedded, Key, Memory, Store, StoreError, Write,
    faults::{AnswerLoss, Faults, FaultyStore},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Bench, eventually, id};
use crate::{clock::Clock, rollout::pin::Pin};

const STICKY: &str = "/api/v1/apps/shop/sticky";

/// A bench whose store can be made to fail.
async fn faulty() -> (Bench, Faults) {
    let (store, faults) = FaultyStore::new(Arc::new(Memory::new()));
    (Bench::on(store, None, Clock::system()).await.with_stable().await, faults)
}

#[tokio::test]
async fn what_is_written_in_the_store_is_adopted_once() {
    let bench = Bench::start().await.with_stable().await;
    bench.write_in_store("apps/shop-1.1-80/containers/c1", "127.0.0.1:9002").await;
    bench.write_in_store("rolling/shop/candidate/id", &id("1.1")).await;
    eventually("the candidate is routed", async || bench.routed().1 == Some("1.1".into())).await;
    eventually("the state says so", async || {
        let state = bench.state().await;
        (&state["seq"], &state["updated"]["actor"]) == (&json!(2), &json!("keyvalues"))
    })
    .await;
    let key: Key = "rolling/shop/blendpercent".parse().unwrap();
    bench.store.commit(Vec::new(), vec![Write::delete(key)]).await.unwrap();
    eventually("the deleted key is back", async || {
        bench.stored("rolling/shop/blendpercent").await == Some("0".into())
    })
    .await;
    bench.write_in_store("rolling/shop/blendpercent", "lots").await;
    eventually("the bad value is shown", async || {
        bench.state().await["problems"][0]["key"] == "rolling/shop/blendpercent"
    })
    .await;
    let state = bench.ok(Method::POST, "/api/v1/apps/shop/abort", Value::Null).await;
    assert_eq!((&state["seq"], &state["problems"]), (&json!(3), &json!([])));
}

#[tokio::test]
async fn garbage_in_the_record_harms_neither_the_table_nor_the_stop_button() {
    for damage in
        [|_: &str| "not json".to_owned(), |record: &str| record.replace("\"tenure\":2", "\"tenure\":1")]
    {
        let bench = Bench::start().await.with_stable().await;
        bench.set("candidate", "1.1").await;
        let record = bench.stored("rolling/shop/rollout").await.unwrap();
        assert_ne!(record, damage(&record));
        bench.write_in_store("rolling/shop/rollout", &damage(&record)).await;
        eventually("the problem is shown", async || !bench.state().await["problems"][0].is_null()).await;
        assert_eq!(bench.routed(), (Some("1.0".into()), Some("1.1".into())));
        let state = bench.ok(Method::POST, "/api/v1/apps/shop/abort", Value::Null).await;
        assert_eq!((&state["seq"], bench.routed()), (&json!(3), (Some("1.0".into()), None)));
    }
}

#[tokio::test]
async fn a_drain_ends_by_its_deadline() {
    let clock = Clock::manual(1_763_630_000_000);
    let store = Arc::new(Memory::new());
    let bench = Bench::on(store, None, clock).await.with_stable().await;
    bench.set("candidate", "1.1").await;
    bench.ok(Method::POST, "/api/v1/apps/shop/promote", json!({ "force": true })).await;
    let draining =
        || bench.live.load().table.apps["shop"].releases.iter().any(|release| release.id.name() == "1.0");
    let drain_over = || {
        let published = bench.live.load_full();
        let app = &published.table.apps["shop"];
        let release = app.releases.iter().find(|release| release.id.name() == "1.0").unwrap();
        published.release(release.slot).drain_over()
    };
    assert!(draining() && !drain_over());
    bench.clock.advance(Duration::from_secs(301));
    eventually("the drain is over", async || drain_over()).await;
    assert!(draining(), "its clients stay until they navigate");
    bench.clock.advance(Duration::from_secs(3_600));
    eventually("it retires", async || !draining()).await;
    eventually("the state says so", async || bench.state().await["updated"]["command"] == "retire").await;
}

#[tokio::test]
async fn an_outage_leaves_the_table_alone_and_refuses_commands() {
    let (bench, faults) = faulty().await;
    faults.refuse(true);
    let (status, error) = bench.call(Method::PUT, STICKY, json!({ "sticky": false })).await;
    assert_eq!(
        (status, &error["error"]["code"]),
        (StatusCode::SERVICE_UNAVAILABLE, &json!("store_unavailable"))
    );
    assert_eq!(bench.routed().0, Some("1.0".into()));
    assert_eq!(bench.state().await["seq"], 1, "reads still answer");
    eventually("the outage is shown", async || {
        bench.ok(Method::GET, "/api/v1/router", Value::Null).await["store"]["state"] == "down"
    })
    .await;
    faults.heal();
    eventually("it converges", async || {
        bench.call(Method::PUT, STICKY, json!({ "sticky": false })).await.0 == StatusCode::OK
    })
    .await;
}

#[tokio::test]
async fn a_watch_that_is_cut_begins_anew_and_misses_nothing() {
    let (bench, faults) = faulty().await;
    faults.cut_watches();
    bench.write_in_store("apps/shop-1.0-80/containers/c2", "127.0.0.1:9002").await;
    eventually("the endpoint is served", async || {
        bench.state().await["stable"]["endpoints"].as_array().unwrap().len() == 2
    })
    .await;
}

#[tokio::test]
async fn a_lost_answer_is_read_back() {
    let (bench, faults) = faulty().await;
    for (lost, sticky, seq) in [(AnswerLoss::AfterWriting, false, 2), (AnswerLoss::BeforeWriting, true, 3)] {
        faults.lose_answers(lost, 1);
        let state = bench.ok(Method::PUT, STICKY, json!({ "sticky": sticky })).await;
        assert_eq!((&state["seq"], &state["result"]), (&json!(seq), &json!("done")));
    }
}

#[tokio::test]
async fn a_full_disk_is_said_and_nothing_changes() {
    let (bench, faults) = faulty().await;
    faults.fail_commits(Some(StoreError::Disk("no space left".into())));
    let (status, _) = bench.call(Method::PUT, STICKY, json!({ "sticky": false })).await;
    assert_eq!(status, StatusCode::INSUFFICIENT_STORAGE);
    faults.fail_commits(None);
    assert_eq!(bench.ok(Method::PUT, STICKY, json!({ "sticky": false })).await["seq"], 2);
}

#[tokio::test]
async fn an_emptied_store_is_an_alarm_and_not_an_order() {
    let (bench, faults) = faulty().await;
    faults.replace(Arc::new(Memory::new()));
    eventually("commands are refused", async || {
        bench.call(Method::PUT, STICKY, json!({ "sticky": false })).await.0 == StatusCode::CONFLICT
    })
    .await;
    assert_eq!(bench.routed().0, Some("1.0".into()));
    assert_eq!(bench.stored("rolling/router/epoch").await, None, "nothing was written into it");
}

/// A command was answered from the store that came back, before it was seen to be another one: 404 for an app that is
/// served.
#[tokio::test]
async fn a_store_that_comes_back_is_looked_at_before_a_command_is() {
    let (bench, faults) = faulty().await;
    faults.refuse(true);
    eventually("the outage is shown", async || {
        bench.ok(Method::GET, "/api/v1/router", Value::Null).await["store"]["state"] == "down"
    })
    .await;
    faults.replace(Arc::new(Memory::new()));
    faults.refuse(false);
    let (status, error) = bench.call(Method::PUT, STICKY, json!({ "sticky": false })).await;
    assert_eq!((status, &error["error"]["code"]), (StatusCode::CONFLICT, &json!("store_diverged")));
}

/// The same at the start, where a router was ready before it had said that the store is another one.
#[tokio::test]
async fn a_command_before_the_store_was_read_waits_for_it() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let open = async |name: &str| Embedded::open(dir.path().join(name).to_str().unwrap()).await.unwrap();
    let first = Bench::on(Arc::new(open("first.redb").await), Some(&state), Clock::system()).await;
    let Bench { control, .. } = first.with_stable().await;
    control.stop().await;
    let (store, faults) = FaultyStore::new(Arc::new(open("emptied.redb").await));
    faults.delay(Duration::from_millis(100));
    let second = Bench::begin(store, Some(&state), Clock::system());
    let (status, error) = second.call(Method::PUT, STICKY, json!({ "sticky": false })).await;
    assert_eq!((status, &error["error"]["code"]), (StatusCode::CONFLICT, &json!("store_diverged")));
    eventually("the last good table is served", async || second.routed().0 == Some("1.0".into())).await;
}

#[tokio::test]
async fn another_store_is_refused_until_an_operator_accepts_it() {
    let mut bench = Bench::start().await.with_stable().await;
    bench.token = "root-token";
    bench.write_in_store("rolling/router/epoch", "another").await;
    eventually("commands are refused", async || {
        let (status, error) =
            bench.call(Method::PUT, "/api/v1/apps/shop/sticky", json!({ "sticky": false })).await;
        status == StatusCode::CONFLICT && error["error"]["code"] == "store_diverged"
    })
    .await;
    assert_eq!(bench.routed().0, Some("1.0".into()), "the last good table goes on");
    let router = bench.ok(Method::GET, "/api/v1/router", Value::Null).await;
    assert_eq!(router["store"]["state"], "diverged");
    bench.ok(Method::POST, "/api/v1/store/accept", Value::Null).await;
    bench.ok(Method::PUT, "/api/v1/apps/shop/sticky", json!({ "sticky": false })).await;
}

/// Each router that accepted gave the store a new epoch, which was another store to all the others: two operators
/// could not both be done.
#[tokio::test]
async fn the_routers_of_a_fleet_accept_one_after_the_other() {
    let store: Arc<dyn Store> = Arc::new(Memory::new());
    let mut first = Bench::on(Arc::clone(&store), None, Clock::system()).await.with_stable().await;
    let mut second = Bench::on(store, None, Clock::system()).await;
    (first.token, second.token) = ("root-token", "root-token");
    first.write_in_store("rolling/router/epoch", "another").await;
    for bench in [&first, &second] {
        eventually("commands are refused", async || {
            bench.call(Method::PUT, STICKY, json!({ "sticky": false })).await.0 == StatusCode::CONFLICT
        })
        .await;
    }
    for bench in [&first, &second] {
        bench.ok(Method::POST, "/api/v1/store/accept", Value::Null).await;
    }
    for (bench, sticky) in [(&first, false), (&second, true)] {
        bench.ok(Method::PUT, STICKY, json!({ "sticky": sticky })).await;
    }
}

#[tokio::test]
async fn a_restart_without_the_store_serves_the_last_good_table_with_the_same_pins() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let store = Embedded::open(dir.path().join("store.redb").to_str().unwrap()).await.unwrap();
    let pin = |bench: &Bench| {
        let pin =
            Pin { bucket: 1, client: 2, tenure: 1, endpoint: 3, hour: 4, drawn_for: 5, ..Pin::default() };
        bench.live.load().table.apps["shop"].pins.encode(&pin)
    };
    let first = Bench::on(Arc::new(store), Some(&state), Clock::system()).await.with_stable().await;
    let before = pin(&first);
    let Bench { control, store, .. } = first;
    control.stop().await;
    let (store, faults) = FaultyStore::new(store);
    faults.refuse(true);
    let second = Bench::on(store, Some(&state), Clock::system()).await;
    assert_eq!((second.routed().0, pin(&second)), (Some("1.0".into()), before));
    eventually("the outage is shown", async || {
        second.ok(Method::GET, "/api/v1/router", Value::Null).await["store"]["state"] == "down"
    })
    .await;
}

#[tokio::test]
async fn without_a_store_and_without_a_last_good_table_it_is_not_ready() {
    let (store, faults) = FaultyStore::new(Arc::new(Memory::new()));
    faults.refuse(true);
    let bench = Bench::begin(store, None, Clock::system());
    bench.control.set_accepting(true);
    let ready = async || bench.client.get(bench.url("/readyz")).send().await.unwrap().status();
    assert_eq!(ready().await, StatusCode::SERVICE_UNAVAILABLE);
    faults.heal();
    eventually("it is ready", async || ready().await == StatusCode::OK).await;
}
