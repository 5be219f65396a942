//! Hooks about tokens: whoever watches learns which there are, and never one of them.

use serde_json::{Value, json};
use support::receiver::{Receiver, hook};
use support::router;

#[test]
fn tokens_that_are_made_and_taken_back_are_told_and_never_shown() {
    let router = router().stable("v1").start();
    let mut receiver = Receiver::start();
    hook(&router, &receiver, json!({ "events": ["token-made", "token-revoked"] }));
    let admin = router.api_as("admin");
    let asked = json!({ "name": "nina", "role": "ci", "apps": ["hello"] });
    let made = admin.call("POST", "/api/v1/tokens", Some(&asked)).expect(201).json();
    let token = made["token"].as_str().expect("the token").to_owned();
    admin.call("POST", "/api/v1/tokens", Some(&json!({ "name": "nina", "role": "ci" }))).expect(409);
    admin.call("DELETE", "/api/v1/tokens/nobody", None).expect(404);
    admin.call("DELETE", "/api/v1/tokens/nina", None).expect(200);
    let told = receiver.wait_for("both", |told| told.len() >= 2);
    let bodies: Vec<&Value> = told.iter().map(|call| &call.body).collect();
    assert_eq!(bodies.len(), 2, "what was refused is not told: {bodies:?}");
    for (body, kind) in bodies.iter().zip(["token-made", "token-revoked"]) {
        assert_eq!(
            (&body["type"], &body["token"], &body["actor"]),
            (&json!(kind), &json!("nina"), &json!("root"))
        );
        assert_eq!((&body["app"], &body["seq"]), (&Value::Null, &Value::Null), "it is in no app's history");
        assert!(!body.to_string().contains(&token), "{body}");
    }
    assert_eq!(bodies[0]["rights"], json!({ "role": "ci", "apps": ["hello"] }));
    assert_eq!(bodies[0]["text"], "root made the token nina");
    assert_eq!(bodies[1]["text"], "root took the token nina back");
}
