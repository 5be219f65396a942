//! A call that is refused leaves the store byte for byte as it was: random sequences of such calls, by every role, at every
//! door.

use proptest::{
    prelude::*,
    strategy::ValueTree as _,
    test_runner::{Config, TestRunner},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Bench, endpoints::stored, id};

/// How many calls are tried; most of them are refused.
const CALLS: u32 = 600;

/// One call, as anybody may send it.
#[derive(Debug, Clone)]
struct Call {
    token: &'static str,
    method: Method,
    path: String,
    body: Body,
    if_match: Option<&'static str>,
}

#[derive(Debug, Clone)]
enum Body {
    None,
    Json(Value),
    Raw(String),
}

const TOKENS: [&str; 3] = ["guest-token", "ci-token", "maria-token"];
const RELEASES: [&str; 4] = ["1.0", "1.1", "2.0", "no such/release"];

fn endpoints() -> impl Strategy<Value = Value> {
    let many = |count: usize| {
        let address = |n: usize| format!("10.9.{}.{}:80", n / 200, n % 200 + 1);
        json!((0..count).map(address).collect::<Vec<_>>())
    };
    prop_oneof![
        Just(Value::Null),
        Just(json!([])),
        Just(json!(["127.0.0.1:6666"])),
        Just(json!(["169.254.169.254:80"])),
        Just(json!(["127.0.0.1:9001", "localhost:80"])),
        Just(json!("127.0.0.1:6666")),
        prop_oneof![Just(79_usize), Just(81), Just(200), Just(1_000), Just(1_001)].prop_map(many),
    ]
}

fn json_call() -> impl Strategy<Value = (Method, String, Body)> {
    let release = prop::sample::select(RELEASES.as_slice());
    let value = prop_oneof![
        Just(json!(5)),
        Just(json!(101)),
        Just(json!(-1)),
        Just(json!("much")),
        Just(Value::Null),
        Just(json!(true))
    ];
    (0..18_u8, release, endpoints(), value, any::<bool>()).prop_map(
        |(call, release, endpoints, value, force)| {
            let app = "/api/v1/apps/shop";
            let with_endpoints = json!({ "release": release, "endpoints": endpoints, "force": force });
            let by_id = json!({ "id": id(release), "endpoints": endpoints, "blend": value });
            let (method, path, body) = match call {
                0 => (Method::PUT, format!("{app}/stable"), with_endpoints),
                1 => (Method::PUT, format!("{app}/candidate"), by_id),
                2 => (Method::PUT, format!("{app}/blend"), json!({ "percent": value, "release": release })),
                3 => (Method::PUT, format!("{app}/sticky"), json!({ "sticky": value })),
                4 => (Method::POST, format!("{app}/promote"), json!({ "release": release })),
                5 => (Method::POST, format!("{app}/abort"), json!({ "release": release })),
                6 => (Method::POST, format!("{app}/rollback"), json!({ "to": release })),
                7 => (Method::PUT, format!("{app}/lock"), json!({ "reason": value, "until": 1 })),
                8 => (Method::DELETE, format!("{app}/lock"), json!({ "reason": "x".repeat(1_001) })),
                9 => (
                    Method::PATCH,
                    format!("{app}/settings"),
                    json!({ "ci_blend_max": value, "hosts": value }),
                ),
                10 => {
                    (Method::PUT, format!("{app}/releases/1.0/endpoints"), json!({ "endpoints": endpoints }))
                }
                11 => (Method::PUT, format!("{app}/releases/1.0/endpoints/c9"), json!({ "address": value })),
                12 => (Method::DELETE, format!("{app}/releases/1.0/endpoints/127.0.0.1:9001"), Value::Null),
                13 => (Method::DELETE, format!("{app}/releases/1.0"), json!({ "force": force })),
                14 => (Method::PUT, "/api/v1/apps/router/stable".to_owned(), with_endpoints),
                15 => (
                    Method::PUT,
                    "/api/v1/apps/nosuch/blend".to_owned(),
                    json!({ "percent": 5, "release": release }),
                ),
                16 => (
                    Method::PUT,
                    "/api/v1/apps/nosuch/releases/1.0/endpoints/127.0.0.1:1".to_owned(),
                    json!({}),
                ),
                _ => {
                    (Method::POST, format!("{app}/previews"), json!({ "release": release, "seconds": value }))
                }
            };
            (method, path, Body::Json(body))
        },
    )
}

fn raw_call() -> impl Strategy<Value = (Method, String, Body)> {
    let key = prop::sample::select(vec![
        "rolling/shop/stable/id".to_owned(),
        "rolling/shop/candidate/id".to_owned(),
        "rolling/shop/blendpercent".to_owned(),
        "rolling/shop/stickyness".to_owned(),
        "rolling/shop/rollout".to_owned(),
        "rolling/shop/settings".to_owned(),
        "rolling/router/pinkeys".to_owned(),
        "apps/shop-1.0-80/set".to_owned(),
        format!("{}/c9", id("1.0")),
        format!("{}/127.0.0.1:9001", id("1.0")),
        format!("{}/127.0.0.1:9001", id("1.1")),
        "apps/-/containers/c1".to_owned(),
    ]);
    let value = prop::sample::select(vec!["127.0.0.1:6666", "10.0.0.1", "101", "2", "rolling/nil", "apps/x"]);
    let root = prop::sample::select(vec!["/api/kv", "/v1/kv"]);
    (key, value, root, any::<bool>()).prop_map(|(key, value, root, deletes)| {
        let path = format!("{root}/{key}");
        if deletes {
            (Method::DELETE, path, Body::None)
        } else {
            (Method::PUT, path, Body::Raw(value.to_owned()))
        }
    })
}

fn call() -> impl Strategy<Value = Call> {
    let what = prop_oneof![2 => json_call(), 1 => raw_call()];
    let if_match = prop_oneof![3 => Just(None), 1 => Just(Some("\"1\"")), 1 => Just(Some("seven"))];
    (prop::sample::select(TOKENS.as_slice()), what, if_match)
        .prop_map(|(token, (method, path, body), if_match)| Call { token, method, path, body, if_match })
}

async fn send(bench: &Bench, call: &Call) -> StatusCode {
    let mut request =
        bench.client.request(call.method.clone(), bench.url(&call.path)).bearer_auth(call.token);
    if let Some(seen) = call.if_match {
        request = request.header("If-Match", seen);
    }
    let request = match &call.body {
        Body::None => request,
        Body::Json(body) => request.json(body),
        Body::Raw(body) => request.body(body.clone()),
    };
    request.send().await.unwrap().status()
}

/// An app with a lock, a cap, a stable and a candidate: most of what is asked of it is refused.
async fn held_app() -> Bench {
    let bench = Bench::start().await.with_stable().await;
    bench.set("candidate", "1.1").await;
    bench.ok(Method::PUT, "/api/v1/apps/shop/blend", json!({ "percent": 10 })).await;
    bench.ok(Method::PATCH, "/api/v1/apps/shop/settings", json!({ "ci_blend_max": 15 })).await;
    bench.ok(Method::PUT, "/api/v1/apps/shop/lock", json!({ "reason": "an incident" })).await;
    bench
}

#[tokio::test]
async fn refused_calls_in_any_order_leave_every_byte_of_the_store() {
    let mut runner = TestRunner::new(Config { cases: CALLS, ..Config::default() });
    let mut bench = held_app().await;
    let mut before = stored(&bench).await;
    let (mut refused, mut kinds) = (0, std::collections::BTreeSet::new());
    for _ in 0..CALLS {
        let call = call().new_tree(&mut runner).unwrap().current();
        let status = send(&bench, &call).await;
        if status.is_success() {
            // Whatever it did: the sequence goes on with an app that is held again.
            bench = held_app().await;
            before = stored(&bench).await;
            continue;
        }
        refused += 1;
        kinds.insert(status.as_u16());
        let after = stored(&bench).await;
        assert!(after == before, "{status}: {call:?}\nbefore: {}\nafter: {}", keys(&before), keys(&after));
    }
    bench.token = "nobody-token-of-ours";
    assert_eq!(bench.kv(&format!("{}/c9", id("1.0")), "127.0.0.1:6666").await.0, StatusCode::UNAUTHORIZED);
    assert!(stored(&bench).await == before);
    assert!(refused > CALLS / 2, "{refused} of {CALLS} were refused");
    for kind in [400, 403, 404, 409, 412, 422, 423] {
        assert!(kinds.contains(&kind), "no call was refused with {kind}: {kinds:?}");
    }
}

fn keys(entries: &[(String, Vec<u8>, u64)]) -> String {
    let keys = entries.iter().map(|(key, _, modified)| format!("{key}@{modified}"));
    keys.collect::<Vec<_>>().join(" ")
}
