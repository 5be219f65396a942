//! What can be read: apps, releases, the router itself, health and metrics.

use serde_json::{Value, json};
use std::time::Duration;
use support::clock::pause;
use support::router::id;
use support::{Peer, Router, eventually, router, serving};

fn both() -> Router {
    router().stable("v1").candidate("v2").blend(10).deployed("v3").start()
}

#[test]
fn an_app_says_everything_about_itself() {
    let router = both();
    router.visitor().get("/");
    let answer = router.api().get("").expect(200);
    let state = answer.json();
    let seq = state["seq"].as_u64().expect("a number");
    assert_eq!(answer.response.header("etag"), Some(format!("\"{seq}\"").as_str()));
    assert_eq!(state["app"], "hello");
    assert_eq!(state["stable"]["id"], id("v1"));
    assert_eq!(state["stable"]["release"], "v1");
    assert_eq!(state["stable"]["service"], "hello");
    assert_eq!(state["stable"]["port"], 80);
    assert!(state["stable"]["tenure"].is_u64());
    let endpoint = &state["stable"]["endpoints"][0];
    assert_eq!(endpoint["address"], router.endpoint("v1").address.to_string());
    assert_eq!(endpoint["healthy"], true);
    assert!(endpoint["in_flight"].is_u64());
    assert_eq!(state["candidate"]["id"], id("v2"));
    assert_eq!(state["blend"].as_f64(), Some(10.0));
    assert_eq!(state["sticky"], true);
    assert_eq!(state["shares"]["configured"].as_f64(), Some(10.0));
    for name in ["previous", "lock"] {
        assert_eq!(state[name], Value::Null, "{name}");
    }
    for name in ["draining", "problems", "hosts"] {
        assert_eq!(state[name], json!([]), "{name}");
    }
}

/// An answer that begins at once and takes long is told from one that begins late: per release, and `status` says so.
#[test]
fn the_time_to_the_first_byte_stands_beside_the_whole() {
    let answers = |late_ms: u64, long_ms: u64| {
        serving(move |peer: &mut Peer| {
            while peer.request().is_some() {
                pause(Duration::from_millis(late_ms));
                peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no");
                pause(Duration::from_millis(long_ms));
                peer.send("k");
            }
        })
    };
    let router = router()
        .stable_on("v1", vec![answers(0, 600)])
        .candidate_on("v2", vec![answers(600, 0)])
        .blend(50)
        .start();
    for _ in 0..4 {
        router.visitor().get("/");
    }
    let of = |track: &str, figure: &str| router.api().state()[track]["activity"][figure].as_f64();
    for track in ["stable", "candidate"] {
        eventually("the answers are counted", || of(track, "p50_ms").is_some_and(|ms| ms > 500.0));
        assert!(of(track, "p95_ms").is_some_and(|ms| ms > 500.0), "{track}");
    }
    for figure in ["first_byte_p50_ms", "first_byte_p95_ms"] {
        let (early, late) = (of("stable", figure), of("candidate", figure));
        assert!(
            early.is_some_and(|ms| ms < 500.0) && late.is_some_and(|ms| ms > 500.0),
            "{early:?} {late:?}"
        );
    }
}

#[test]
fn all_apps_are_listed() {
    let router = both();
    let list = router.api().call("GET", "/api/v1/apps", None).expect(200).json();
    assert_eq!(list["default_app"], "hello");
    assert_eq!(list["apps"][0]["app"], "hello");
    assert_eq!(list["apps"][0]["stable"]["id"], id("v1"));
}

#[test]
fn the_releases_of_an_app_are_known_from_the_keyvalues() {
    let router = both();
    let list = router.api().get("releases").expect(200).json();
    let mut found: Vec<(String, Value, Value)> = list["releases"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|r| {
            (r["release"].as_str().unwrap_or_default().to_owned(), r["track"].clone(), r["endpoints"].clone())
        })
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    let wanted = [("v1", json!("stable")), ("v2", json!("candidate")), ("v3", Value::Null)];
    assert_eq!(found, wanted.map(|(release, track)| (release.to_owned(), track, json!(1))));
}

#[test]
fn what_is_unknown_is_not_found() {
    let router = both();
    let api = router.api();
    for (method, path) in [
        ("GET", "/api/v1/apps/nobody"),
        ("GET", "/api/v1/apps/nobody/history"),
        ("GET", "/api/v1/nothing"),
        ("GET", "/api/v3/anything"),
        ("POST", "/api/v1/apps/nobody/promote"),
    ] {
        let body = (method == "POST").then(|| json!({}));
        let answer = api.call(method, path, body.as_ref()).expect(404);
        assert!(!answer.code().is_empty(), "{path}: {}", answer.response.text());
    }
    let old = api.call("GET", "/api/v2/anything", None).expect(404).json();
    assert_eq!(old["errors"][0]["code"], "not_found", "the old API says it in its own words");
    api.call("DELETE", "/api/v1/apps/hello/promote", None).expect(405);
}

#[test]
fn a_bad_keyvalue_is_shown_and_harms_only_itself() {
    let router = router().stable("v1").key(&format!("{}/bad", id("v1")), "10.0.0.9").start();
    let state = router.api().state();
    let problem = &state["problems"][0];
    assert_eq!(problem["key"], format!("{}/bad", id("v1")));
    assert_eq!(problem["value"], "10.0.0.9");
    assert!(problem["allowed"].as_str().is_some_and(|text| !text.is_empty()));
    assert_eq!(router.visitor().release(), "v1");
}

#[test]
fn the_router_says_how_it_is() {
    let router = both();
    let api = router.api();
    let answer = api.call("GET", "/api/v1/router", None).expect(200).json();
    assert!(answer["node"].is_string() && answer["version"].is_string(), "{answer}");
    assert_eq!(answer["store"]["kind"], "memory");
    assert_eq!(answer["store"]["state"], "current");
    let whoami = api.call("GET", "/api/v1/whoami", None).expect(200).json();
    assert_eq!((&whoami["name"], &whoami["role"]), (&json!("maria"), &json!("operator")));
}

#[test]
fn health_readiness_and_metrics_are_open() {
    let router = both();
    router.visitor().get("/");
    let api = router.api().anonymous();
    assert_eq!(api.raw("GET", "/healthz", None, "").expect(200).response.text().trim(), "ok");
    api.raw("GET", "/readyz", None, "").expect(200);
    // A request is counted when it has ended, which its client may see a moment earlier.
    eventually("the request is counted", || {
        router.api().metrics().sum("rolling_requests_total", &[("app", "hello")]) >= 1.0
    });
    let metrics = router.api().metrics();
    for name in [
        "rolling_requests_total",
        "rolling_bounces_total",
        "rolling_release_moves_total",
        "rolling_connections_accepted_total",
    ] {
        assert!(metrics.has(name) || name == "rolling_release_moves_total", "{name}");
    }
    assert!(metrics.sum("rolling_bounces_total", &[]).abs() < f64::EPSILON);
}

#[test]
fn the_gui_is_served_from_the_binary() {
    let router = both();
    let api = router.api().anonymous();
    let page = api.raw("GET", "/", None, "Accept: text/html\r\n").expect(200).response;
    assert!(page.header("content-type").is_some_and(|kind| kind.starts_with("text/html")));
    assert!(page.text().to_ascii_lowercase().contains("<!doctype html>"));
    let policy = page.header("content-security-policy").expect("a policy");
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
}
