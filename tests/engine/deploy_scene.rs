//! What the tests of deployments begin with: a router with an engine, the command line as a pipeline uses it, and what is so.

use std::process::Command;

use serde_json::Value;
use support::{Api, Router, binary, router::token, servers::engine::TestEngine};

/// A router that may run every image of the engine whose name begins with `deploy`. Its store survives it.
pub fn deploying(test: &TestEngine, images: &str) -> Router {
    let (url, address) = (test.url(), test.address);
    let table = format!(
        "[engines.node1]\naddress = \"{url}\"\nhost = \"{address}\"\nallowed_images = [\"{images}\"]\n"
    );
    let file = test.folder.join(format!("deploying-{:?}.toml", std::thread::current().id()));
    std::fs::write(&file, table).unwrap();
    support::router().durable().flag("--config").flag(&file.display().to_string()).start()
}

/// What a verb of the command line came to.
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

pub fn run(router: &Router, role: &str, words: &[&str]) -> Ran {
    let output = Command::new(binary())
        .args(words)
        .args(["--admin", &format!("http://{}", router.admin), "--token", token(role), "--app", "hello"])
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ran { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
}

pub fn deployment(api: &Api, id: &str) -> Value {
    api.get(&format!("deployments/{id}")).json()
}

/// The names of the containers of a deployment at the engine.
pub fn containers(test: &TestEngine, id: &str) -> Vec<String> {
    listed(test, id, true)
}

/// The names of those that run.
pub fn running(test: &TestEngine, id: &str) -> Vec<String> {
    listed(test, id, false)
}

fn listed(test: &TestEngine, id: &str, all: bool) -> Vec<String> {
    let filters = format!("%7B%22label%22%3A%5B%22rolling.deployment%3D{id}%22%5D%7D");
    let listed = test.call("GET", &format!("/containers/json?all={all}&filters={filters}"), None);
    let name = |one: &Value| one["Names"][0].as_str().unwrap_or_default().trim_start_matches('/').to_owned();
    let mut names: Vec<String> = listed.as_array().unwrap().iter().map(name).collect();
    names.sort();
    names
}

/// The names that a deployment says its containers have.
pub fn named(deployment: &Value) -> Vec<String> {
    let all = deployment["containers"].as_array().unwrap().iter();
    all.map(|container| container["name"].as_str().unwrap().to_owned()).collect()
}
