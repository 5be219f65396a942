//! `abort --local`: the stop button while the store does not answer.

use std::{path::Path, sync::Arc};

use keyvalues::{
    Embedded, Memory, Store, Write,
    faults::{Faults, FaultyStore},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Bench, eventually};
use crate::clock::Clock;

const ABORT: &str = "/api/v1/apps/shop/abort";
const RECORD: &str = "rolling/shop/rollout";

/// An app with a candidate, whose store does not answer any more.
async fn cut_off(inner: Arc<dyn Store>, state: Option<&Path>) -> (Bench, Faults) {
    let (store, faults) = FaultyStore::new(inner);
    let bench = Bench::on(store, state, Clock::system()).await.with_stable().await;
    bench.set("candidate", "1.1").await;
    faults.refuse(true);
    (bench, faults)
}

/// The same with a store that only memory holds.
async fn cut_off_from_memory() -> (Bench, Faults, Arc<Memory>) {
    let inner = Arc::new(Memory::new());
    let (bench, faults) = cut_off(Arc::clone(&inner) as Arc<dyn Store>, None).await;
    (bench, faults, inner)
}

async fn record(inner: &dyn Store) -> Value {
    let entry = inner.get(&RECORD.parse().unwrap()).await.unwrap().unwrap();
    serde_json::from_slice(&entry.value).unwrap()
}

async fn put_record(inner: &Memory, record: &Value) {
    let write = Write::put(RECORD.parse().unwrap(), record.to_string());
    inner.commit(Vec::new(), vec![write]).await.unwrap();
}

fn candidate(bench: &Bench) -> Option<String> {
    bench.routed().1
}

#[tokio::test]
async fn an_abort_is_applied_here_alone_until_the_store_takes_it() {
    let (mut bench, faults, inner) = cut_off_from_memory().await;
    for command in ["abort", "rollback"] {
        let path = format!("/api/v1/apps/shop/{command}");
        let (status, refused) = bench.call(Method::POST, &path, Value::Null).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(refused.to_string().contains("abort --local"), "{refused}");
    }
    bench.token = "ci-token";
    let (status, _) = bench.call(Method::POST, ABORT, json!({ "local": true })).await;
    assert_eq!((status, candidate(&bench)), (StatusCode::FORBIDDEN, Some("1.1".into())), "for operators");
    bench.token = "maria-token";
    let order = json!({ "local": true, "release": "1.1", "reason": "errors" });
    let state = bench.ok(Method::POST, ABORT, order.clone()).await;
    assert_eq!((&state["result"], &state["candidate"]), (&json!("done"), &Value::Null), "{state}");
    let told = ["release", "by", "reason", "seq"].map(|field| state["local_abort"][field].clone());
    assert_eq!(told, [json!("1.1"), json!("maria"), json!("errors"), json!(2)]);
    assert_eq!(bench.routed(), (Some("1.0".into()), None));
    assert_eq!(record(&*inner).await["seq"], 2, "the store knows nothing of it");
    assert_eq!(bench.ok(Method::POST, ABORT, order).await["result"], "unchanged");

    faults.heal();
    eventually("the store has taken it", async || record(&*inner).await["seq"] == 3).await;
    let stored = record(&*inner).await;
    let told = ["command", "actor", "reason"].map(|field| stored[field].clone());
    assert_eq!(told, [json!("abort"), json!("maria"), json!("errors")]);
    eventually("nothing is pending", async || bench.state().await["local_abort"].is_null()).await;
    assert_eq!((bench.routed(), &bench.state().await["seq"]), ((Some("1.0".into()), None), &json!(3)));
}

#[tokio::test]
async fn an_abort_is_over_when_the_store_holds_a_later_change() {
    let (bench, faults, inner) = cut_off_from_memory().await;
    bench.ok(Method::POST, ABORT, json!({ "local": true })).await;
    assert_eq!(candidate(&bench), None);
    let mut later = record(&*inner).await;
    later["seq"] = json!(3);
    put_record(&inner, &later).await;
    faults.heal();
    eventually("the store's word counts", async || candidate(&bench) == Some("1.1".into())).await;
    eventually("nothing is pending", async || bench.state().await["local_abort"].is_null()).await;
    assert_eq!(record(&*inner).await["seq"], 3);
}

#[tokio::test]
async fn a_candidate_that_came_back_at_the_same_seq_is_another_one() {
    let (bench, faults, inner) = cut_off_from_memory().await;
    bench.ok(Method::POST, ABORT, json!({ "local": true })).await;
    let mut other = record(&*inner).await;
    other["candidate"]["tenure"] = json!(3);
    other["tenures"]["last"] = json!(3);
    put_record(&inner, &other).await;
    faults.heal();
    eventually("the store's word counts", async || candidate(&bench) == Some("1.1".into())).await;
    assert_eq!(record(&*inner).await["seq"], 2);
}

/// The router ends and starts again.
async fn restart(bench: Bench, state: &Path) -> Bench {
    let Bench { control, store, .. } = bench;
    control.stop().await;
    Bench::on(store, Some(state), Clock::system()).await
}

#[tokio::test]
async fn a_router_that_restarts_meanwhile_goes_on_without_the_candidate() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let inner = Arc::new(Embedded::open(dir.path().join("store.redb").to_str().unwrap()).await.unwrap());
    let (first, faults) = cut_off(Arc::clone(&inner) as Arc<dyn Store>, Some(&state)).await;
    first.ok(Method::POST, ABORT, json!({ "local": true, "reason": "errors" })).await;
    let second = restart(first, &state).await;
    assert_eq!(second.routed(), (Some("1.0".into()), None));
    assert_eq!(second.state().await["local_abort"]["reason"], "errors");
    faults.heal();
    let third = restart(second, &state).await;
    eventually("the store has it", async || record(&*inner).await["seq"] == 3).await;
    assert_eq!(third.routed(), (Some("1.0".into()), None));
    eventually("nothing is pending", async || third.state().await["local_abort"].is_null()).await;
    let fourth = restart(third, &state).await;
    assert!(fourth.state().await["local_abort"].is_null(), "it is over for good");
}

#[tokio::test]
async fn while_the_store_answers_it_is_an_abort_like_any_other() {
    let bench = Bench::start().await.with_stable().await;
    bench.set("candidate", "1.1").await;
    let state = bench.ok(Method::POST, ABORT, json!({ "local": true })).await;
    assert_eq!((&state["seq"], &state["local_abort"]), (&json!(3), &Value::Null));
    assert_eq!(bench.routed(), (Some("1.0".into()), None));
}
