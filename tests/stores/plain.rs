//! Servers that have keys and values and no commits, in the shapes of Consul and of the Oracle Container Cloud.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::clock::within;
use support::{Endpoint, ReceivedMessage, Reply, scripted};

/// Which server it is like.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// `/v1/kv/` with indexes; a question with `index` waits for another one.
    Consul,
    /// `/api/kv/`, for the holder of the token, without any index.
    ContainerCloud,
}

/// The token of the Container Cloud's server.
pub const TOKEN: &str = "739efc33-16921bbc";

/// A running server; it ends when dropped.
pub struct Plain {
    /// Where it listens.
    pub endpoint: Endpoint,
    keys: Arc<Mutex<Keys>>,
}

#[derive(Default)]
struct Keys {
    index: u64,
    /// Value and index of the write.
    values: BTreeMap<String, (String, u64)>,
}

impl Plain {
    /// A server without keys.
    pub fn start(shape: Shape) -> Self {
        let keys = Arc::new(Mutex::new(Keys { index: 11, ..Keys::default() }));
        let held = Arc::clone(&keys);
        let endpoint = scripted(move |request| match shape {
            Shape::Consul => consul(&held, request),
            Shape::ContainerCloud => container_cloud(&held, request),
        });
        Self { endpoint, keys }
    }

    /// Writes a key, as a script does.
    pub fn put(&self, key: &str, value: &str) {
        let mut keys = self.keys.lock().unwrap();
        keys.index += 1;
        let index = keys.index;
        keys.values.insert(key.to_owned(), (value.to_owned(), index));
    }

    /// Loses everything.
    pub fn clear(&self) {
        let mut keys = self.keys.lock().unwrap();
        keys.index += 1;
        keys.values.clear();
    }
}

fn items(keys: &Keys, indexed: bool) -> Value {
    let item = |(key, (value, index)): (&String, &(String, u64))| {
        let mut item = json!({ "Key": key, "Flags": 0, "Value": BASE64_STANDARD.encode(value) });
        if indexed {
            item["LockIndex"] = json!(0);
            item["CreateIndex"] = json!(index);
            item["ModifyIndex"] = json!(index);
        }
        item
    };
    keys.values.iter().map(item).collect()
}

fn consul(keys: &Mutex<Keys>, request: &ReceivedMessage) -> Reply {
    let target = request.target();
    let Some(query) = target.strip_prefix("/v1/kv/?recurse=true") else { return missing() };
    let known = query.strip_prefix("&index=").and_then(|rest| rest.split('&').next()?.parse::<u64>().ok());
    within(Duration::from_secs(1), || known.is_none_or(|known| keys.lock().unwrap().index != known));
    let keys = keys.lock().unwrap();
    let index = keys.index.to_string();
    let headers = [("Content-Type", "application/json"), ("X-Consul-Index", index.as_str())];
    if keys.values.is_empty() {
        return Reply::response("404 Not Found", &headers, b"");
    }
    Reply::response("200 OK", &headers, items(&keys, true).to_string().as_bytes())
}

fn container_cloud(keys: &Mutex<Keys>, request: &ReceivedMessage) -> Reply {
    if request.target() != "/api/kv/?recurse=true" {
        return missing();
    }
    if request.header("authorization") != Some(&format!("Bearer {TOKEN}")) {
        return Reply::response("401 Unauthorized", &[], b"");
    }
    let body = items(&keys.lock().unwrap(), false).to_string();
    Reply::response("200 OK", &[("Content-Type", "application/json")], body.as_bytes())
}

fn missing() -> Reply {
    Reply::response("404 Not Found", &[], b"404 page not found")
}
