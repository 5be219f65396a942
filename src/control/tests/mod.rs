//! The control plane as its callers meet it: the real memory or embedded store, real sockets, no data plane.

mod access;
mod apps;
mod endpoints;
mod fleet;
mod following;
mod hooks;
mod local_abort;
mod previews;
mod refusals;
mod releasing;
mod sizes;
mod streaming;
mod versions;

use std::{
    net::{SocketAddr, TcpListener},
    path::Path,
    sync::Arc,
    time::Duration,
};

use keyvalues::{Memory, Store, Write};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    clock::Clock,
    control::{Control, ControlOptions, RouterOptions, Surroundings},
    live::table::LiveTable,
    rollout::target::ReleaseIndex,
    telemetry::counters::Counters,
};

/// One token per role.
const TOKENS: &str =
    "root-token root admin\nmaria-token maria operator\nci-token ci-main ci\nguest-token guest viewer\n";

/// How long a condition may take to come true.
const PATIENCE: Duration = Duration::from_secs(60);

/// A control plane with its store.
struct Bench {
    control: Control,
    store: Arc<dyn Store>,
    live: Arc<LiveTable>,
    clock: Clock,
    token: &'static str,
    client: reqwest::Client,
    _dir: tempfile::TempDir,
}

impl Bench {
    /// With an empty memory store.
    async fn start() -> Self {
        Self::on(Arc::new(Memory::new()), None, Clock::system()).await
    }

    async fn on(store: Arc<dyn Store>, state: Option<&Path>, clock: Clock) -> Self {
        let bench = Self::begin(store, state, clock);
        tokio::time::timeout(PATIENCE, bench.control.first_table()).await.expect("a table is published");
        bench
    }

    /// Started, and nothing waited for.
    fn begin(store: Arc<dyn Store>, state: Option<&Path>, clock: Clock) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let token_file = dir.path().join("tokens");
        std::fs::write(&token_file, TOKENS).unwrap();
        let live = Arc::new(LiveTable::new(1));
        let options = ControlOptions {
            router: RouterOptions { store_kind: "memory".into(), ..RouterOptions::default() },
            admin: vec![TcpListener::bind("127.0.0.1:0").unwrap()],
            token_file: Some(token_file),
            state: state.map(Path::to_owned),
            ..ControlOptions::default()
        };
        let (counters, clock_too) = (Counters::new(1), clock.clone());
        let (store_too, live_too) = (Arc::clone(&store), Arc::clone(&live));
        let surroundings = Surroundings { store: store_too, live: live_too, clock: clock_too, counters };
        let control = Control::start(options, surroundings).unwrap();
        let client = reqwest::Client::new();
        Self { control, store, live, clock, token: "maria-token", client, _dir: dir }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.control.addresses()[0])
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, self.url(path)).bearer_auth(self.token)
    }

    /// Any call with JSON.
    async fn call(&self, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
        let request = self.request(method, path);
        let request = if body.is_null() { request } else { request.json(&body) };
        answer(request).await
    }

    /// A call that must succeed.
    async fn ok(&self, method: Method, path: &str, body: Value) -> Value {
        let (status, value) = self.call(method.clone(), path, body).await;
        assert_eq!(status, StatusCode::OK, "{method} {path}: {value}");
        value
    }

    async fn state(&self) -> Value {
        self.ok(Method::GET, "/api/v1/apps/shop", Value::Null).await
    }

    /// `curl -X PUT -d value`, as an old script does.
    async fn kv(&self, key: &str, value: &str) -> (StatusCode, String) {
        let request = self.request(Method::PUT, &format!("/api/kv/{key}"));
        let form = "application/x-www-form-urlencoded";
        let response = request.header("Content-Type", form).body(value.to_owned()).send().await.unwrap();
        (response.status(), response.text().await.unwrap())
    }

    /// Writes in the store itself, as a script of the old setup does.
    async fn write_in_store(&self, key: &str, value: &str) {
        let write = Write::put(key.parse().unwrap(), value.to_owned());
        self.store.commit(Vec::new(), vec![write]).await.unwrap();
    }

    /// What is stored at a key, as text.
    async fn stored(&self, key: &str) -> Option<String> {
        let entry = self.store.get(&key.parse().unwrap()).await.unwrap()?;
        Some(String::from_utf8_lossy(&entry.value).into_owned())
    }

    /// An app `shop` with a stable release that has one endpoint.
    async fn with_stable(self) -> Self {
        self.set("stable", "1.0").await;
        self
    }

    /// Puts a release of one endpoint on a track.
    async fn set(&self, track: &str, release: &str) -> Value {
        // Nothing listens there.
        let force = track == "stable";
        let body = json!({ "release": release, "endpoints": ["127.0.0.1:9001"], "force": force });
        self.ok(Method::PUT, &format!("/api/v1/apps/shop/{track}"), body).await
    }

    /// The releases that requests are routed by: stable and candidate.
    fn routed(&self) -> (Option<String>, Option<String>) {
        let published = self.live.load();
        let Some(app) = published.table.apps.get("shop") else { return (None, None) };
        let name = |index: Option<ReleaseIndex>| index.map(|index| app.release(index).id.name().to_owned());
        (name(app.stable), name(app.candidate))
    }
}

async fn answer(request: reqwest::RequestBuilder) -> (StatusCode, Value) {
    let response = request.send().await.unwrap();
    let status = response.status();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

/// Waits until a condition holds.
async fn eventually(what: &str, condition: impl AsyncFn() -> bool) {
    let tries = PATIENCE.as_millis() / 10;
    for _ in 0..tries {
        if condition().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("this did not come true: {what}");
}

/// An endpoint that accepts connections, until it is dropped.
fn accepting() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

/// An address that refuses connections.
fn refusing() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn id(release: &str) -> String {
    format!("apps/shop-{release}-80/containers")
}
