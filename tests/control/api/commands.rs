//! Commands and their answers: done, unchanged, and every kind of no.

use serde_json::{Value, json};
use support::router::id;
use support::{Router, router};

fn both() -> Router {
    router().stable("v1").candidate("v2").blend(10).deployed("v3").start()
}

#[test]
fn a_write_answers_with_the_new_state() {
    let router = both();
    let api = router.api();
    let seq = api.get("").seq();
    let answer = api.put("blend", &json!({ "percent": 25, "reason": "looks good" })).expect(200);
    let state = answer.json();
    assert_eq!(state["result"], "done");
    assert_eq!(answer.seq(), seq + 1);
    assert_eq!(answer.response.header("etag"), Some(format!("\"{}\"", seq + 1).as_str()));
    assert_eq!(state["blend"].as_f64(), Some(25.0));
    assert_eq!(state["updated"]["actor"], "maria");
    assert_eq!(state["updated"]["reason"], "looks good");
    assert_eq!(api.kv_get("rolling/hello/blendpercent"), "25");
}

#[test]
fn repeats_are_answered_and_change_nothing() {
    let router = both();
    let api = router.api();
    let unchanged = |answer: support::Answer| {
        assert_eq!(answer.json()["result"], "unchanged", "{}", answer.response.text());
        answer.seq()
    };
    let seq = unchanged(api.put("candidate", &json!({ "id": id("v2") })).expect(200));
    let promoted = api.post("promote", &json!({ "release": "v2" })).expect(200);
    assert_eq!((promoted.json()["result"].as_str(), promoted.seq()), (Some("done"), seq + 1));
    assert_eq!(unchanged(api.post("promote", &json!({ "release": "v2" })).expect(200)), seq + 1);
    // The release named is checked before If-Match, so a retry of what was done is not told that it is stale.
    assert_eq!(
        unchanged(api.if_match(seq).post("promote", &json!({ "release": "v2" })).expect(200)),
        seq + 1
    );
    assert_eq!(unchanged(api.post("abort", &json!({})).expect(200)), seq + 1);
    let rolled = api.post("rollback", &json!({})).expect(200);
    assert_eq!(rolled.json()["stable"]["id"], id("v1"));
    assert_eq!(unchanged(api.post("rollback", &json!({ "to": "v1" })).expect(200)), rolled.seq());
}

#[test]
fn what_the_state_does_not_allow() {
    let router = both();
    let api = router.api();
    api.put("candidate", &json!({ "id": id("v1") })).expect(409); // it is stable
    api.post("rollback", &json!({})).expect(409); // nothing before it
    api.post("promote", &json!({ "release": "v3" })).expect(409); // not the candidate
    api.post("abort", &json!({ "release": "v3" })).expect(409);
    api.post("abort", &json!({})).expect(200);
    api.post("promote", &json!({})).expect(409); // no candidate
    let state = api.state();
    assert_eq!((&state["stable"]["id"], &state["candidate"]), (&json!(id("v1")), &Value::Null));
}

#[test]
fn a_stale_seq_is_refused() {
    let router = both();
    let api = router.api();
    let seq = api.get("").seq();
    api.if_match(seq).put("blend", &json!({ "percent": 20 })).expect(200);
    for (path, body) in [("blend", json!({ "percent": 30 })), ("sticky", json!({ "sticky": false }))] {
        api.if_match(seq).put(path, &body).expect(412);
    }
    for path in ["promote", "abort"] {
        api.if_match(seq).post(path, &json!({})).expect(412);
    }
    assert_eq!(api.state()["blend"].as_f64(), Some(20.0));
    for header in ["If-Match: 7\r\n", "If-Match: \"x\"\r\n", "If-Match: W/\"1\"\r\n"] {
        let body = json!({ "percent": 30 }).to_string();
        let body = Some(("application/json", body.as_bytes()));
        let status = api.raw("PUT", "/api/v1/apps/hello/blend", body, header).status();
        assert!(matches!(status, 400 | 412), "{header:?}: {status}");
    }
}

#[test]
fn values_that_are_not_allowed_name_their_field() {
    let router = both();
    let api = router.api();
    for percent in [json!(101), json!(-1), json!(10.123), json!("ten"), json!(null)] {
        let answer = api.put("blend", &json!({ "percent": percent }));
        assert!(matches!(answer.status(), 400 | 422), "{percent}: {}", answer.status());
        assert!(answer.json()["error"]["message"].as_str().is_some_and(|text| !text.is_empty()));
    }
    assert_eq!(api.put("blend", &json!({ "percent": 101 })).expect(422).json()["error"]["field"], "percent");
    api.put("candidate", &json!({ "id": "apps/../containers" })).expect(422);
    api.put("candidate", &json!({ "release": "nobody-deployed-this" })).expect(422);
    for address in ["10.0.0.1", "example.test", "0.0.0.0:80", "169.254.169.254:80", "[fe80::1]:80"] {
        api.put("candidate", &json!({ "release": "v9", "endpoints": [address] })).expect(422);
    }
    for own in [router.front, router.admin] {
        api.put("candidate", &json!({ "release": "v9", "endpoints": [own.to_string()] })).expect(422);
    }
    assert_eq!(api.state()["candidate"]["id"], id("v2"));
}

#[test]
fn bodies_that_are_none() {
    let router = both();
    let api = router.api();
    let path = "/api/v1/apps/hello/blend";
    let put = |kind: &'static str, body: &str| api.raw("PUT", path, Some((kind, body.as_bytes())), "");
    put("application/json", "{").expect(400);
    let empty = put("application/json", "");
    assert!(matches!(empty.status(), 400 | 422), "{}", empty.status());
    put("application/json", "[]").expect(400);
    put("application/json", &format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000))).expect(400);
    put("text/plain", "{\"percent\": 1}").expect(415);
    put("application/x-www-form-urlencoded", "percent=1").expect(415);
    put("application/json; charset=utf-8", "{\"percent\": 11}").expect(200);
    let unknown = put("application/json", "{\"percent\": 12, \"percnet\": 13}");
    assert!(matches!(unknown.status(), 400 | 422), "a misspelt field is no field: {}", unknown.status());
}

#[test]
fn a_lock_stops_ci_and_nobody_else() {
    let router = both();
    let (api, ci) = (router.api(), router.api_as("ci"));
    let state = api.put("lock", &json!({ "reason": "incident 7" })).expect(200).json();
    assert_eq!((&state["lock"]["reason"], &state["lock"]["by"]), (&json!("incident 7"), &json!("maria")));
    let seq = state["seq"].as_u64().expect("a seq");
    ci.post("promote", &json!({ "release": "v2" })).expect(423);
    ci.if_match(seq).put("blend", &json!({ "percent": 50 })).expect(423);
    ci.put("candidate", &json!({ "id": id("v3"), "replace": id("v2") })).expect(423);
    ci.kv_put("rolling/hello/blendpercent", "50").expect(423);
    api.put("blend", &json!({ "percent": 20 })).expect(200);
    ci.post("abort", &json!({ "release": "v2" })).expect(200); // stop always works
    let state = api.delete("lock").expect(200).json();
    assert_eq!(state["lock"], Value::Null);
    ci.put("candidate", &json!({ "id": id("v3") })).expect(200);
}

#[test]
fn a_rollback_locks_ci_out_until_an_operator_acts() {
    let router = both();
    let (api, ci) = (router.api(), router.api_as("ci"));
    ci.post("promote", &json!({ "release": "v2" })).expect(200);
    let state = api.post("rollback", &json!({})).expect(200).json();
    assert_eq!(state["lock"]["automatic"], true);
    ci.put("candidate", &json!({ "id": id("v2") })).expect(423);
    api.put("candidate", &json!({ "id": id("v3") })).expect(200);
    ci.put("blend", &json!({ "percent": 5, "release": "v3" })).expect(200);
}

#[test]
fn a_rollback_target_that_does_not_answer_is_refused() {
    let router = both();
    let api = router.api();
    api.post("promote", &json!({})).expect(200);
    router.endpoint("v1").stop();
    assert_eq!(api.post("rollback", &json!({})).expect(409).code(), "target_unhealthy");
    let state = api.post("rollback", &json!({ "force": true })).expect(200).json();
    assert_eq!(state["stable"]["id"], id("v1"));
}

#[test]
fn settings_are_checked_whole() {
    let router = both();
    let api = router.api();
    api.put("settings", &json!({ "drainseconds": 60, "hosts": ["shop.example.test"] })).expect(200);
    let settings = api.get("settings").expect(200).json();
    assert_eq!(settings["drainseconds"], 60);
    assert_eq!(api.state()["hosts"], json!(["shop.example.test"]));
    for bad in [
        json!({ "drainsecond": 60 }),
        json!({ "drainseconds": -1 }),
        json!({ "drainseconds": 100, "drainmaxseconds": 10 }),
        json!({ "hosts": ["http://x"] }),
        json!({ "cookie": { "name": "a b" } }),
    ] {
        let answer = api.put("settings", &bad).expect(422);
        assert!(answer.json()["error"]["field"].is_string(), "{}", answer.response.text());
    }
    assert_eq!(api.get("settings").expect(200).json()["drainseconds"], 60);
}

#[test]
fn an_app_is_removed_only_when_it_serves_nobody_or_by_force() {
    let router = both();
    let api = router.api();
    api.delete("").expect(409);
    api.call("DELETE", "/api/v1/apps/hello?force=true", None).expect(200);
    api.get("").expect(404);
    let visit = router.visitor().try_get("/").expect("an answer");
    assert!(matches!(visit.response.status, 421 | 503), "{}", visit.response.status);
}

#[test]
fn waiting_for_the_fleet_is_answered_by_a_fleet_of_one() {
    let router = both();
    let body = json!({ "percent": 33 });
    let answer =
        router.api().call("PUT", "/api/v1/apps/hello/blend?wait=fleet&timeout=5s", Some(&body)).expect(200);
    let applied =
        json!({ "members": 1, "applied": 1, "text": "applied 1 of 1", "missing": [], "left_out": [] });
    assert_eq!(answer.json()["applied"], applied);
}
