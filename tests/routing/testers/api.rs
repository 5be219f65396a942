//! Previews through the API: who may make, see and revoke them, and what is refused.

use super::tester::{Tester, path_of, preview};
use serde_json::{Value, json};
use support::router;

#[test]
fn a_preview_says_what_it_shows_and_for_how_long() {
    let router = router().stable("v1").candidate("v2").start();
    let made = preview(&router, &json!({"track": "candidate", "note": " for QA "}));
    assert_eq!(made["app"], "hello");
    assert_eq!(made["release"], "apps/hello-v2-80/containers");
    assert_eq!(
        (&made["track"], &made["note"], &made["by"]),
        (&json!("candidate"), &json!("for QA"), &json!("maria"))
    );
    let lives = made["expires"].as_u64().unwrap() - made["at"].as_u64().unwrap();
    assert_eq!(lives, 24 * 3_600_000, "a day unless said");
    for release in ["v1", "apps/hello-v1-80/containers"] {
        let named = preview(&router, &json!({"release": release, "seconds": 60}));
        assert_eq!(named["track"], "stable");
    }
    let listed = router.api_as("viewer").get("previews").expect(200).json();
    let listed = listed["previews"].as_array().unwrap();
    assert_eq!(listed.len(), 3);
    assert_eq!((&listed[0]["id"], &listed[0]["note"]), (&made["id"], &made["note"]));
    assert!(listed.iter().all(|preview| preview.get("path").is_none()), "{listed:?}");
}

#[test]
fn what_cannot_be_shown_is_refused() {
    let router = router().stable("v1").deployed("v3").start();
    let post = |body: Value| router.api().post("previews", &body);
    for (body, status, code, field) in [
        (json!({"track": "candidate"}), 409, "not_routed", None),
        (json!({"release": "v3"}), 409, "not_routed", None),
        (json!({}), 422, "value", Some("track")),
        (json!({"track": "stable", "release": "v1"}), 422, "value", Some("track")),
        (json!({"track": "draining"}), 422, "value", Some("track")),
        (json!({"track": "stable", "seconds": 0}), 422, "value", Some("seconds")),
        (json!({"track": "stable", "seconds": 2_592_001}), 422, "value", Some("seconds")),
        (json!({"track": "stable", "note": "x".repeat(201)}), 422, "value", Some("note")),
        (json!({"track": "stable", "minutes": 5}), 422, "value", Some("minutes")),
    ] {
        let answer = post(body.clone()).expect(status);
        assert_eq!(answer.code(), code, "{body}");
        assert_eq!(answer.json()["error"]["field"].as_str(), field, "{body}");
    }
    router.api().app("nobody").post("previews", &json!({"track": "stable"})).expect(404);
    router.api().app("nobody").get("previews").expect(404);
    router.api().delete("previews/00000000000000000000").expect(404);
    router.api().delete("previews/nonsense").expect(400);
    let seq = router.api().state()["seq"].as_u64().unwrap();
    router.api().if_match(seq + 1).post("previews", &json!({"track": "stable"})).expect(412);
    router.api().if_match(seq).post("previews", &json!({"track": "stable"})).expect(201);
    assert_eq!(router.api().state()["seq"].as_u64(), Some(seq), "a preview is no change of the rollout");
}

#[test]
fn a_pipeline_makes_previews_and_revokes_its_own() {
    let router = router().stable("v1").start();
    let theirs = preview(&router, &json!({"track": "stable"}));
    router.api().put("lock", &json!({"reason": "release freeze"})).expect(200);
    let ci = router.api_as("ci");
    let own = ci.post("previews", &json!({"track": "stable"})).expect(201).json();
    let path = |preview: &Value| format!("previews/{}", preview["id"].as_str().unwrap());
    ci.delete(&path(&theirs)).expect(403);
    ci.delete(&path(&own)).expect(200);
    ci.delete(&path(&own)).expect(404);
    let viewer = router.api_as("viewer");
    viewer.post("previews", &json!({"track": "stable"})).expect(403);
    viewer.delete(&path(&theirs)).expect(403);
    router.api().anonymous().get("previews").expect(401);
    assert_eq!(Tester::at(&router).open(&path_of(&theirs)).release(), "v1");
}

#[test]
fn the_list_has_a_limit_and_what_has_ended_makes_room() {
    let router = router().stable("v1").candidate("v2").start();
    let candidates: Vec<Value> = (0..3).map(|_| preview(&router, &json!({"track": "candidate"}))).collect();
    for _ in 0..97 {
        preview(&router, &json!({"track": "stable"}));
    }
    let full = router.api().post("previews", &json!({"track": "stable"})).expect(409);
    assert_eq!(full.code(), "too_many_previews");
    router.api().post("abort", &json!({})).expect(200);
    let left = router.api().get("previews").expect(200).json()["previews"].as_array().map(Vec::len);
    assert_eq!((left, candidates.len()), (Some(97), 3), "those of the candidate ended with it");
    for _ in 0..3 {
        preview(&router, &json!({"track": "stable"}));
    }
    router.api().post("previews", &json!({"track": "stable"})).expect(409);
}

#[test]
fn an_app_takes_its_previews_along() {
    let router = router().stable("v1").start();
    let made = preview(&router, &json!({"track": "stable"}));
    router.api().call("DELETE", "/api/v1/apps/hello?force=true", None).expect(200);
    let again = json!({"id": "apps/hello-v1-80/containers"});
    router.api().put("stable", &again).expect(200);
    assert_eq!(router.api().get("previews").expect(200).json()["previews"], json!([]));
    assert_eq!(Tester::at(&router).get(&path_of(&made)).status, 410);
}
