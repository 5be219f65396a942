//! Somebody who would make a release stable alone, where the app says that others must have approved it.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use support::router::id;
use support::{Answer, Api, Router, echo, router};

/// Of alice, bob and carol.
pub const TOKENS: [&str; 3] = [
    "test-alice-0123456789abcdef0123456789abcdef",
    "test-bob-0123456789abcdef0123456789abcdef",
    "test-carol-0123456789abcdef0123456789abcdef",
];

/// An app that needs approvals. Three more operators; the candidate is alice's.
pub fn guarded(needed: u64) -> (Router, [Api; 3]) {
    let [alice, bob, carol] = TOKENS;
    let router = router()
        .stable("v1")
        .deployed("v2")
        .deployed("v3")
        .token(&format!("{alice} alice operator"))
        .token(&format!("{bob} bob operator"))
        .token(&format!("{carol} carol operator"))
        .durable()
        .start();
    let operators = TOKENS.map(|token| router.api().with_token(token));
    operators[0].put("candidate", &json!({ "id": id("v2"), "blend": 0 })).expect(200);
    router
        .api()
        .call("PATCH", "/api/v1/apps/hello/settings", Some(&json!({ "approvals": needed })))
        .expect(200);
    (router, operators)
}

pub fn approve(api: &Api) -> Answer {
    api.post("approvals", &json!({}))
}

fn settings(api: &Api, method: &str, body: &Value) -> Answer {
    api.call(method, "/api/v1/apps/hello/settings", Some(body))
}

/// What is asked for at each door, and what the setting says about it.
fn assert_held(doors: Vec<(&str, Answer)>, code: &str) {
    for (door, answer) in doors {
        assert_eq!(
            (answer.status(), answer.code().as_str()),
            (409, code),
            "{door}: {}",
            answer.response.text()
        );
    }
}

#[test]
fn no_door_leads_past_the_approvals() {
    let (router, [alice, bob, _]) = guarded(1);
    let seq = alice.state()["seq"].clone();
    let (admin, endpoint) = (router.api_as("admin"), echo("v9"));
    let late = endpoint.address.to_string();
    let raw = |key: &str, value: &str| admin.kv_put(&format!("rolling/hello/{key}"), value);
    assert_held(
        vec![
            ("promote", alice.post("promote", &json!({ "release": "v2" }))),
            ("promote, forced", admin.post("promote", &json!({ "force": true }))),
            ("promote by ci", router.api_as("ci").post("promote", &json!({ "release": "v2" }))),
            ("dry run", alice.post("who-moves", &json!({ "command": "promote" }))),
            ("stable, the candidate", alice.put("stable", &json!({ "id": id("v2"), "force": true }))),
            ("stable, another one", alice.put("stable", &json!({ "id": id("v3") }))),
            ("stable, a new one", alice.put("stable", &json!({ "release": "v9", "endpoints": [late] }))),
            ("raw stable, the candidate", raw("stable/id", &id("v2"))),
            ("raw stable, another one", raw("stable/id", &id("v3"))),
            ("raw stable that waits", raw("stable/id", "apps/hello-v8-80/containers")),
            ("a lower number", settings(&admin, "PATCH", &json!({ "approvals": 0 }))),
            ("the default number", settings(&admin, "PATCH", &json!({ "approvals": null }))),
            ("all settings anew", settings(&admin, "PUT", &json!({ "drainseconds": 10 }))),
        ],
        "approvals_missing",
    );
    let anew = admin.call("DELETE", "/api/v1/apps/hello?force=true", None);
    assert_held(vec![("the app removed, to be made anew", anew)], "approvals_set");
    assert_eq!(alice.state()["seq"], seq, "nothing was written");
    assert_eq!(router.visitor().release(), "v1");
    approve(&bob).expect(200);
    alice.post("promote", &json!({ "release": "v2" })).expect(200);
    assert_eq!(router.visitor().release(), "v2");
    // The way back is open.
    alice.post("rollback", &json!({})).expect(200);
    assert_eq!(router.visitor().release(), "v1");
    alice.put("candidate", &json!({ "id": id("v2"), "blend": 10 })).expect(200);
    let again = alice.post("promote", &json!({}));
    assert_held(vec![("what was rolled back from", again)], "approvals_missing");
}

/// What a script writes in the store itself waits, and its clients stay.
#[test]
fn a_write_past_the_api_waits_for_the_approvals() {
    let (mut router, [alice, _, _]) = guarded(1);
    let store = router.api_as("admin");
    let write = |key: &str, value: &str| {
        let put = json!({ "put": format!("rolling/hello/{key}"), "value": BASE64_STANDARD.encode(value) });
        store
            .call("POST", "/api/v1/store/commit", Some(&json!({ "checks": [], "writes": [put] })))
            .expect(200);
    };
    write("stable/id", &id("v2"));
    write("candidate/id", "rolling/null");
    assert_eq!(alice.state()["candidate"]["id"], id("v2"));
    assert_eq!(router.visitor().release(), "v1");
    router.start_again();
    let bob = router.api().with_token(TOKENS[1]);
    assert_eq!(router.visitor().release(), "v1", "a restart forgets nothing");
    approve(&bob).expect(200);
    support::eventually("it is stable", || bob.state()["stable"]["id"] == id("v2"));
}

#[test]
fn a_token_counts_once_and_its_author_and_ci_not_at_all() {
    let (router, [alice, bob, carol]) = guarded(2);
    assert_held(vec![("the author", approve(&alice))], "own_release");
    approve(&router.api_as("ci")).expect(403);
    approve(&router.api_as("viewer")).expect(403);
    assert_eq!(approve(&bob).expect(200).json()["result"], "done");
    assert_eq!(approve(&bob).expect(200).json()["result"], "unchanged");
    let shown = alice.state()["candidate"]["approvals"].clone();
    assert_eq!(
        (&shown["needed"], &shown["missing"], &shown["given"][0]["by"]),
        (&json!(2), &json!(1), &json!("bob"))
    );
    let refused = alice.post("promote", &json!({}));
    assert!(refused.response.text().contains("1 of 2 approvals"), "{}", refused.response.text());
    approve(&carol).expect(200);
    alice.post("promote", &json!({})).expect(200);
    let events = alice.get("history").expect(200).json();
    let commands: Vec<&str> = (0..3).filter_map(|at| events["events"][at]["command"].as_str()).collect();
    assert_eq!(commands, ["promote", "approve", "approve"]);
    assert!(!events.to_string().contains(TOKENS[1]), "no token is shown");
}

#[test]
fn approvals_end_with_new_endpoints_and_with_the_tenure() {
    let (router, [alice, bob, _]) = guarded(1);
    approve(&bob).expect(200);
    let (other, another) = (echo("other"), echo("another"));
    let other = other.address.to_string();
    let added = alice.put(&format!("releases/v2/endpoints/{other}"), &json!({}));
    added.expect(200);
    let refused = alice.post("promote", &json!({}));
    assert!(refused.response.text().contains(&format!("{other} is new")), "{}", refused.response.text());
    assert_held(vec![("an endpoint added later", refused)], "approvals_missing");
    let shown = bob.get("approvals").expect(200).json();
    assert_eq!(shown["releases"][0]["new_endpoints"], json!([other]));
    approve(&bob).expect(200);
    let replaced = json!({ "release": "v2", "endpoints": [another.address.to_string()], "force": true });
    assert_held(vec![("endpoints in the same call", alice.put("stable", &replaced))], "approvals_missing");
    assert_eq!(router.visitor().release(), "v1");
    // Dropped, and put there again by somebody else.
    alice.post("abort", &json!({})).expect(200);
    alice.put("candidate", &json!({ "id": id("v2") })).expect(200);
    assert_held(vec![("another tenure", alice.post("promote", &json!({})))], "approvals_missing");
    bob.post("approvals", &json!({ "release": "v2" })).expect(200);
    bob.call("DELETE", "/api/v1/apps/hello/approvals", Some(&json!({}))).expect(200);
    assert_held(vec![("withdrawn", alice.post("promote", &json!({})))], "approvals_missing");
}

#[test]
fn the_number_is_lowered_by_as_many_others_as_it_says() {
    let (_router, [alice, bob, carol]) = guarded(2);
    let lower = |api: &Api| api.post("approvals", &json!({ "lower_to": 1 })).expect(200);
    lower(&alice);
    lower(&bob);
    let body = json!({ "approvals": 1 });
    assert_held(vec![("one of the two", settings(&bob, "PATCH", &body))], "approvals_missing");
    let further = settings(&carol, "PATCH", &json!({ "approvals": 0 }));
    assert_held(vec![("a lower one still", further)], "approvals_missing");
    settings(&carol, "PATCH", &body).expect(200);
    assert_eq!(alice.get("approvals").expect(200).json()["lowerings"], json!([]));
    settings(&alice, "PATCH", &json!({ "approvals": 3 })).expect(200);
    for (field, body) in [("approvals", json!({ "approvals": 4 })), ("approvals", json!({ "approvals": -1 }))]
    {
        assert!(settings(&alice, "PATCH", &body).expect(422).response.text().contains(field));
    }
    alice.post("approvals", &json!({ "lower_to": 3 })).expect(422);
    alice.post("approvals", &json!({ "lower_to": 1, "release": "v2" })).expect(422);
}
