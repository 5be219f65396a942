//! Fleets of control planes in one process, on one store that can be made to fail.

use std::{sync::Arc, time::Duration};

use keyvalues::{Memory, Store, Write, faults::FaultyStore};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{Bench, eventually};
use crate::{
    clock::Clock,
    control::{
        limits::{DEADLINE_TICK, PIN_FORMAT_PAUSE, SIGN_OF_LIFE_EVERY},
        shared::{
            fleet::member::Kind,
            pin_keys::{self, PIN_FORMAT, PIN_KEYS},
        },
    },
    rollout::pin::Pin,
};

const WALL: u64 = 1_763_630_000_000;
const WAIT: &str = "/api/v1/apps/shop/sticky?wait=fleet&timeout=60s";

async fn join(store: &Arc<Memory>, clock: Clock) -> Bench {
    Bench::on(Arc::<Memory>::clone(store), None, clock).await
}

async fn whole(benches: &[&Bench]) {
    for bench in benches {
        eventually("everybody is heard from", async || {
            let fleet = bench.ok(Method::GET, "/api/v1/fleet", Value::Null).await;
            let members = fleet["members"].as_array().unwrap();
            members.len() == benches.len() && members.iter().all(|member| member["heard"] == true)
        })
        .await;
    }
}

async fn entries(store: &Memory, prefix: &str) -> Vec<String> {
    let listing = store.list(&[prefix]).await.unwrap();
    listing.entries.iter().map(|entry| entry.key.as_str().to_owned()).collect()
}

#[tokio::test]
async fn a_fleet_of_one_writes_its_entry_and_nothing_else() {
    let store = Arc::new(Memory::new());
    let bench = join(&store, Clock::system()).await.with_stable().await;
    let state = bench.ok(Method::PUT, WAIT, json!({ "sticky": false })).await;
    assert_eq!(state["applied"]["text"], "applied 1 of 1");
    let own = Kind::Entry.key(bench.control.node());
    let keys = entries(&store, "rolling/router/").await;
    let pins = ["pinformat", "pinkeys", "tokenkey"].map(|key| format!("rolling/router/{key}"));
    assert_eq!(keys[..2], ["rolling/router/epoch".to_owned(), own]);
    assert_eq!(keys[2..], pins);
    bench.control.stop().await;
    assert!(entries(&store, "rolling/router/members/").await.is_empty(), "it left");
}

/// Whoever commits must know of everybody who may read an older state: so a router enters before it reads.
#[tokio::test]
async fn a_router_enters_the_fleet_before_it_serves() {
    let store = Arc::new(Memory::new());
    let _first = join(&store, Clock::system()).await.with_stable().await;
    let (slow, faults) = FaultyStore::new(Arc::<Memory>::clone(&store));
    faults.silence_watches(true);
    let second = Bench::begin(slow, None, Clock::system());
    eventually("it serves", async || second.routed().0.is_some()).await;
    let entry = Kind::Entry.key(second.control.node());
    let created = store.get(&entry.parse().unwrap()).await.unwrap().unwrap().modified;
    assert!(second.live.load().table.revision >= created);
}

/// Whenever a router entered, the others raised an alarm for a second: "r2 is not heard from for 0 s".
#[tokio::test]
async fn who_enters_is_given_the_time_of_a_first_sign_of_life() {
    let store = Arc::new(Memory::new());
    let clock = Clock::manual(WALL);
    let bench = join(&store, clock.clone()).await.with_stable().await;
    bench.write_in_store(&Kind::Entry.key("r2"), "{}").await;
    let fleet = async || bench.ok(Method::GET, "/api/v1/fleet", Value::Null).await;
    let silent =
        |fleet: &Value| fleet["alarms"].as_array().unwrap().iter().any(|alarm| alarm["kind"] == "silent");
    eventually("it is a member", async || fleet().await["members"].as_array().unwrap().len() == 2).await;
    let entered = fleet().await;
    assert!(!silent(&entered), "{}", entered["alarms"]);
    clock.advance(SIGN_OF_LIFE_EVERY);
    let later = fleet().await;
    assert!(silent(&later), "{}", later["alarms"]);
}

/// The keys are those of a fleet of an earlier version, of which one member is left.
#[tokio::test]
async fn the_newest_pin_format_is_signed_once_every_member_reads_it() {
    let store = Arc::new(Memory::new());
    let clock = Clock::manual(WALL);
    let other = Kind::Entry.key("r2");
    let put = |key: &str, value: Vec<u8>| Write::put(key.parse().unwrap(), value);
    let keys = pin_keys::encode(&pin_keys::generate().unwrap());
    let writes = vec![put(PIN_KEYS, keys), put(&other, b"{}".to_vec())];
    store.commit(Vec::new(), writes).await.unwrap();
    let bench = join(&store, clock.clone()).await.with_stable().await;
    let signed = || bench.live.load().table.apps["shop"].pins.encode(&Pin::default()).len();
    clock.advance(PIN_FORMAT_PAUSE * 2);
    sleep(DEADLINE_TICK * 3).await;
    assert_eq!((signed(), bench.stored(PIN_FORMAT).await), (43, None), "r2 does not read it");
    bench.write_in_store(&other, r#"{"pin_format": 2}"#).await;
    sleep(DEADLINE_TICK * 3).await;
    assert_eq!((signed(), bench.stored(PIN_FORMAT).await), (43, None), "r2 may be about to restart");
    let moves_on = async || {
        clock.advance(PIN_FORMAT_PAUSE / 2);
        signed() == 44
    };
    eventually("everybody reads it", moves_on).await;
    assert_eq!(bench.stored(PIN_FORMAT).await.as_deref(), Some("2"));
    // What was signed is never unlearned: not when an earlier version comes, and not when the key is lost.
    bench.write_in_store(&other, "{}").await;
    store.commit(Vec::new(), vec![Write::delete(PIN_FORMAT.parse().unwrap())]).await.unwrap();
    bench.ok(Method::PUT, "/api/v1/apps/shop/sticky", json!({ "sticky": false })).await;
    assert_eq!(signed(), 44);
    bench.write_in_store(&other, r#"{"pin_format": 3}"#).await;
    eventually("it is written back", async || {
        clock.advance(PIN_FORMAT_PAUSE / 2);
        bench.stored(PIN_FORMAT).await.is_some()
    })
    .await;
}

#[tokio::test]
async fn a_member_that_cannot_read_is_not_counted_and_the_commit_stands() {
    let store = Arc::new(Memory::new());
    let first = join(&store, Clock::system()).await.with_stable().await;
    let (slow, faults) = FaultyStore::new(Arc::<Memory>::clone(&store));
    let second = Bench::on(slow, None, Clock::system()).await;
    whole(&[&first, &second]).await;
    let state = first.ok(Method::PUT, WAIT, json!({ "sticky": false })).await;
    assert_eq!(state["applied"]["text"], "applied 2 of 2");
    faults.silence_watches(true);
    let path = "/api/v1/apps/shop/sticky?wait=fleet&timeout=500ms";
    let (status, state) = first.call(Method::PUT, path, json!({ "sticky": true })).await;
    assert_eq!((status, &state["result"]), (StatusCode::ACCEPTED, &json!("done")));
    let name = second.control.node();
    assert_eq!(
        state["applied"]["text"],
        format!("applied 1 of 2, {name} has not applied it yet, may still serve 1.0")
    );
    faults.silence_watches(false);
    let state = first.ok(Method::PUT, WAIT, json!({ "sticky": true })).await;
    assert_eq!((&state["result"], &state["applied"]["applied"]), (&json!("unchanged"), &json!(2)));
}

/// `?wait=fleet` was answered by the router that was asked alone.
#[tokio::test]
async fn a_preview_is_waited_for_like_a_command() {
    let store = Arc::new(Memory::new());
    let first = join(&store, Clock::system()).await.with_stable().await;
    let (slow, faults) = FaultyStore::new(Arc::<Memory>::clone(&store));
    let second = Bench::on(slow, None, Clock::system()).await;
    whole(&[&first, &second]).await;
    let previews = "/api/v1/apps/shop/previews";
    faults.silence_watches(true);
    let path = format!("{previews}?wait=fleet&timeout=50ms");
    let (status, made) = first.call(Method::POST, &path, json!({ "track": "stable" })).await;
    let name = second.control.node();
    let text = format!("applied 1 of 2, {name} has not applied it yet");
    assert_eq!((status, &made["applied"]["text"]), (StatusCode::ACCEPTED, &json!(text)));
    faults.silence_watches(false);
    let path = format!("{previews}?wait=fleet&timeout=5s");
    let (status, made) = first.call(Method::POST, &path, json!({ "track": "stable" })).await;
    assert_eq!((status, &made["applied"]["text"]), (StatusCode::CREATED, &json!("applied 2 of 2")));
    let path = format!("{previews}/{}?wait=fleet&timeout=5s", made["id"].as_str().unwrap());
    let revoked = second.ok(Method::DELETE, &path, Value::Null).await;
    assert_eq!((&revoked["result"], &revoked["applied"]["applied"]), (&json!("done"), &json!(2)));
}

#[tokio::test]
async fn a_member_whose_clock_is_off_ends_no_drain() {
    let store = Arc::new(Memory::new());
    let clocks = [Clock::manual(WALL), Clock::manual(WALL + 60_000)];
    let first = join(&store, clocks[0].clone()).await.with_stable().await;
    let second = join(&store, clocks[1].clone()).await;
    whole(&[&first, &second]).await;
    for bench in [&first, &second] {
        eventually("the skew is shown", async || {
            let fleet = bench.ok(Method::GET, "/api/v1/fleet", Value::Null).await;
            let alarms = fleet["alarms"].as_array().unwrap();
            alarms.iter().filter(|alarm| alarm["kind"] == "clock_skew").count() == 2
        })
        .await;
    }
    first.set("candidate", "1.1").await;
    first.ok(Method::POST, "/api/v1/apps/shop/promote?wait=fleet", json!({ "force": true })).await;
    clocks.iter().for_each(|clock| clock.advance(Duration::from_secs(4_000)));
    // Passing time is what is looked at: each router had its turns to end the drain.
    sleep(DEADLINE_TICK * 4).await;
    assert_eq!(first.state().await["draining"][0]["release"], "1.0");
    let third = join(&store, clocks[0].clone()).await;
    eventually("most agree with the first clock, and its drain ends", async || {
        first.state().await["draining"] == json!([])
    })
    .await;
    let history = third.ok(Method::GET, "/api/v1/apps/shop/history", Value::Null).await;
    let retired = history["events"].as_array().unwrap().iter().filter(|event| event["command"] == "retire");
    assert_eq!(retired.count(), 1);
}

#[tokio::test]
async fn what_other_versions_or_others_write_about_members_harms_nobody() {
    let store = Arc::new(Memory::new());
    let bench = join(&store, Clock::system()).await.with_stable().await;
    for kind in Kind::ALL {
        let write = Write::put(kind.key("stranger").parse().unwrap(), "garbage");
        store.commit(Vec::new(), vec![write]).await.unwrap();
    }
    let path = "/api/v1/apps/shop/sticky?wait=fleet&timeout=500ms";
    let (status, state) = bench.call(Method::PUT, path, json!({ "sticky": false })).await;
    assert_eq!((status, &state["applied"]["members"]), (StatusCode::ACCEPTED, &json!(2)));
    bench.ok(Method::DELETE, "/api/v1/fleet/stranger", Value::Null).await;
    let state = bench.ok(Method::PUT, WAIT, json!({ "sticky": true })).await;
    assert_eq!(state["applied"]["text"], "applied 1 of 1");
    assert!(bench.client.get(bench.url("/metrics")).send().await.unwrap().text().await.unwrap().len() > 100);
}

#[tokio::test]
async fn a_rotation_is_gone_on_with_by_asking_again() {
    let store = Arc::new(Memory::new());
    let mut first = join(&store, Clock::system()).await.with_stable().await;
    first.token = "root-token";
    let (slow, faults) = FaultyStore::new(Arc::<Memory>::clone(&store));
    let second = Bench::on(slow, None, Clock::system()).await;
    whole(&[&first, &second]).await;
    faults.silence_watches(true);
    let path = "/api/v1/fleet/rotate-keys?timeout=500ms";
    let (status, answer) = first.call(Method::POST, path, json!({})).await;
    assert_eq!((status, &answer["result"]), (StatusCode::ACCEPTED, &json!("waiting")));
    let kept = first.stored("rolling/router/pinkeys").await.unwrap();
    let (status, _) = first.call(Method::POST, path, json!({})).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    assert_eq!(first.stored("rolling/router/pinkeys").await.unwrap(), kept, "no second next");
    faults.silence_watches(false);
    let answer = first.ok(Method::POST, "/api/v1/fleet/rotate-keys?timeout=60s", json!({})).await;
    assert_eq!((&answer["result"], &answer["applied"]["applied"]), (&json!("done"), &json!(2)));
    let (status, error) = first.call(Method::POST, path, json!({})).await;
    assert_eq!((status, &error["error"]["code"]), (StatusCode::CONFLICT, &json!("too_soon")));
}
