//! Releasing: by the API, and by the plain writes of an old script.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Bench, accepting, id, refusing};
use crate::authority::Authority;

#[tokio::test]
async fn a_whole_release_by_the_api_and_each_answer_is_already_served() {
    let bench = Bench::start().await.with_stable().await;
    assert_eq!(bench.routed(), (Some("1.0".into()), None));
    let state = bench.set("candidate", "1.1").await;
    assert_eq!((&state["seq"], &state["blend"], &state["result"]), (&json!(2), &json!(0), &json!("done")));
    let blend = json!({ "percent": 12.5, "reason": "a try" });
    let state = bench.ok(Method::PUT, "/api/v1/apps/shop/blend", blend).await;
    assert_eq!((&state["blend"], &state["updated"]["reason"]), (&json!(12.5), &json!("a try")));
    let promote = json!({ "release": "1.1", "force": true });
    let state = bench.ok(Method::POST, "/api/v1/apps/shop/promote?wait=fleet", promote.clone()).await;
    assert_eq!((&state["applied"]["members"], &state["applied"]["applied"]), (&json!(1), &json!(1)));
    assert_eq!(bench.routed(), (Some("1.1".into()), None));
    assert_eq!(state["draining"][0]["release"], "1.0");
    let again = bench.ok(Method::POST, "/api/v1/apps/shop/promote", promote).await;
    assert_eq!((&again["result"], &again["seq"]), (&json!("unchanged"), &json!(4)));
    let state = bench.ok(Method::POST, "/api/v1/apps/shop/rollback", json!({ "force": true })).await;
    assert_eq!((&state["seq"], &state["lock"]["automatic"]), (&json!(5), &json!(true)));
    assert_eq!(bench.routed(), (Some("1.0".into()), None));
    assert_eq!(bench.stored("rolling/shop/stable/id").await, Some(id("1.0")));
}

#[tokio::test]
async fn history_is_paged_newest_first() {
    let bench = Bench::start().await.with_stable().await;
    for _ in 0..4 {
        for sticky in [false, true] {
            bench.ok(Method::PUT, "/api/v1/apps/shop/sticky", json!({ "sticky": sticky })).await;
        }
    }
    let mut seqs = Vec::new();
    let mut path = "/api/v1/apps/shop/history?limit=4".to_owned();
    loop {
        let page = bench.ok(Method::GET, &path, Value::Null).await;
        seqs.extend(page["events"].as_array().unwrap().iter().map(|event| event["seq"].as_u64().unwrap()));
        let Some(next) = page["next"].as_u64() else { break };
        path = format!("/api/v1/apps/shop/history?limit=4&before={next}");
    }
    assert_eq!(seqs, (1..=9).rev().collect::<Vec<_>>());
    let page = bench.ok(Method::GET, "/api/v1/apps/shop/history", Value::Null).await;
    assert_eq!(page["events"][0]["changed"]["sticky"], json!([false, true]));
}

#[tokio::test]
async fn a_stale_seq_is_refused_and_a_pipeline_must_say_what_it_saw() {
    let mut bench = Bench::start().await.with_stable().await;
    bench.set("candidate", "1.1").await;
    let stale = bench.request(Method::PUT, "/api/v1/apps/shop/blend").header("If-Match", "\"1\"");
    let (status, error) = super::answer(stale.json(&json!({ "percent": 5 }))).await;
    assert_eq!((status, &error["error"]["code"]), (StatusCode::PRECONDITION_FAILED, &json!("stale")));
    bench.token = "ci-token";
    let (status, _) = bench.call(Method::PUT, "/api/v1/apps/shop/blend", json!({ "percent": 5 })).await;
    assert_eq!(status, StatusCode::PRECONDITION_REQUIRED);
    let body = json!({ "percent": 5, "release": "1.1" });
    assert_eq!(bench.ok(Method::PUT, "/api/v1/apps/shop/blend", body).await["blend"], 5);
}

#[tokio::test]
async fn a_release_that_could_not_serve_is_refused() {
    let bench = Bench::start().await.with_stable().await;
    let (status, error) =
        bench.call(Method::PUT, "/api/v1/apps/shop/candidate", json!({ "id": id("2.0") })).await;
    assert_eq!((status, &error["error"]["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("release")));
    let body = json!({ "release": "2.0", "endpoints": ["169.254.169.254:80"] });
    let (status, error) = bench.call(Method::PUT, "/api/v1/apps/shop/candidate", body).await;
    assert_eq!(
        (status, &error["error"]["field"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("endpoints[0]"))
    );
    let body = json!({ "release": "2.0", "endpoints": [refusing().to_string()] });
    bench.ok(Method::PUT, "/api/v1/apps/shop/candidate", body).await;
    bench.ok(Method::POST, "/api/v1/apps/shop/promote", json!({ "force": true })).await;
    bench.ok(Method::POST, "/api/v1/apps/shop/rollback", json!({ "force": true })).await;
    let (status, error) =
        bench.call(Method::POST, "/api/v1/apps/shop/rollback", json!({ "to": "2.0" })).await;
    assert_eq!((status, &error["error"]["code"]), (StatusCode::CONFLICT, &json!("target_unhealthy")));
}

#[tokio::test]
async fn many_endpoints_are_registered_with_their_release() {
    let bench = Bench::start().await;
    let endpoints: Vec<String> = (0..250).map(|n| format!("10.0.{}.{}:80", n / 200, n % 200 + 1)).collect();
    let body = json!({ "release": "1.0", "endpoints": endpoints });
    let state = bench.ok(Method::PUT, "/api/v1/apps/shop/stable", body).await;
    assert_eq!(state["stable"]["endpoints"].as_array().unwrap().len(), 250);
    let releases = bench.ok(Method::GET, "/api/v1/apps/shop/releases", Value::Null).await;
    assert_eq!(releases["releases"][0]["endpoints"], 250);
    assert_eq!(releases["releases"][0]["track"], "stable");
}

#[tokio::test]
async fn the_old_flow_by_plain_writes() {
    let bench = Bench::start().await;
    let old = |release: &str| format!("apps/shop-{release}-80/containers");
    let endpoint = accepting();
    let later = endpoint.local_addr().unwrap().to_string();
    for (key, value) in [
        ("rolling/null", "-"),
        ("rolling/shop/stable/id", "rolling/null"),
        ("rolling/shop/candidate/id", "rolling/null"),
        ("rolling/shop/blendpercent", "0"),
        ("rolling/shop/stickyness", "1"),
        ("apps/shop-1.0-80/containers/c1", "127.0.0.1:9001"),
        ("apps/shop-1.1-80/containers/c1", &later),
    ] {
        assert_eq!(bench.kv(key, value).await, (StatusCode::OK, "true".into()), "{key}");
    }
    bench.kv("rolling/shop/stable/id", &old("1.0")).await;
    assert_eq!(bench.routed(), (Some("1.0".into()), None));
    bench.kv("rolling/shop/candidate/id", &old("1.1")).await;
    for blend in [10, 30, 100] {
        bench.kv("rolling/shop/blendpercent", &blend.to_string()).await;
        assert_eq!(bench.live.load().table.apps["shop"].blend.percent(), f64::from(blend));
    }
    bench.kv("rolling/shop/stable/id", &old("1.1")).await;
    bench.kv("rolling/shop/blendpercent", "0").await;
    bench.kv("rolling/shop/candidate/id", "rolling/null").await;
    assert_eq!(bench.routed(), (Some("1.1".into()), None));
    let state = bench.state().await;
    assert_eq!(
        (&state["stable"]["release"], &state["draining"][0]["release"]),
        (&json!("1.1"), &json!("1.0"))
    );
    assert_eq!(state["updated"]["actor"], "maria");
}

#[tokio::test]
async fn a_stable_that_waits_is_served_with_its_first_endpoint() {
    let bench = Bench::start().await;
    let written = bench.kv("rolling/shop/stable/id", "apps/shop-1.0-80/containers").await;
    assert_eq!(written, (StatusCode::OK, "true".into()));
    assert_eq!(bench.routed(), (None, None));
    assert_eq!(bench.state().await["problems"][0]["key"], "rolling/shop/stable/id");
    bench.kv("apps/shop-1.0-80/containers/c1", "127.0.0.1:9001").await;
    assert_eq!(bench.routed(), (Some("1.0".into()), None));
}

#[tokio::test]
async fn raw_keyvalues_in_the_old_shape() {
    let bench = Bench::start().await.with_stable().await;
    for (key, value) in [
        ("rolling/shop/blendpercent", "101"),
        ("rolling/shop/stickyness", "yes"),
        ("rolling/shop/stable/id", "nonsense"),
        ("apps/x-1-80/containers/c1", "localhost"),
    ] {
        assert_eq!(bench.kv(key, value).await.0, StatusCode::UNPROCESSABLE_ENTITY, "{key}");
    }
    for key in ["rolling/shop/rollout", "rolling/shop/settings", "rolling/router/pinkeys"] {
        assert_eq!(bench.kv(key, "x").await.0, StatusCode::FORBIDDEN, "{key}");
    }
    let get = async |path: &str| bench.ok(Method::GET, path, Value::Null).await;
    assert_eq!(get("/v1/kv/rolling%2Fshop%2Fstable%2Fid?raw=true").await, json!(id("1.0")));
    assert_eq!(get("/v1/kv/no/such/key").await, json!(""));
    let entries = get("/api/kv/rolling/shop/stickyness").await;
    assert_eq!(
        (&entries[0]["Key"], &entries[0]["Value"]),
        (&json!("rolling/shop/stickyness"), &json!("MQ=="))
    );
    let all = get("/api/kv/?keys=true").await;
    let keys: Vec<&str> = all.as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(
        keys.contains(&"rolling/shop/rollout") && keys.iter().all(|key| !key.contains("router")),
        "{keys:?}"
    );
    assert_eq!(get("/api/kv/rolling/sho?keys=true").await, json!([]));
    bench.ok(Method::DELETE, "/api/kv/rolling/shop/stickyness", Value::Null).await;
    assert_eq!(bench.stored("rolling/shop/stickyness").await, Some("1".into()), "mirrored keys come back");
}

#[tokio::test]
async fn settings_are_checked_merged_and_served() {
    let bench = Bench::start().await.with_stable().await;
    let path = "/api/v1/apps/shop/settings";
    let state = bench.ok(Method::PUT, path, json!({ "hosts": ["shop.example"], "pinseconds": 3600 })).await;
    assert_eq!((&state["hosts"], &state["result"]), (&json!(["shop.example"]), &json!("done")));
    assert!(bench.live.load().table.app_for(Authority::split("shop.example"), b"/").unwrap().is_some());
    bench.ok(Method::PATCH, path, json!({ "pinseconds": null, "drainseconds": 60 })).await;
    let stored = bench.ok(Method::GET, path, Value::Null).await;
    assert_eq!(stored, json!({ "hosts": ["shop.example"], "drainseconds": 60 }));
    let (status, error) = bench.call(Method::PATCH, path, json!({ "pinseconds": "long" })).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{error}");
    let body = json!({ "release": "1.0", "endpoints": ["127.0.0.1:9002"] });
    bench.ok(Method::PUT, "/api/v1/apps/other/stable", body).await;
    let (status, error) =
        bench.call(Method::PUT, "/api/v1/apps/other/settings", json!({ "hosts": ["shop.example"] })).await;
    assert_eq!((status, &error["error"]["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("hosts")));
}

#[tokio::test]
async fn an_app_that_routes_is_removed_only_by_force() {
    let bench = Bench::start().await.with_stable().await;
    let (status, _) = bench.call(Method::DELETE, "/api/v1/apps/shop", Value::Null).await;
    assert_eq!(status, StatusCode::CONFLICT);
    bench.ok(Method::DELETE, "/api/v1/apps/shop?force=true", Value::Null).await;
    let (status, _) = bench.call(Method::GET, "/api/v1/apps/shop", Value::Null).await;
    assert_eq!((status, bench.routed()), (StatusCode::NOT_FOUND, (None, None)));
    // A new life goes on above the old one, so that no pin means another release than it did.
    assert_eq!(bench.set("stable", "1.0").await["seq"], 2);
}
