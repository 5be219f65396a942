//! A pipeline that wants everybody on its release although the app caps what pipelines may do, and one that would have
//! production seeded anew.

use serde_json::json;
use support::router::id;
use support::{Answer, Router, echo, eventually, router};

fn capped() -> Router {
    let router = router().stable("v1").candidate("v2").blend(25).deployed("v3").start();
    router.api().put("settings", &json!({ "ci_blend_max": 25 })).expect(200);
    router
}

fn assert_refused(answers: Vec<(&str, Answer)>) {
    for (door, answer) in answers {
        assert!(matches!(answer.status(), 403 | 422), "{door}: {}", answer.response.text());
    }
}

#[test]
fn a_capped_pipeline_gives_no_release_to_everybody_by_any_door() {
    let router = capped();
    let (ci, late) = (router.api_as("ci"), "apps/hello-v9-80/containers");
    let endpoint = echo("v9").address.to_string();
    let raw = |key: &str, value: &str| ci.kv_put(&format!("rolling/hello/{key}"), value);
    let seq = ci.state()["seq"].clone();
    assert_refused(vec![
        ("promote", ci.post("promote", &json!({ "release": "v2" }))),
        ("stable, the candidate", ci.put("stable", &json!({ "id": id("v2"), "force": true }))),
        ("stable, another one", ci.put("stable", &json!({ "id": id("v3") }))),
        ("stable, a new one", ci.put("stable", &json!({ "release": "v9", "endpoints": [endpoint] }))),
        ("blend", ci.put("blend", &json!({ "percent": 26, "release": "v2" }))),
        (
            "candidate with a blend",
            ci.put("candidate", &json!({ "id": id("v3"), "replace": id("v2"), "blend": 100 })),
        ),
        ("raw stable", raw("stable/id", &id("v2"))),
        ("raw stable, another one", raw("stable/id", &id("v3"))),
        ("raw stable that waits", raw("stable/id", late)),
        ("raw blend", raw("blendpercent", "100")),
        ("clear stable", ci.call("DELETE", "/api/v1/apps/hello/stable", Some(&json!({ "force": true })))),
        (
            "its own settings",
            ci.call("PATCH", "/api/v1/apps/hello/settings", Some(&json!({ "ci_may_promote": true }))),
        ),
    ]);
    ci.kv_put(&format!("{late}/c1"), &endpoint).expect(200);
    // Stored, and without effect: stable stays where it is.
    raw("stable/id", "rolling/null").expect(200);
    assert_eq!(ci.state()["seq"], seq);
    assert_eq!(ci.state()["stable"]["id"], id("v1"));
    router
        .api()
        .call("PATCH", "/api/v1/apps/hello/settings", Some(&json!({ "ci_may_promote": true })))
        .expect(200);
    ci.post("promote", &json!({ "release": "v2" })).expect(200);
    assert_eq!(router.visitor().release(), "v2");
}

/// Whoever deleted `rolling/null` had the router's next start put production back at its keyvalues file.
#[test]
fn production_is_never_seeded_anew() {
    let mut router = router().stable("v1").candidate("v2").durable().start();
    router.api().post("promote", &json!({})).expect(200);
    let ci = router.api_as("ci");
    for root in ["/api/kv/", "/v1/kv/"] {
        ci.raw("DELETE", &format!("{root}rolling/null"), None, "").expect(403);
        ci.raw("PUT", &format!("{root}rolling%2Fnull"), Some(("text/plain", b"-")), "").expect(403);
    }
    router.api().kv_delete("rolling/null").expect(200);
    router.start_again_seeded();
    assert_eq!(router.visitor().release(), "v2");
    assert!(router.log().contains("is not written into it"), "{}", router.log());
}

/// A second app took the first one off line: without `--app` the only app was the default, and of two none was.
#[test]
fn a_second_app_never_takes_the_first_off_line() {
    let mut router = router().without_app().stable("v1").durable().start();
    let other = echo("shop");
    let made = json!({ "release": "v1", "endpoints": [other.address.to_string()] });
    let state = router.api_as("ci").app("shop").put("stable", &made).expect(200).json();
    assert_eq!((&state["created"], &state["leading_hosts"]), (&json!(true), &json!([])));
    assert_eq!(router.visitor().release(), "v1");
    // Made by an old script, too.
    for key in ["stable/id", "candidate/id"] {
        router.api_as("ci").kv_put(&format!("rolling/third/{key}"), "rolling/null").expect(200);
    }
    router.start_again();
    assert_eq!(router.visitor().release(), "v1");
    let metrics = router.api().metrics();
    let leading = |app: &str| metrics.sum("rolling_app_leading_hosts", &[("app", app)]);
    assert!(leading("hello") > 0.5 && leading("shop") < 0.5, "{} {}", leading("hello"), leading("shop"));
    // Until an operator says otherwise.
    router.api_as("ci").app("shop").put("default", &json!({})).expect(403);
    let state = router.api().app("shop").put("default", &json!({})).expect(200).json();
    assert_eq!((&state["default"], &state["leading_hosts"]), (&json!(true), &json!(["*"])));
    assert_eq!(router.visitor().release(), "shop");
    router.api().app("shop").call("DELETE", "/api/v1/apps/shop/default", None).expect(200);
    assert_eq!(router.visitor().try_get("/").map(|visit| visit.response.status), Ok(421));
    eventually("the alarm", || {
        let fleet = router.api().call("GET", "/api/v1/fleet", None).expect(200).json();
        fleet["alarms"].as_array().into_iter().flatten().any(|alarm| alarm["kind"] == "misdirected")
    });
    assert!(router.api().metrics().sum("rolling_requests_misdirected_total", &[]) >= 1.0);
}
