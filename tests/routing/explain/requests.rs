//! An explanation is what the request then gets, whoever asks and whatever was done to the app; and asking changes nothing.

use super::{regulars, visit};
use serde_json::{Value, json};
use support::router::id;
use support::visitor::PIN;
use support::{Answer, Api, Router, Visitor, echo, eventually, router};

/// A router with two endpoints for each release.
fn wide() -> Router {
    let pair = |release: &str| vec![echo(release), echo(release)];
    router()
        .stable_on("v1", pair("v1"))
        .candidate_on("v2", pair("v2"))
        .release("v3", pair("v3"))
        .blend(30)
        .start()
}

/// What a visitor's next request says, as the API takes it.
fn request_of(visitor: &Visitor) -> Value {
    let mut cookies = "theme=dark".to_owned();
    if let Some(pin) = &visitor.pin {
        cookies += &format!("; {PIN}={pin}");
    }
    let headers = if visitor.navigates {
        json!({ "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document" })
    } else {
        json!({})
    };
    json!({ "host": "shop.example.test", "path": "/", "method": "GET", "cookies": cookies, "headers": headers })
}

fn explained(api: &Api, visitor: &Visitor) -> Value {
    api.post("explain", &request_of(visitor)).expect(200).json()
}

/// How many requests were assigned for a reason.
fn assigned(api: &Api, reason: &str) -> f64 {
    api.metrics().sum("rolling_assignments_total", &[("reason", reason)])
}

/// Asks why, then asks for the page, and fails unless both agree.
#[track_caller]
fn assert_agrees(api: &Api, visitor: &mut Visitor, stage: &str) -> String {
    let told = explained(api, visitor);
    let reason = told["reason"].as_str().unwrap_or_default().to_owned();
    let before = assigned(api, &reason);
    let visit = visitor.get("/");
    assert_eq!(told["release"]["release"], json!(visit.release), "{stage}: {told}");
    assert!(
        (assigned(api, &reason) - before - 1.0).abs() < f64::EPSILON,
        "{stage}: no request was {reason}: {told}"
    );
    assert_eq!(told["cookie"]["set"], json!(visit.pinned), "{stage}: {told}");
    if told["endpoint"]["pinned"] == json!(true) {
        assert_eq!(told["endpoint"]["address"], json!(visit.endpoint), "{stage}: {told}");
    }
    reason
}

/// Visitors of every kind: regulars, some of whom load no pages, a forger, and one with another router's pin.
fn everybody(router: &Router) -> Vec<Visitor> {
    let mut visitors = regulars(router, 12);
    visitors.iter_mut().step_by(3).for_each(|visitor| visitor.navigates = false);
    let foreign = support::router().stable("v1").start();
    let mut stranger = foreign.visitor();
    stranger.release();
    let mut forger = router.visitor();
    forger.release();
    let forged = forger.pin.as_ref().map(|pin| pin.chars().rev().collect());
    for pin in [forged, stranger.pin] {
        let mut visitor = router.visitor();
        visitor.pin = pin;
        visitors.push(visitor);
    }
    visitors
}

#[test]
fn an_explanation_is_what_the_visitor_then_gets() {
    let router = wide();
    let api = router.api();
    let mut visitors = everybody(&router);
    let mut reasons = std::collections::BTreeSet::new();
    let mut stage = |name: &str, visitors: &mut Vec<Visitor>| {
        visitors.extend([router.visitor(), router.visitor()]); // who have never been here
        for visitor in visitors.iter_mut() {
            reasons.insert(assert_agrees(&api, visitor, name));
        }
    };
    stage("at 30 %", &mut visitors);
    for percent in [0, 100, 12, 50] {
        api.put("blend", &json!({ "percent": percent })).expect(200);
        stage(&format!("at {percent} %"), &mut visitors);
    }
    api.post("promote", &json!({})).expect(200);
    stage("promoted, the old stable drains", &mut visitors);
    api.put("candidate", &json!({ "id": id("v3"), "blend": 100 })).expect(200);
    stage("with another candidate", &mut visitors);
    api.post("abort", &json!({})).expect(200);
    stage("aborted", &mut visitors);
    api.post("rollback", &json!({})).expect(200);
    stage("rolled back", &mut visitors);
    for reason in ["pin", "bucket", "abort", "rollback"] {
        assert!(reasons.contains(reason), "nobody was {reason}: {reasons:?}");
    }
    assert!(reasons.contains("forged") || reasons.contains("foreign-key"), "{reasons:?}");
}

#[test]
fn a_drain_and_a_transition_are_explained_as_they_then_happen() {
    let router = wide();
    let api = router.api();
    let settings = json!({ "drainseconds": 1, "drainmaxseconds": 3600, "transition": "navigate" });
    api.put("settings", &settings).expect(200);
    let mut visitors = regulars(&router, 12);
    api.put("blend", &json!({ "percent": 80 })).expect(200);
    let reasons: Vec<_> = visitors.iter_mut().map(|one| assert_agrees(&api, one, "navigate")).collect();
    assert!(reasons.iter().any(|reason| reason == "bucket"), "{reasons:?}");
    api.post("promote", &json!({})).expect(200);
    eventually("the drain's time is over", || {
        let told = explained(&api, &visitors[0]);
        told["releases"].as_array().is_some_and(|all| all.iter().any(|one| one["drain_over"] == json!(true)))
    });
    let reasons: Vec<_> = visitors.iter_mut().map(|one| assert_agrees(&api, one, "drained")).collect();
    assert!(reasons.iter().any(|reason| reason == "drained"), "{reasons:?}");
}

#[test]
fn a_candidate_that_is_down_is_explained() {
    let router = router().stable("v1").candidate("v2").blend(100).start();
    let api = router.api();
    let mut visitor = router.visitor();
    assert_eq!(visitor.release(), "v2");
    router.endpoint("v2").stop();
    eventually("it is seen to be down", || explained(&api, &visitor)["reason"] == "fallback");
    let told = explained(&api, &visitor);
    let why = told["why"].to_string();
    assert!(why.contains("0 of 1 endpoints of v2 (candidate) serve"), "{why}");
    assert_eq!(assert_agrees(&api, &mut visitor, "down"), "fallback");
}

#[test]
fn an_endpoint_that_drains_is_explained() {
    let router = wide();
    let api = router.api();
    let mut visitor = regulars(&router, 1).remove(0);
    let told = explained(&api, &visitor);
    let name = |key: &str| told[key]["release"].as_str().unwrap_or_default().to_owned();
    let address = told["endpoint"]["address"].as_str().unwrap_or_default().to_owned();
    let path = format!("releases/{}/endpoints/{address}/drain", name("release"));
    api.put(&path, &json!({})).expect(200);
    let told = explained(&api, &visitor);
    assert_eq!((&told["reason"], &told["endpoint"]["serves"]), (&json!("repin-endpoint"), &json!(true)));
    assert_ne!(told["endpoint"]["address"], json!(address));
    assert!(told["why"].to_string().contains("1 told to drain"), "{told}");
    assert_eq!(assert_agrees(&api, &mut visitor, "its endpoint drains"), "repin-endpoint");
}

#[test]
fn an_app_that_is_not_sticky_is_explained() {
    let router = router().stable("v1").candidate("v2").blend(100).not_sticky().start();
    let told = explained(&router.api(), &router.visitor());
    assert_eq!((&told["pin"]["found"], &told["reason"]), (&json!("unread"), &json!("no-cookie")));
    assert_eq!(told["release"]["release"], "v2");
    let visit = router.visitor().get("/");
    assert_eq!((visit.release.as_str(), visit.pinned), ("v2", false));
}

#[test]
fn another_blend_is_asked_about_and_nothing_is_drawn_or_counted() {
    let router = wide();
    let api = router.api();
    let mut visitors = regulars(&router, 10);
    let mut newcomer = router.visitor();
    let first = explained(&api, &newcomer);
    let state = api.state();
    let counts = |api: &Api| {
        let metrics = api.metrics();
        let names = ["rolling_assignments_total", "rolling_pinned_clients", "rolling_requests_total"];
        names.map(|name| metrics.sum(name, &[]))
    };
    eventually("both visits of each are counted", || {
        (api.metrics().sum("rolling_requests_total", &[]) - 20.0).abs() < 0.5
    });
    let before = counts(&api);
    for percent in (0..=100).step_by(5) {
        let mut body = request_of(&newcomer);
        body["blend"] = json!(percent);
        let told = api.post("explain", &body).expect(200).json();
        assert_eq!((&told["blend"], &told["supposed"]), (&json!(percent), &json!(true)));
        let threshold = told["bucket"]["threshold"].as_u64();
        assert_eq!(threshold, Some(percent * 100));
        let candidate = told["bucket"]["place"].as_u64() < threshold;
        assert_eq!(told["release"]["track"] == json!("candidate"), candidate, "{told}");
        let pinned = json!({ "cookies": visitors[0].pin, "blend": percent, "headers": { "cookie": "x=y" } });
        let pinned = api.post("explain", &pinned).expect(200).json();
        assert_eq!(pinned["reason"], "pin", "a blend moves nobody with a pin: {pinned}");
    }
    assert_eq!(counts(&api), before, "asking counts nothing");
    assert_eq!(api.state()["seq"], state["seq"]);
    assert_eq!(explained(&api, &newcomer)["bucket"], first["bucket"], "asking draws nothing");
    assert_agrees(&api, &mut newcomer, "after all that");
    visit(&mut visitors);
}

#[test]
fn a_viewer_may_ask_and_gets_no_secret() {
    let router = wide();
    let mut visitor = router.visitor();
    visitor.release();
    let body = request_of(&visitor);
    let told = router.api_as("viewer").post("explain", &body).expect(200);
    let pin = visitor.pin.unwrap_or_default();
    // The MAC is the last eight of 32 bytes: the last ten of 43 characters, and some bits before.
    let (text, mac) = (told.response.text(), &pin[33..]);
    assert!(!text.contains(mac) && !text.contains(&pin[..20]), "{text}");
    assert_eq!(told.json()["pin"]["found"], "valid");
    router.api().anonymous().post("explain", &body).expect(401);
}

#[test]
fn what_cannot_be_a_request_is_refused_by_field() {
    let router = wide();
    let api = router.api();
    let refused = |body: Value| {
        let answer = api.post("explain", &body).expect(422);
        answer.json()["error"]["field"].as_str().unwrap_or_default().to_owned()
    };
    for (body, field) in [
        (json!({ "path": "cart" }), "path"),
        (json!({ "method": "GET /" }), "method"),
        (json!({ "blend": 101 }), "blend"),
        (json!({ "cookies": 7 }), "cookies"),
        (json!({ "headers": ["a"] }), "headers"),
        (json!({ "headers": { "accept": 1 } }), "headers.accept"),
        (json!({ "cookie": "a=b" }), "cookie"),
    ] {
        assert_eq!(refused(body.clone()), field, "{body}");
    }
    let missing: Answer = api.app("nobody").post("explain", &json!({}));
    assert_eq!((missing.status(), missing.code()), (404, "unknown_app".into()));
    let elsewhere = api.post("explain", &json!({ "host": "elsewhere.example" })).expect(200).json();
    assert_eq!(elsewhere["host"]["app"], "hello", "the default app takes every host: {elsewhere}");
}
