//! A command does what its dry run says.

use super::{on, regulars, visit};
use serde_json::{Value, json};
use support::router::id;
use support::{Api, Router, Visitor, eventually, router};

/// Of sixty clients two or three share a place in the sketch now and then, and a blend's edge may run through a place: more
/// than this happens once in a million runs.
const OFF: usize = 7;

fn dry_run(api: &Api, body: &Value) -> Value {
    let seq = api.state()["seq"].clone();
    let told = api.post("who-moves", body).expect(200).json();
    assert_eq!(api.state()["seq"], seq, "asking changes nothing");
    assert_eq!(told["seq"], seq);
    told
}

/// How many move from a release to another at a time.
fn moving(told: &Value, from: &str, to: &str, when: &str) -> usize {
    let moves = told["moves"].as_array().cloned().unwrap_or_default();
    let fits = |one: &&Value| {
        one["from"]["release"] == json!(from)
            && one["to"]["release"] == json!(to)
            && one["when"] == json!(when)
    };
    moves.iter().filter(fits).map(|one| one["clients"].as_u64().unwrap_or(0) as usize).sum()
}

/// Fails unless the dry run names exactly this way, for about so many clients.
#[track_caller]
fn assert_only(told: &Value, (from, to, when): (&str, &str, &str), count: usize) {
    assert_eq!(told["moves"].as_array().map(Vec::len), Some(1), "{told}");
    assert!(moving(told, from, to, when).abs_diff(count) <= OFF, "{count} were due: {told}");
}

/// A router at 50 %, its visitors, and how many of them are on the candidate.
fn settled() -> (Router, Vec<Visitor>, usize) {
    let router = router().stable("v1").candidate("v2").blend(50).deployed("v3").start();
    let mut visitors = regulars(&router, 60);
    let candidate = on(&visit(&mut visitors), "v2");
    assert!(candidate > 20 && candidate < 40);
    (router, visitors, candidate)
}

/// How many visitors got another release than before.
fn changed(before: &[String], after: &[String]) -> usize {
    before.iter().zip(after).filter(|(before, after)| before != after).count()
}

#[test]
fn a_blend_moves_nobody_with_a_pin() {
    let (router, mut visitors, _) = settled();
    let (api, before) = (router.api(), visit(&mut visitors));
    for percent in [0, 30, 100] {
        let told = dry_run(&api, &json!({ "command": "blend", "percent": percent }));
        assert_eq!((&told["moves"], &told["new_clients"]["after"]), (&json!([]), &json!(f64::from(percent))));
        assert!(told["seen"].as_u64().is_some_and(|seen| seen.abs_diff(60) <= 10), "{told}");
        api.put("blend", &json!({ "percent": percent })).expect(200);
        assert_eq!(visit(&mut visitors), before);
    }
}

#[test]
fn a_blend_that_navigates_moves_those_who_were_foretold() {
    let (router, mut visitors, _) = settled();
    let api = router.api();
    api.put("settings", &json!({ "transition": "navigate" })).expect(200);
    for (percent, from, to) in [(10, "v2", "v1"), (75, "v1", "v2"), (25, "v2", "v1")] {
        let before = visit(&mut visitors);
        let told = dry_run(&api, &json!({ "command": "blend", "percent": percent }));
        api.put("blend", &json!({ "percent": percent })).expect(200);
        visitors.iter_mut().for_each(|visitor| visitor.navigates = false);
        assert_eq!(visit(&mut visitors), before, "nobody moves before the next page");
        visitors.iter_mut().for_each(|visitor| visitor.navigates = true);
        let count = changed(&before, &visit(&mut visitors));
        assert!(count > 5, "{count} moved at {percent} %");
        assert_only(&told, (from, to, "next-page"), count);
    }
}

#[test]
fn promote_moves_the_old_stables_clients_over_time() {
    let (router, mut visitors, candidate) = settled();
    let api = router.api();
    api.put("settings", &json!({ "drainseconds": 1, "drainmaxseconds": 3600 })).expect(200);
    let told = dry_run(&api, &json!({ "command": "promote" }));
    assert_only(&told, ("v1", "v2", "after-drain"), 60 - candidate);
    assert!(
        told["stay"].as_u64().is_some_and(|stay| stay.abs_diff(candidate as u64) <= OFF as u64),
        "{told}"
    );
    visitors.iter_mut().for_each(|visitor| visitor.navigates = false);
    let before = visit(&mut visitors);
    api.post("promote", &json!({})).expect(200);
    assert_eq!(visit(&mut visitors), before, "at once nobody moves");
    visitors.iter_mut().for_each(|visitor| visitor.navigates = true);
    eventually("all have moved", || on(&visit(&mut visitors), "v2") == 60);
}

#[test]
fn abort_moves_the_candidates_clients_at_once() {
    let (router, mut visitors, candidate) = settled();
    let api = router.api();
    let told = dry_run(&api, &json!({ "command": "abort", "release": "v2" }));
    assert_only(&told, ("v2", "v1", "at-once"), candidate);
    let before = visit(&mut visitors);
    api.post("abort", &json!({})).expect(200);
    visitors.iter_mut().for_each(|visitor| visitor.navigates = false);
    assert_eq!(changed(&before, &visit(&mut visitors)), candidate);
    let told = dry_run(&api, &json!({ "command": "abort" }));
    assert_eq!((&told["result"], &told["moves"]), (&json!("unchanged"), &json!([])));
}

#[test]
fn rollback_moves_the_bad_releases_clients_at_once() {
    let (router, mut visitors, bad) = settled();
    let api = router.api();
    api.post("promote", &json!({})).expect(200);
    api.put("candidate", &json!({ "id": id("v3"), "blend": 100 })).expect(200);
    let mut next = regulars(&router, 12);
    let before = visit(&mut visitors);
    let told = dry_run(&api, &json!({ "command": "rollback" }));
    assert_eq!(told["moves"].as_array().map(Vec::len), Some(2), "{told}");
    assert!(moving(&told, "v2", "v1", "at-once").abs_diff(bad) <= OFF, "{told}");
    assert!(moving(&told, "v3", "v1", "at-once").abs_diff(12) <= OFF, "{told}");
    api.post("rollback", &json!({ "to": "v1" })).expect(200);
    assert_eq!(changed(&before, &visit(&mut visitors)), bad);
    assert_eq!(on(&visit(&mut next), "v1"), 12);
}

#[test]
fn what_would_be_refused_is_refused_alike() {
    let router = router().stable("v1").deployed("v2").start();
    let api = router.api();
    let same = |api: &Api, path: &str, asked: Value, given: Value| {
        let (asked, given) = (api.post("who-moves", &asked), api.post(path, &given));
        assert_eq!((asked.status(), asked.code()), (given.status(), given.code()), "{path}");
        assert!(asked.status() >= 400);
    };
    same(&api, "promote", json!({ "command": "promote" }), json!({}));
    same(&api, "rollback", json!({ "command": "rollback" }), json!({}));
    api.put("candidate", &json!({ "id": id("v2"), "blend": 10 })).expect(200);
    same(&api.if_match(1), "abort", json!({ "command": "abort" }), json!({}));
    same(&router.api_as("ci"), "promote", json!({ "command": "promote" }), json!({}));
    api.put("lock", &json!({ "reason": "freeze" })).expect(200);
    let named = |command: &str| json!({ "command": command, "release": "v2" });
    same(&router.api_as("ci"), "promote", named("promote"), json!({ "release": "v2" }));
    router.endpoint("v2").stop();
    eventually("its endpoint is seen failing", || api.post("who-moves", &named("promote")).status() == 409);
    same(&api, "promote", named("promote"), json!({ "release": "v2" }));
    let forced = json!({ "command": "promote", "force": true });
    api.post("who-moves", &forced).expect(200);

    let viewer = router.api_as("viewer");
    viewer.post("who-moves", &json!({ "command": "abort" })).expect(200);
    api.anonymous().post("who-moves", &json!({ "command": "abort" })).expect(401);
    for (body, field) in [
        (json!({}), "command"),
        (json!({ "command": "lock" }), "command"),
        (json!({ "command": "blend" }), "percent"),
        (json!({ "command": "abort", "percent": 3 }), "percent"),
    ] {
        assert_eq!(api.post("who-moves", &body).expect(422).json()["error"]["field"], json!(field), "{body}");
    }
}
