//! Deliveries that count, once each; those that a filter leaves out; and where the outcome is read.

use serde_json::{Value, json};
use support::eventually;

use super::{add, candidate, deliver, deliver_bytes, made, push, shown, stage, stage_with};

/// The plan starts with the candidate; a plan that the app does not have is refused, and nothing is set.
#[test]
fn a_candidate_that_is_delivered_rises_by_a_plan() {
    let (router, endpoint) = stage_with(|builder| builder, json!({ "blend": null, "plan": "gradual" }));
    let refused = deliver(&router, "push", &push("v2", &endpoint));
    assert!(
        refused.status() >= 400 && refused.response.text().contains("gradual"),
        "{}",
        refused.response.text()
    );
    assert_eq!(candidate(&router), json!(null));
    let plans = json!({ "plans": ["gradual: 5% hold=1h; 50%; promote"] });
    router.api().call("PATCH", "/api/v1/apps/hello/settings", Some(&plans)).expect(200);
    deliver(&router, "push", &push("v2", &endpoint)).expect(200);
    assert_eq!(candidate(&router), made("v2"));
    let plan = router.api().get("plan").expect(200).json();
    assert_eq!(
        (&plan["plan"]["name"], &router.api().state()["blend"]),
        (&json!("gradual"), &json!(5)),
        "{plan}"
    );
    let hook = router.api().call("GET", "/api/v1/hooks-in/shop", None).expect(200).json();
    assert_eq!((&hook["plan"], &hook["blend"]), (&json!("gradual"), &json!(null)));
}

#[test]
fn a_tag_becomes_the_candidate_and_the_answer_says_where_to_look() {
    let (router, endpoint) = stage();
    let answer = deliver(&router, "push", &push("v2", &endpoint)).expect(200);
    let told = answer.json();
    assert_eq!(
        (&told["result"], &told["release"], &told["repeated"]),
        (&json!("done"), &json!("v2"), &json!(false))
    );
    let state = router.api().state();
    assert_eq!((&state["candidate"]["id"], &state["blend"]), (&json!(made("v2")), &json!(5)));
    assert_eq!(told["seq"], state["seq"]);

    let url = told["url"].as_str().expect("a URL");
    assert_eq!(answer.response.header("location"), Some(url));
    let read = router.api().anonymous().call("GET", url, None).expect(200).json();
    assert_eq!((&read["result"], &read["id"]), (&json!("done"), &told["id"]));
    let history = router.api().get("history").expect(200).json();
    let text = history.to_string();
    assert!(text.contains("hook-in:shop") && text.contains(told["id"].as_str().expect("an id")), "{text}");
    let audit = router.api_as("admin").call("GET", "/api/v1/audit", None).expect(200).json().to_string();
    assert!(audit.contains("hook-in:shop") && audit.contains("\"via\":\"hook\""), "{audit}");
    let delivery = &shown(&router)[0];
    assert_eq!(
        (&delivery["result"], &delivery["event"], &delivery["status"]),
        (&json!("done"), &json!("push"), &json!(200))
    );
    assert_eq!(delivery["client"], "127.0.0.1");
}

/// GitHub signs the body and not the number of the delivery, so whoever has seen one could send it again under another number.
#[test]
fn a_replay_under_another_number_does_nothing() {
    let (router, endpoint) = stage();
    let body = push("v2", &endpoint).to_string();
    let numbered = |number: &str| {
        deliver_bytes(&router, "push", body.as_bytes(), &format!("X-GitHub-Delivery: {number}\r\n"))
    };
    let first = numbered("72d3162e").expect(200).json();
    router.api().post("abort", &json!({})).expect(200);
    for number in ["72d3162e", "another"] {
        let again = numbered(number).expect(200).json();
        assert_eq!(
            (&again["repeated"], &again["result"], &again["id"]),
            (&json!(true), &json!("done"), &first["id"])
        );
    }
    assert_eq!(candidate(&router), Value::Null, "an abort stands");
    assert_eq!(shown(&router).len(), 1);
    let fresh = deliver(&router, "push", &push("v2.1", &endpoint)).expect(200).json();
    assert_eq!((&fresh["result"], candidate(&router)), (&json!("done"), json!(made("v2.1"))));
}

#[test]
fn a_repeat_is_known_after_a_restart() {
    let (mut router, endpoint) = stage_with(support::RouterBuilder::durable, json!({ "tags": ["v*"] }));
    let body = push("v2", &endpoint);
    deliver(&router, "push", &body).expect(200);
    router.api().post("abort", &json!({})).expect(200);
    router.start_again();
    eventually("the hook is known", || deliver(&router, "push", &body).json()["repeated"] == true);
    assert_eq!(candidate(&router), Value::Null);
}

#[test]
fn what_the_filter_leaves_out_is_told_and_changes_nothing() {
    let fields = json!({ "tags": ["v*"], "events": ["push"], "matches": ["/repository/full_name=acme/*"] });
    let (router, endpoint) = stage_with(|builder| builder, fields);
    let seq = router.api().state()["seq"].clone();
    let of = |name: &str, repository: &str| {
        let mut body = push("x", &endpoint);
        (body["ref"], body["repository"]) = (json!(name), json!({ "full_name": repository }));
        body
    };
    let mut gone = of("refs/tags/v2", "acme/shop");
    gone["after"] = json!("0".repeat(40));
    for (event, body, why) in [
        ("ping", json!({ "zen": "Keep it logically awesome." }), "listens"),
        ("push", of("refs/heads/main", "acme/shop"), "the branch `main`"),
        ("push", of("refs/tags/beta", "acme/shop"), "the tag `beta`"),
        ("push", of("refs/tags/v2", "evil/shop"), "/repository/full_name"),
        ("release", of("refs/tags/v2", "acme/shop"), "the event `release`"),
        ("push", gone, "deleted"),
    ] {
        let told = deliver(&router, event, &body).expect(200).json();
        assert_eq!(told["result"], "ignored", "{event} {body}");
        assert!(told["message"].as_str().is_some_and(|message| message.contains(why)), "{told}");
    }
    assert_eq!((&router.api().state()["seq"], shown(&router).len()), (&seq, 6));
    let right = deliver(&router, "push", &of("refs/tags/v2", "acme/shop")).expect(200).json();
    assert_eq!(right["result"], "done");
}

#[test]
fn endpoints_may_be_a_list_of_the_payload_and_only_main_may_count() {
    let fields = json!({
        "branches": ["main"], "release": "{/after|short}", "endpoints": ["{/deployment/endpoints}"], "blend": null,
        "reason": "{/head_commit/message}"
    });
    let (router, endpoint) = stage_with(|builder| builder, fields);
    let body = json!({
        "ref": "refs/heads/main", "after": "0123456789abcdef0123", "head_commit": { "message": "Ship it" },
        "deployment": { "endpoints": [endpoint, "127.0.0.1:9"] }
    });
    assert_eq!(deliver(&router, "push", &body).expect(200).json()["release"], "0123456789ab");
    let state = router.api().state();
    assert_eq!(state["candidate"]["id"], made("0123456789ab"));
    let release = "releases/0123456789ab/endpoints";
    assert_eq!(router.api().get(release).expect(200).json()["endpoints"].as_array().map(Vec::len), Some(2));
    assert!(router.api().get("history").expect(200).response.text().contains("Ship it"));
}

/// What was refused is not lost: once the reason is gone, the sender's "redeliver" works.
#[test]
fn a_delivery_that_was_refused_counts_when_it_comes_again() {
    let (router, endpoint) = stage();
    let body = push("v2", &endpoint);
    router.api().put("lock", &json!({ "reason": "an incident" })).expect(200);
    let refused = deliver(&router, "push", &body).expect(423);
    let url = refused.response.header("location").expect("where to look").to_owned();
    let kept = router.api().anonymous().call("GET", &url, None).expect(200).json();
    assert_eq!((&kept["result"], candidate(&router)), (&json!("refused"), Value::Null));
    assert_eq!(shown(&router)[0]["status"], 423);
    router.api().delete("lock").expect(200);
    assert_eq!(deliver(&router, "push", &body).expect(200).json()["result"], "done");
    assert_eq!(candidate(&router), json!(made("v2")));
}

#[test]
fn a_hook_that_is_written_anew_keeps_its_secret_and_one_that_is_removed_forgets() {
    let (router, endpoint) = stage();
    let body = push("v2", &endpoint);
    deliver(&router, "push", &body).expect(200);
    let again = add(&router, "shop", json!({ "tags": ["v*"], "secret": null, "blend": 10 }));
    assert_eq!(again.get("secret"), None);
    assert_eq!(deliver(&router, "push", &body).expect(200).json()["repeated"], true);
    let fresh = add(&router, "shop", json!({ "tags": ["v*"], "secret": null, "new_secret": true }));
    assert!(fresh["secret"].as_str().is_some_and(|secret| secret.len() == 64), "{fresh}");
    deliver(&router, "push", &body).expect(401);
    router.api_as("admin").call("DELETE", "/api/v1/hooks-in/shop", None).expect(200);
    deliver(&router, "push", &body).expect(404);
    let keys = router.api_as("admin").call("GET", "/api/v1/hooks-in", None).expect(200).json();
    assert_eq!(keys["hooks"], json!([]));
}
