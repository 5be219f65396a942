//! The old API: a script in the manner of those that deployed to the system before this one, unchanged, and what each of its
//! calls answers.

mod answers;
mod script;
mod stacks;

use serde_json::{Value, json};
use support::{Answer, Api};

/// What curl says of a body that it is given by `-d`.
const FORM: &str = "application/x-www-form-urlencoded";

/// Makes a call as curl does.
fn call(api: &Api, method: &str, path: &str, body: Option<&Value>) -> Answer {
    let body = body.map(Value::to_string);
    api.raw(method, &format!("/api/v2/{path}"), body.as_deref().map(|body| (FORM, body.as_bytes())), "")
}

/// A deployment of one service `app` with this stack.
fn form(id: &str, content: &str) -> Value {
    json!({
        "deployment_id": id,
        "deployment_name": "Gr\u{fc}n & co",
        "desired_state": 1,
        "placement": { "pool_id": "default" },
        "quantities": { "app": 1 },
        "stack": { "content": content, "service_id": "app", "service_name": "app", "subtype": "service" },
    })
}

/// The stack of most of them.
const STACK: &str = "version: 2\nservices:\n  app:\n    image: hello:7\n    ports:\n      - 80/tcp\n    environment:\n      - PASSWORD=hunter2\n";

/// Makes a deployment.
fn deployed(api: &Api, id: &str) -> Value {
    call(api, "POST", "deployments/", Some(&form(id, STACK))).expect(200).json()["deployment"].clone()
}

/// The id of the release of a deployment.
fn release(id: &str) -> String {
    format!("apps/app-{id}-80/containers")
}

/// The sentence of a refusal.
fn message(answer: &Answer) -> String {
    answer.json()["errors"][0]["message"].as_str().unwrap_or_default().to_owned()
}
