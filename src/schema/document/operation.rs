//! One call of the API, as the document describes it.

use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::components::{Components, reference};

/// One call, with the types that it takes and answers.
pub struct Operation {
    pub method: &'static str,
    pub path: &'static str,
    body: Map<String, Value>,
    types: Vec<fn(&mut Components) -> String>,
}

/// Where the document says who may make a call.
const ROLE: &str = "x-role";
/// Refusals of every call that needs a token.
const SIGNED_IN: [u16; 3] = [401, 421, 429];
/// Refusals of a command.
const COMMAND: [u16; 11] = [400, 403, 404, 409, 412, 415, 422, 423, 428, 503, 507];

impl Operation {
    /// A call; the id is for programs that are made from the document.
    pub fn new(method: &'static str, path: &'static str, id: &str, summary: &str) -> Self {
        let role = if method == "get" { "viewer" } else { "ci" };
        let body = json!({ "operationId": id, "summary": summary, ROLE: role, "responses": {} });
        let operation = Self { method, path, body: body.as_object().unwrap().clone(), types: Vec::new() };
        operation.refuses(&SIGNED_IN)
    }

    pub fn get(path: &'static str, id: &str, summary: &str) -> Self {
        Self::new("get", path, id, summary)
    }

    pub fn put(path: &'static str, id: &str, summary: &str) -> Self {
        Self::new("put", path, id, summary)
    }

    pub fn post(path: &'static str, id: &str, summary: &str) -> Self {
        Self::new("post", path, id, summary)
    }

    pub fn delete(path: &'static str, id: &str, summary: &str) -> Self {
        Self::new("delete", path, id, summary)
    }

    /// More than the summary says.
    pub fn says(mut self, description: &str) -> Self {
        self.body.insert("description".into(), json!(description));
        self
    }

    /// The least role of a token that may make it, where that is not `viewer` to read and `ci` to write. `router` stands
    /// for `router` and `admin` alone.
    pub fn role(mut self, role: &str) -> Self {
        self.body.insert(ROLE.into(), json!(role));
        self
    }

    /// No token is needed.
    pub fn open(mut self) -> Self {
        self.body.insert(ROLE.into(), json!("none"));
        self.body.insert("security".into(), json!([]));
        self.body.insert("responses".into(), json!({}));
        self
    }

    /// A parameter of its own.
    pub fn parameter(mut self, place: &str, name: &str, schema: Value, description: &str) -> Self {
        let required = place == "path";
        let mut parameter =
            json!({ "name": name, "in": place, "schema": schema, "description": description });
        if required {
            parameter["required"] = json!(true);
        }
        self.parameters().push(parameter);
        self
    }

    /// A switch in the query.
    pub fn switch(self, name: &str, description: &str) -> Self {
        self.parameter("query", name, json!({ "type": "boolean" }), description)
    }

    /// A parameter that several calls have.
    pub fn shared(mut self, name: &str) -> Self {
        self.parameters().push(json!({ "$ref": format!("#/components/parameters/{name}") }));
        self
    }

    fn parameters(&mut self) -> &mut Vec<Value> {
        let parameters = self.body.entry("parameters").or_insert_with(|| json!([]));
        parameters.as_array_mut().unwrap()
    }

    /// What it takes; whether a body must be sent.
    pub fn takes<T: ToSchema>(mut self, required: bool) -> Self {
        self.types.push(Components::request::<T>);
        let content = json!({ "application/json": { "schema": reference(&T::name()) } });
        self.body.insert("requestBody".into(), json!({ "required": required, "content": content }));
        self
    }

    /// It takes raw bytes, whatever their type.
    pub fn takes_bytes(mut self) -> Self {
        let content = json!({ "*/*": { "schema": { "type": "string" } } });
        self.body.insert("requestBody".into(), json!({ "required": true, "content": content }));
        self
    }

    /// It takes a JSON document, and nothing of it counts.
    pub fn takes_any(mut self) -> Self {
        let content = json!({ "application/json": { "schema": {} } });
        self.body.insert("requestBody".into(), json!({ "required": true, "content": content }));
        self
    }

    /// The path names a release and one of its endpoints.
    pub fn release_and_endpoint(self) -> Self {
        self.release().parameter(
            "path",
            "endpoint",
            json!({ "type": "string" }),
            "The endpoint, `ip:port`, `name:port` or `unix:/path`; what drains is an address.",
        )
    }

    /// The path names a release.
    pub fn release(self) -> Self {
        let release = "The release, by name, or by its id without `apps/` and `/containers`.";
        self.parameter("path", "release", json!({ "type": "string" }), release)
    }

    /// What it answers with this status.
    pub fn answers<T: ToSchema>(mut self, status: u16, description: &str) -> Self {
        self.types.push(Components::answer::<T>);
        self.with(status, description, "application/json", reference(&T::name()))
    }

    /// What it answers with this status, where that is no type of its own.
    pub fn with(mut self, status: u16, description: &str, media_type: &str, schema: Value) -> Self {
        let answer = json!({ "description": description, "content": { media_type: { "schema": schema } } });
        self.responses().insert(status.to_string(), answer);
        self
    }

    /// A type that a description names.
    pub fn mentions<T: ToSchema>(mut self) -> Self {
        self.types.push(Components::answer::<T>);
        self
    }

    /// The last answers carry an ETag.
    pub fn tagged(mut self, statuses: &[u16], description: &str) -> Self {
        for status in statuses {
            let header = json!({ "ETag": { "description": description, "schema": { "type": "string" } } });
            self.responses()[&status.to_string()]["headers"] = header;
        }
        self
    }

    /// Statuses that it refuses with.
    pub fn refuses(mut self, statuses: &[u16]) -> Self {
        for status in statuses {
            let answer = json!({ "$ref": format!("#/components/responses/E{status}") });
            self.responses().insert(status.to_string(), answer);
        }
        self
    }

    /// A refusal of its own, in these words.
    pub fn refuses_as(self, status: u16, description: &str) -> Self {
        self.with(status, description, "application/json", reference("ErrorAnswer"))
    }

    /// A change of an app: its parameters and refusals.
    pub fn command(self) -> Self {
        self.shared("if_match").shared("wait").shared("timeout").refuses(&COMMAND)
    }

    fn responses(&mut self) -> &mut Map<String, Value> {
        self.body["responses"].as_object_mut().unwrap()
    }

    /// What the document says of it; its types go to the components.
    pub fn finish(self, components: &mut Components) -> Value {
        self.types.iter().for_each(|add| drop(add(components)));
        Value::Object(self.body)
    }
}
