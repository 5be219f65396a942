//! What a hook in may do, and who may make one: no more than a pipeline of its app, and admins of that app.

use serde_json::{Value, json};
use support::echo;
use support::router::token;

use super::{add, candidate, deliver, made, push, stage, stage_with};

#[test]
fn caps_of_pipelines_hold() {
    let (router, endpoint) = stage_with(|builder| builder, json!({ "tags": ["v*"], "blend": 50 }));
    router.api().put("settings", &json!({ "ci_blend_max": 25 })).expect(200);
    deliver(&router, "push", &push("v2", &endpoint)).expect(422);
    assert_eq!(candidate(&router), Value::Null);
    add(&router, "shop", json!({ "tags": ["v*"], "blend": 25 }));
    deliver(&router, "push", &push("v2", &endpoint)).expect(200);
    let other = deliver(&router, "push", &push("v3", &endpoint));
    assert!(
        matches!(other.status(), 409 | 428),
        "a candidate with clients is not replaced: {}",
        other.response.text()
    );
    assert_eq!(candidate(&router), json!(made("v2")));
}

#[test]
fn it_reaches_no_other_app() {
    let shop = echo("shop");
    let (router, endpoint) = stage_with(
        |builder| {
            builder
                .key("apps/shop-v1-80/containers/c1", &shop.address.to_string())
                .key("rolling/shop/stable/id", "apps/shop-v1-80/containers")
        },
        json!({ "release": "{/ref}" }),
    );
    let before = router.api().app("shop").state();
    let mut theirs = push("x", &endpoint);
    theirs["ref"] = json!("apps/shop-v1-80/containers");
    let refused = deliver(&router, "push", &theirs);
    assert!(matches!(refused.status(), 403 | 409 | 422), "{}", refused.response.text());
    let now = router.api().app("shop").state();
    assert_eq!((&now["seq"], &now["stable"]["id"]), (&before["seq"], &before["stable"]["id"]));
    let release = router.api().app("shop").get("releases/v1/endpoints").expect(200).json();
    assert_eq!(release["endpoints"][0]["address"], json!(shop.address.to_string()));
}

#[test]
fn only_admins_of_its_app_make_one_and_nobody_reads_its_secret() {
    const LIMITED: &str = "test-limited-0123456789abcdef0123456789abcdef";
    let (router, _) =
        stage_with(|builder| builder.token(&format!("{LIMITED} limited admin apps=shop")), json!({}));
    let hook = json!({ "sender": "github", "app": "hello", "release": "x" });
    for role in ["viewer", "ci", "operator"] {
        router.api_as(role).call("PUT", "/api/v1/hooks-in/mine", Some(&hook)).expect(403);
        router.api_as(role).call("DELETE", "/api/v1/hooks-in/shop", None).expect(403);
    }
    for role in ["viewer", "ci"] {
        router.api_as(role).call("GET", "/api/v1/hooks-in", None).expect(403);
    }
    router.api().anonymous().call("GET", "/api/v1/hooks-in", None).expect(401);
    let limited = router.api().with_token(LIMITED);
    limited.call("PUT", "/api/v1/hooks-in/mine", Some(&hook)).expect(403);
    limited.call("PUT", "/api/v1/hooks-in/shop", Some(&hook)).expect(403);
    limited.call("GET", "/api/v1/hooks-in/shop", None).expect(404);
    assert_eq!(limited.call("GET", "/api/v1/hooks-in", None).expect(200).json()["hooks"], json!([]));

    let admin = router.api_as("admin");
    let made = admin.call("PUT", "/api/v1/hooks-in/mine", Some(&hook)).expect(201).json();
    let secret = made["secret"].as_str().expect("it is shown once");
    for path in ["/api/v1/hooks-in", "/api/v1/hooks-in/mine", "/api/v1/audit"] {
        assert!(!admin.call("GET", path, None).expect(200).response.text().contains(secret), "{path}");
    }
    assert!(!router.log().contains(secret) && !router.log().contains(token("admin")));
    for key in ["rolling/router/hooks-in/mine", "rolling/router/hooks-in-deliveries/mine/x"] {
        assert!(admin.raw("GET", &format!("/api/kv/{key}?raw=true"), None, "").status() >= 400, "{key}");
        assert!(admin.kv_put(key, "{}").status() >= 400, "{key}");
    }
}

#[test]
fn a_test_says_what_would_be_done_and_does_nothing() {
    let (router, endpoint) = stage();
    let seq = router.api().state()["seq"].clone();
    let test = |payload: &str, event: &str| {
        let body = json!({ "payload": payload, "event": event });
        router.api_as("admin").call("POST", "/api/v1/hooks-in/shop/test", Some(&body))
    };
    let would = test(&push("v2", &endpoint).to_string(), "push").expect(200).json();
    assert_eq!((&would["would"], &would["release"]), (&json!("set-candidate"), &json!(made("v2"))));
    assert_eq!(would["endpoints"], json!([endpoint]));
    let ignored = test(r#"{"ref":"refs/heads/main"}"#, "push").expect(200).json();
    assert_eq!(ignored["would"], "ignore");
    assert_eq!(
        test(r#"{"ref":"refs/tags/v2"}"#, "push").expect(422).json()["error"]["field"],
        "endpoints[0]"
    );
    assert_eq!(test("no", "push").expect(400).json()["error"]["field"], "payload");
    assert_eq!(router.api().state()["seq"], seq);
}
