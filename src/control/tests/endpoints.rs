//! Endpoints that come and go: whoever changes those of a release that an app routes changes that app.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use futures_util::future::join_all;
use keyvalues::{Memory, Store};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Bench, accepting, eventually, id};
use crate::clock::Clock;

const RELEASE: &str = "/api/v1/apps/shop/releases/1.0";
const ENDPOINTS: &str = "/api/v1/apps/shop/releases/1.0/endpoints";

fn many(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("10.0.{}.{}:80", n / 200, n % 200 + 1)).collect()
}

/// Whatever an app, or a release, can be changed by: what the routers tell each other is not part of it.
pub async fn stored(bench: &Bench) -> Vec<(String, Vec<u8>, u64)> {
    let listing = bench.store.list(&["apps/", "rolling/"]).await.unwrap();
    let theirs = listing.entries.iter().filter(|entry| !entry.key.as_str().starts_with("rolling/router/"));
    theirs.map(|entry| (entry.key.to_string(), entry.value.to_vec(), entry.modified)).collect()
}

async fn kv_delete(bench: &Bench, key: &str) -> (StatusCode, Value) {
    bench.call(Method::DELETE, &format!("/v1/kv/{key}"), Value::Null).await
}

async fn history(bench: &Bench) -> Vec<Value> {
    let page = bench.ok(Method::GET, "/api/v1/apps/shop/history", Value::Null).await;
    page["events"].as_array().unwrap().clone()
}

fn served(bench: &Bench) -> BTreeSet<String> {
    let published = bench.live.load_full();
    let app = &published.table.apps["shop"];
    let stable = app.release(app.stable.unwrap());
    stable.endpoints.iter().map(|endpoint| endpoint.address.to_string()).collect()
}

async fn locked() -> Bench {
    let mut bench = Bench::start().await.with_stable().await;
    bench.ok(Method::PUT, "/api/v1/apps/shop/lock", json!({ "reason": "an incident" })).await;
    bench.token = "ci-token";
    bench
}

#[tokio::test]
async fn under_a_lock_ci_changes_no_endpoint_by_any_door() {
    let mut bench = locked().await;
    let before = stored(&bench).await;
    let key = format!("{}/c9", id("1.0"));
    let (status, text) = bench.kv(&key, "127.0.0.1:6666").await;
    assert_eq!(status, StatusCode::LOCKED, "{text}");
    assert!(text.contains("maria") && text.contains("an incident"), "{text}");
    let (status, _) = kv_delete(&bench, &format!("{}/127.0.0.1:9001", id("1.0"))).await;
    assert_eq!(status, StatusCode::LOCKED);
    for (method, path, body) in [
        (Method::PUT, format!("{ENDPOINTS}/c9"), json!({ "address": "127.0.0.1:6666" })),
        (Method::DELETE, format!("{ENDPOINTS}/127.0.0.1:9001"), json!({ "force": true })),
        (Method::PUT, ENDPOINTS.to_owned(), json!({ "endpoints": ["127.0.0.1:6666"], "force": true })),
        (
            Method::PUT,
            "/api/v1/apps/shop/stable".to_owned(),
            json!({ "id": id("1.0"), "endpoints": many(200) }),
        ),
        (
            Method::PUT,
            "/api/v1/apps/shop/candidate".to_owned(),
            json!({ "id": id("1.0"), "endpoints": many(200) }),
        ),
    ] {
        let (status, error) = bench.call(method.clone(), &path, body).await;
        assert_eq!(status, StatusCode::LOCKED, "{method} {path}: {error}");
    }
    assert_eq!(stored(&bench).await, before);
    assert_eq!(served(&bench), BTreeSet::from(["127.0.0.1:9001".to_owned()]));
    // What is there already is no change, and another release is nobody's.
    assert_eq!(bench.kv(&format!("{}/127.0.0.1:9001", id("1.0")), "127.0.0.1:9001").await.0, StatusCode::OK);
    assert_eq!(stored(&bench).await, before);
    assert_eq!(bench.kv(&format!("{}/c1", id("9.9")), "127.0.0.1:6666").await.0, StatusCode::OK);
    bench.token = "maria-token";
    assert_eq!(bench.kv(&key, "127.0.0.1:6666").await.0, StatusCode::OK, "an operator may");
}

#[tokio::test]
async fn a_lock_out_after_a_rollback_holds_ci_back_too_and_a_registrator_is_not_held_back() {
    let mut bench = Bench::start().await.with_stable().await;
    bench.set("stable", "1.1").await;
    bench.ok(Method::POST, "/api/v1/apps/shop/rollback", json!({ "force": true })).await;
    bench.token = "ci-token";
    let key = format!("{}/c9", id("1.0"));
    assert_eq!(bench.kv(&key, "127.0.0.1:9009").await.0, StatusCode::LOCKED);
    bench.token = "maria-token";
    let settings = json!({ "register_under_lock": ["ci-main"] });
    bench.ok(Method::PATCH, "/api/v1/apps/shop/settings", settings).await;
    bench.ok(Method::PUT, "/api/v1/apps/shop/lock", json!({ "reason": "still" })).await;
    bench.token = "ci-token";
    assert_eq!(bench.kv(&key, "127.0.0.1:9009").await, (StatusCode::OK, "true".into()));
    let (status, _) = bench.call(Method::PUT, "/api/v1/apps/shop/sticky", json!({ "sticky": false })).await;
    assert_eq!(status, StatusCode::LOCKED, "it may register, and nothing else");
}

/// A release that a raw `stable/id` waits for becomes stable with its first endpoint, whoever registers that.
#[tokio::test]
async fn under_a_lock_ci_does_not_register_the_endpoint_that_a_release_waits_for() {
    let mut bench = Bench::start().await.with_stable().await;
    bench.ok(Method::PUT, "/api/v1/apps/shop/lock", json!({ "reason": "an incident" })).await;
    bench.write_in_store("rolling/shop/stable/id", &id("1.2")).await;
    eventually("it waits", async || bench.state().await["problems"][0]["key"] == "rolling/shop/stable/id")
        .await;
    bench.token = "ci-token";
    let before = stored(&bench).await;
    let (status, text) = bench.kv(&format!("{}/c1", id("1.2")), "127.0.0.1:6666").await;
    assert_eq!(status, StatusCode::LOCKED, "{text}");
    assert_eq!(stored(&bench).await, before);
    bench.token = "maria-token";
    let endpoint = accepting();
    let address = endpoint.local_addr().unwrap().to_string();
    assert_eq!(bench.kv(&format!("{}/c1", id("1.2")), &address).await.0, StatusCode::OK);
    assert_eq!(bench.routed().0.as_deref(), Some("1.2"));
}

#[tokio::test]
async fn above_its_cap_ci_shows_no_new_address_to_users() {
    let mut bench = Bench::start().await.with_stable().await;
    bench.set("candidate", "1.1").await;
    bench.ok(Method::PATCH, "/api/v1/apps/shop/settings", json!({ "ci_blend_max": 20 })).await;
    bench.token = "ci-token";
    let before = stored(&bench).await;
    let (status, text) = bench.kv(&format!("{}/c9", id("1.0")), "127.0.0.1:6666").await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{text}");
    assert_eq!(stored(&bench).await, before);
    assert_eq!(
        bench.kv(&format!("{}/c9", id("1.1")), "127.0.0.1:9009").await.0,
        StatusCode::OK,
        "at blend 0"
    );
}

#[tokio::test]
async fn a_change_of_endpoints_stands_in_the_history_joined_and_leaves_the_seq() {
    let bench = Bench::start().await.with_stable().await;
    for n in 1..=3 {
        bench.kv(&format!("{}/c{n}", id("1.0")), &format!("127.0.0.1:900{n}")).await;
    }
    kv_delete(&bench, &format!("{}/c3", id("1.0"))).await;
    let events = history(&bench).await;
    assert_eq!(events.len(), 2, "{events:?}");
    let event = &events[0];
    assert_eq!((&event["command"], &event["actor"]), (&json!("change-endpoints"), &json!("maria")));
    assert_eq!((&event["seq"], &event["number"]), (&json!(1), &json!(1)));
    let entry = |port: u16| format!("{}/127.0.0.1:{port}", id("1.0"));
    assert_eq!(event["changed"]["endpoints"], json!([[entry(9001)], [entry(9001), entry(9002)]]));
    assert_eq!(
        events[1]["changed"]["endpoints"],
        json!([[], [entry(9001)]]),
        "a command says what it registered"
    );
    assert_eq!(bench.state().await["seq"], 1);
    // A repeat is none.
    let before = stored(&bench).await;
    bench.kv(&format!("{}/c2", id("1.0")), "127.0.0.1:9002").await;
    assert_eq!(stored(&bench).await, before);
}

#[tokio::test]
async fn after_ten_seconds_another_event_begins_and_a_refused_change_is_none() {
    let clock = Clock::manual(1_763_630_000_000);
    let bench = Bench::on(Arc::new(Memory::new()), None, clock).await.with_stable().await;
    let add = async |n: u16| bench.kv(&format!("{}/c{n}", id("1.0")), &format!("127.0.0.1:{n}")).await;
    add(7001).await;
    bench.clock.advance(Duration::from_secs(9));
    add(7002).await;
    bench.clock.advance(Duration::from_secs(1));
    add(7003).await;
    let numbers: Vec<Value> = history(&bench).await.iter().map(|event| event["number"].clone()).collect();
    assert_eq!(numbers, [json!(2), json!(1), Value::Null]);
    let page = bench.ok(Method::GET, "/api/v1/apps/shop/history?limit=1&before=2", Value::Null).await;
    assert_eq!((page["events"].as_array().unwrap().len(), &page["left_out"]), (3, &json!(0)));
}

#[tokio::test]
async fn a_repeated_command_with_other_endpoints_is_refused_and_by_force_replaces_them() {
    let bench = Bench::start().await.with_stable().await;
    for (track, release) in [("stable", "1.0"), ("candidate", "1.1")] {
        bench.set(track, release).await;
        let path = format!("/api/v1/apps/shop/{track}");
        let other =
            |force: bool| json!({ "id": id(release), "endpoints": ["127.0.0.1:9002"], "force": force });
        let before = stored(&bench).await;
        let (status, error) = bench.call(Method::PUT, &path, other(false)).await;
        assert_eq!(
            (status, &error["error"]["code"]),
            (StatusCode::CONFLICT, &json!("other_endpoints")),
            "{error}"
        );
        assert_eq!(stored(&bench).await, before);
        let same = bench.set(track, release).await;
        assert_eq!(same["result"], "unchanged");
        let state = bench.ok(Method::PUT, &path, other(true)).await;
        assert_eq!(state["result"], "done");
        let addresses: Vec<&Value> = state[track]["endpoints"]
            .as_array()
            .unwrap()
            .iter()
            .map(|endpoint| &endpoint["address"])
            .collect();
        assert_eq!(addresses, [&json!("127.0.0.1:9002")], "no old address is left behind");
        assert_eq!(history(&bench).await[0]["command"], "change-endpoints");
        let stale = bench.request(Method::PUT, &path).header("If-Match", "\"0\"");
        let (status, _) =
            super::answer(stale.json(&json!({ "id": id(release), "endpoints": many(100), "force": true })))
                .await;
        assert_eq!(status, StatusCode::PRECONDITION_FAILED);
    }
}

#[tokio::test]
async fn a_replica_adds_itself_and_goes_and_the_count_is_the_etag() {
    let mut bench = Bench::start().await.with_stable().await;
    bench.token = "ci-token";
    let state =
        bench.ok(Method::PUT, &format!("{ENDPOINTS}/web-1"), json!({ "address": "127.0.0.1:9005" })).await;
    assert_eq!((&state["count"], &state["result"]), (&json!(2), &json!("done")));
    assert_eq!(state["endpoints"][1], json!({ "container": "web-1", "address": "127.0.0.1:9005" }));
    let again =
        bench.ok(Method::PUT, &format!("{ENDPOINTS}/web-1"), json!({ "address": "127.0.0.1:9005" })).await;
    assert_eq!((&again["count"], &again["result"]), (&json!(2), &json!("unchanged")));
    bench.ok(Method::PUT, &format!("{ENDPOINTS}/web-1"), json!({ "address": "127.0.0.1:9006" })).await;
    let both = BTreeSet::from(["127.0.0.1:9001".to_owned(), "127.0.0.1:9006".to_owned()]);
    assert_eq!(served(&bench), both, "under its new address, and under no other");
    let request = bench.request(Method::DELETE, &format!("{ENDPOINTS}/web-1")).header("If-Match", "\"2\"");
    assert_eq!(super::answer(request).await.0, StatusCode::PRECONDITION_FAILED);
    let response = bench.request(Method::GET, ENDPOINTS).send().await.unwrap();
    assert_eq!(response.headers()["etag"], "\"3\"");
    let request = bench.request(Method::DELETE, &format!("{ENDPOINTS}/web-1")).header("If-Match", "\"3\"");
    assert_eq!(super::answer(request).await.0, StatusCode::OK);
    let gone = bench.ok(Method::DELETE, &format!("{ENDPOINTS}/web-1"), Value::Null).await;
    assert_eq!(gone["result"], "unchanged");
    let (status, error) =
        bench.call(Method::DELETE, &format!("{ENDPOINTS}/127.0.0.1:9001"), Value::Null).await;
    assert_eq!((status, &error["error"]["code"]), (StatusCode::CONFLICT, &json!("last_endpoint")));
    for body in [json!({}), json!({ "address": "169.254.169.254:80" }), json!({ "address": "http://db:80" })]
    {
        let (status, _) = bench.call(Method::PUT, &format!("{ENDPOINTS}/web-2"), body).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    bench.token = "guest-token";
    let (status, _) = bench.call(Method::PUT, &format!("{ENDPOINTS}/127.0.0.1:9009"), Value::Null).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_release_is_removed_once_nobody_needs_it() {
    let bench = Bench::start().await.with_stable().await;
    let refused = async |path: &str, body: Value| {
        let (status, error) = bench.call(Method::DELETE, path, body).await;
        assert_eq!(status, StatusCode::CONFLICT, "{error}");
        error["error"]["code"].as_str().unwrap().to_owned()
    };
    assert_eq!(refused(RELEASE, json!({ "force": true })).await, "still_routed");
    bench.set("stable", "1.1").await;
    bench.ok(Method::DELETE, "/api/v1/apps/shop/draining", Value::Null).await;
    assert_eq!(refused(RELEASE, Value::Null).await, "way_back");
    bench.ok(Method::DELETE, RELEASE, json!({ "force": true })).await;
    bench.kv(&format!("{}/c1", id("0.9")), "127.0.0.1:9009").await;
    bench.ok(Method::DELETE, "/api/v1/apps/shop/releases/shop-0.9-80", Value::Null).await;
    for release in ["1.0", "0.9"] {
        let prefix = format!("apps/shop-{release}-80/");
        assert!(bench.store.list(&[&prefix]).await.unwrap().entries.is_empty(), "{release}");
    }
}

/// Endpoints beyond one commit were written before the command was decided: refused, it had taken effect all the same.
#[tokio::test]
async fn a_large_set_counts_at_once_and_its_keys_follow() {
    let bench = Bench::start().await.with_stable().await;
    let set = many(700);
    let body = json!({ "id": id("1.0"), "endpoints": set, "force": true });
    bench.ok(Method::PUT, "/api/v1/apps/shop/stable", body).await;
    assert_eq!(served(&bench), set.iter().cloned().collect());
    // Old scripts see it as it counts, and never the router's own value.
    let listed = bench.ok(Method::GET, &format!("/api/kv/{}?keys", id("1.0")), Value::Null).await;
    assert_eq!(listed.as_array().unwrap().len(), 700);
    let one = bench.ok(Method::GET, &format!("/v1/kv/{}/10.0.0.1:80", id("1.0")), Value::Null).await;
    assert_eq!(one[0]["Value"], "MTAuMC4wLjE6ODA=");
    let whole = bench.ok(Method::GET, "/api/kv/?keys", Value::Null).await;
    assert!(!whole.to_string().contains("/set\""), "{whole}");
    eventually("its keys are written", async || {
        let listing = bench.store.list(&[&format!("{}/", id("1.0"))]).await.unwrap();
        let set = bench.stored("apps/shop-1.0-80/set").await.unwrap();
        listing.entries.len() == 700 && !set.contains("pending")
    })
    .await;
    assert_eq!(served(&bench).len(), 700);
    // A raw key while such a set is pending counts too.
    bench.ok(Method::PUT, ENDPOINTS, json!({ "endpoints": &many(900)[200..], "force": true })).await;
    bench.kv(&format!("{}/c1", id("1.0")), "127.0.0.1:9001").await;
    assert_eq!(served(&bench).len(), 701);
    eventually("its keys are written", async || {
        bench.store.list(&[&format!("{}/", id("1.0"))]).await.unwrap().entries.len() == 701
            && !bench.stored("apps/shop-1.0-80/set").await.unwrap().contains("pending")
    })
    .await;
    assert_eq!(served(&bench).len(), 701);
}

#[tokio::test]
async fn what_a_router_that_died_has_not_written_out_another_one_does() {
    let bench = Bench::start().await.with_stable().await;
    let endpoints: serde_json::Map<String, Value> =
        many(150).into_iter().map(|address| (address.clone(), address.into())).collect();
    let set = json!({ "count": 7, "pending": { "by": "who-died", "endpoints": endpoints } });
    bench.write_in_store("apps/shop-1.0-80/set", &set.to_string()).await;
    eventually("it is served", async || served(&bench).len() == 150).await;
    eventually("it is written out", async || {
        let listing = bench.store.list(&[&format!("{}/", id("1.0"))]).await.unwrap();
        listing.entries.len() == 150
    })
    .await;
    eventually("the count stays", async || {
        bench.stored("apps/shop-1.0-80/set").await.as_deref() == Some("{\"count\":7}")
    })
    .await;
}

#[tokio::test]
async fn nobody_writes_the_set_of_a_release_by_raw_keys_and_garbage_there_harms_nothing() {
    let mut bench = Bench::start().await.with_stable().await;
    let set = json!({ "count": 1, "pending": { "by": "x", "endpoints": { "c": "127.0.0.1:6666" } } });
    for token in ["ci-token", "maria-token", "root-token"] {
        bench.token = token;
        for key in ["apps/shop-1.0-80/set", "rolling/shop/endpoint-events/000000000001"] {
            assert_eq!(bench.kv(key, &set.to_string()).await.0, StatusCode::FORBIDDEN, "{key}");
            assert_eq!(kv_delete(&bench, key).await.0, StatusCode::FORBIDDEN, "{key}");
        }
    }
    bench.write_in_store("apps/shop-1.0-80/set", "garbage").await;
    eventually("it is shown", async || bench.state().await["problems"][0]["key"] == "apps/shop-1.0-80/set")
        .await;
    assert_eq!(served(&bench).len(), 1);
    bench.kv(&format!("{}/c1", id("1.0")), "127.0.0.1:9002").await;
    assert_eq!(served(&bench).len(), 2);
    assert_eq!(bench.state().await["problems"], json!([]), "the next change writes it anew");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_of_replicas_registers_at_two_routers_at_once_and_each_counts() {
    let store: Arc<dyn Store> = Arc::new(Memory::new());
    let first = Bench::on(Arc::clone(&store), None, Clock::system()).await.with_stable().await;
    let second = Bench::on(store, None, Clock::system()).await;
    eventually("the other one routes it too", async || second.routed().0.is_some()).await;
    let register = async |n: usize| {
        let bench = if n.is_multiple_of(2) { &first } else { &second };
        bench.kv(&format!("{}/c{n}", id("1.0")), &format!("10.0.0.{}:80", n + 1)).await
    };
    for (n, (status, text)) in join_all((0..60).map(register)).await.into_iter().enumerate() {
        assert_eq!(status, StatusCode::OK, "{n}: {text}");
    }
    assert_eq!(first.ok(Method::GET, ENDPOINTS, Value::Null).await["count"], 61);
    let events = history(&first).await;
    let last = events[0]["changed"]["endpoints"][1].as_array().unwrap().len();
    assert_eq!((events.len(), last), (2, 61), "all of them are one event");
}

#[tokio::test]
async fn endpoints_of_a_release_that_two_apps_route_are_changed_by_neither_without_force() {
    let mut bench = Bench::start().await.with_stable().await;
    bench.write_in_store("rolling/other/stable/id", &id("1.0")).await;
    eventually("the other app routes it", async || bench.live.load().table.apps.get("other").is_some()).await;
    let before = stored(&bench).await;
    let key = format!("{}/c9", id("1.0"));
    let (status, text) = bench.kv(&key, "127.0.0.1:9009").await;
    assert_eq!(status, StatusCode::CONFLICT, "{text}");
    let (status, _) =
        bench.call(Method::PUT, &format!("{ENDPOINTS}/c9"), json!({ "address": "127.0.0.1:9009" })).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(stored(&bench).await, before);
    // Each app's lock counts, by force too.
    bench.ok(Method::PUT, "/api/v1/apps/other/lock", json!({ "reason": "ours" })).await;
    bench.token = "ci-token";
    assert_eq!(bench.kv(&format!("{key}?force"), "127.0.0.1:9009").await.0, StatusCode::LOCKED);
    bench.token = "maria-token";
    assert_eq!(bench.kv(&format!("{key}?force"), "127.0.0.1:9009").await.0, StatusCode::OK);
    for app in ["shop", "other"] {
        let page = bench.ok(Method::GET, &format!("/api/v1/apps/{app}/history"), Value::Null).await;
        assert_eq!(page["events"][0]["command"], "change-endpoints", "{app}");
    }
}
