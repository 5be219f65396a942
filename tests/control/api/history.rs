//! The history: every change, newest first, page by page.

use serde_json::{Value, json};
use support::{Router, router};

fn events(router: &Router, query: &str) -> (Vec<Value>, Value) {
    let page = router.api().get(&format!("history{query}")).expect(200).json();
    (page["events"].as_array().expect("a list").clone(), page["next"].clone())
}

#[test]
fn every_change_is_told_with_who_and_why() {
    let router = router().stable("v1").candidate("v2").start();
    let api = router.api();
    api.put("blend", &json!({ "percent": 10, "reason": "smoke tests green" })).expect(200);
    api.post("promote", &json!({ "reason": "done" })).expect(200);
    api.post("rollback", &json!({ "reason": "no" })).expect(200);
    let (events, _) = events(&router, "");
    let told: Vec<(&str, &str)> = events
        .iter()
        .take(3)
        .map(|event| {
            (event["command"].as_str().unwrap_or_default(), event["reason"].as_str().unwrap_or_default())
        })
        .collect();
    assert_eq!(told, [("rollback", "no"), ("promote", "done"), ("set-blend", "smoke tests green")]);
    assert!(events.iter().take(3).all(|event| event["actor"] == "maria" && event["at"].is_u64()));
    assert_eq!(events[2]["changed"]["blend"].as_array().map(Vec::len), Some(2), "{}", events[2]);
    let seqs: Vec<u64> = events.iter().filter_map(|event| event["seq"].as_u64()).collect();
    assert!(seqs.windows(2).all(|pair| pair[0] == pair[1] + 1), "{seqs:?}");
    assert_eq!(seqs[0], api.get("").seq());
}

#[test]
fn pages_follow_each_other() {
    let router = router().stable("v1").candidate("v2").start();
    let api = router.api();
    for percent in 1..=20 {
        api.put("blend", &json!({ "percent": percent })).expect(200);
    }
    let last = api.get("").seq();
    let (mut seen, mut query) = (Vec::new(), "?limit=7".to_owned());
    loop {
        let (page, next) = events(&router, &query);
        assert!(page.len() <= 7);
        seen.extend(page.iter().filter_map(|event| event["seq"].as_u64()));
        let Some(next) = next.as_u64() else { break };
        query = format!("?limit=7&before={next}");
    }
    assert_eq!(seen, (1..=last).rev().collect::<Vec<_>>());
}

#[test]
fn a_page_of_a_length_that_is_not_allowed_is_refused() {
    let router = router().stable("v1").start();
    let api = router.api();
    for refused in ["0", "201", "18446744073709551615"] {
        let error = api.get(&format!("history?limit={refused}")).expect(422).json()["error"].take();
        let message = format!("limit: `{refused}` is not a whole number from 1 to 200");
        assert_eq!(error, json!({ "code": "value", "field": "limit", "message": message }));
    }
    assert_eq!(api.get("history?limit=-1").expect(400).json()["error"]["field"], "limit");
    for allowed in ["1", "200"] {
        assert!(!events(&router, &format!("?limit={allowed}")).0.is_empty());
    }
}

#[test]
fn raw_writes_are_in_it_too() {
    let router = router().stable("v1").candidate("v2").start();
    router.api_as("ci").kv_put("rolling/hello/blendpercent", "40").expect(200);
    let (events, _) = events(&router, "?limit=1");
    assert_eq!(events[0]["actor"], "ci-main");
    assert_eq!(events[0]["record"]["blend"].as_f64(), Some(40.0), "{}", events[0]);
}

#[test]
fn refused_commands_are_not() {
    let router = router().stable("v1").start();
    let before = events(&router, "").0.len();
    router.api().post("promote", &json!({})).expect(409);
    router.api().put("blend", &json!({ "percent": 1000 })).expect(422);
    assert_eq!(events(&router, "").0.len(), before);
}
