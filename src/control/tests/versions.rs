//! Values of a newer version: what this one does not know stays, and what it cannot read it leaves to others.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Bench, eventually};

const RECORD: &str = "rolling/shop/rollout";
const SETTINGS: &str = "rolling/shop/settings";

async fn read(bench: &Bench, key: &str) -> Value {
    serde_json::from_str(&bench.stored(key).await.unwrap()).unwrap()
}

#[tokio::test]
async fn unknown_fields_of_a_record_stay_through_commands_and_are_in_the_history() {
    let bench = Bench::start().await.with_stable().await;
    bench.set("candidate", "1.1").await;
    let mut record = read(&bench, RECORD).await;
    record["freeze"] = json!({ "until": 7 });
    record["candidate"]["weight"] = json!(3);
    bench.write_in_store(RECORD, &record.to_string()).await;
    bench.ok(Method::POST, "/api/v1/apps/shop/promote", json!({ "force": true })).await;
    let after = read(&bench, RECORD).await;
    assert_eq!(
        (&after["seq"], &after["freeze"], &after["stable"]["weight"]),
        (&json!(3), &json!({ "until": 7 }), &json!(3))
    );
    assert_eq!(read(&bench, "rolling/shop/events/000000000003").await["record"], after);
    assert!(!bench.state().await["problems"].to_string().contains(RECORD), "it can be read");
}

#[tokio::test]
async fn unknown_settings_are_passed_over_and_stay() {
    let bench = Bench::start().await.with_stable().await;
    let stored = json!({ "hosts": ["shop.example"], "cookie": { "name": "pin", "priority": "High" }, "mirror": { "to": "v9" } });
    bench.write_in_store(SETTINGS, &stored.to_string()).await;
    let settings = async || bench.ok(Method::GET, "/api/v1/apps/shop/settings", Value::Null).await;
    eventually("the known ones count", async || settings().await["hosts"] == json!(["shop.example"])).await;
    assert_eq!(bench.state().await["problems"], json!([]));
    for (method, body) in
        [(Method::PATCH, json!({ "pinseconds": 600 })), (Method::PUT, json!({ "cookie": { "name": "p" } }))]
    {
        bench.ok(method, "/api/v1/apps/shop/settings", body).await;
        let after = read(&bench, SETTINGS).await;
        assert_eq!(
            (&after["mirror"], &after["cookie"]["priority"]),
            (&json!({ "to": "v9" }), &json!("High")),
            "{after}"
        );
    }
    let after = read(&bench, SETTINGS).await;
    assert_eq!(
        (&after["hosts"], &after["pinseconds"], &after["cookie"]["name"]),
        (&Value::Null, &Value::Null, &json!("p"))
    );
    let (status, _) = bench.call(Method::PATCH, "/api/v1/apps/shop/settings", json!({ "mirror": {} })).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "nobody sets what this version does not know");
}

#[tokio::test]
async fn who_cannot_read_a_newer_record_says_so_and_gives_no_command() {
    let bench = Bench::start().await.with_stable().await;
    let mut record = read(&bench, RECORD).await;
    (record["seq"], record["blend"]) = (json!(2), json!({ "steps": [1, 2] }));
    let newer = record.to_string();
    bench.write_in_store(RECORD, &newer).await;
    eventually("it is said", async || bench.state().await["problems"][0]["key"] == RECORD).await;
    let calls = [(Method::POST, "abort"), (Method::POST, "rollback"), (Method::DELETE, "")];
    for (method, command) in calls {
        let path = format!("/api/v1/apps/shop/{command}");
        let (status, refused) = bench.call(method, path.trim_end_matches('/'), Value::Null).await;
        assert_eq!(
            (status, &refused["error"]["code"]),
            (StatusCode::CONFLICT, &json!("record_unreadable")),
            "{command}"
        );
    }
    assert_eq!(bench.stored(RECORD).await, Some(newer));
    assert_eq!(bench.routed(), (Some("1.0".into()), None));
}
