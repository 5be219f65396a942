//! The live stream, and the metrics.

use std::collections::VecDeque;

use reqwest::Method;
use serde_json::{Value, json};

use super::{Bench, PATIENCE};

/// An open stream.
struct Events {
    response: reqwest::Response,
    text: String,
    ready: VecDeque<(String, Value)>,
}

impl Events {
    async fn open(bench: &Bench, path: &str) -> Self {
        let response = bench.request(Method::GET, path).send().await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, text: String::new(), ready: VecDeque::new() }
    }

    /// The next event of a kind for which a condition holds.
    async fn next(&mut self, kind: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            while let Some((found, data)) = self.ready.pop_front() {
                if found == kind && wanted(&data) {
                    return data;
                }
            }
            let chunk = tokio::time::timeout(PATIENCE, self.response.chunk()).await.expect("an event comes");
            self.text.push_str(&String::from_utf8_lossy(&chunk.unwrap().expect("the stream goes on")));
            while let Some(end) = self.text.find("\n\n") {
                let block: String = self.text.drain(..end + 2).collect();
                let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
                if let (Some(kind), Some(data)) = (field("event: "), field("data: ")) {
                    assert!(field("id: ").is_some());
                    self.ready.push_back((kind.to_owned(), serde_json::from_str(data).unwrap()));
                }
            }
        }
    }
}

#[tokio::test]
async fn pages_see_the_state_at_once_and_every_change() {
    let bench = Bench::start().await.with_stable().await;
    let mut one = Events::open(&bench, "/api/v1/apps/shop/stream").await;
    let mut all = Events::open(&bench, "/api/v1/stream").await;
    assert_eq!(one.next("state", |_| true).await["seq"], 1);
    assert_eq!(all.next("state", |_| true).await["app"], "shop");
    bench.set("candidate", "1.1").await;
    bench.ok(Method::PUT, "/api/v1/apps/shop/blend", json!({ "percent": 30 })).await;
    one.next("state", |state| state["blend"] == 30).await;
    all.next("state", |state| state["blend"] == 30).await;
    let activity = one.next("activity", |_| true).await;
    assert_eq!(activity["endpoints"]["127.0.0.1:9001"]["in_flight"], 0);
    bench.ok(Method::DELETE, "/api/v1/apps/shop?force=true", Value::Null).await;
    all.next("gone", |data| data["app"] == "shop").await;
}

#[tokio::test]
async fn streams_end_when_the_router_stops() {
    let bench = Bench::start().await.with_stable().await;
    let mut events = Events::open(&bench, "/api/v1/stream").await;
    events.next("state", |_| true).await;
    let Bench { control, .. } = bench;
    tokio::time::timeout(PATIENCE, control.stop()).await.expect("it stops in time");
}

#[tokio::test]
async fn every_line_of_the_metrics_is_a_comment_or_a_sample() {
    let bench = Bench::start().await.with_stable().await;
    let text = bench.client.get(bench.url("/metrics")).send().await.unwrap().text().await.unwrap();
    let mut described = std::collections::HashSet::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            assert!(described.insert(rest.split(' ').next().unwrap()), "{line}");
            continue;
        }
        if line.starts_with("# HELP ") {
            continue;
        }
        let (name, value) = line.rsplit_once(' ').unwrap();
        assert!(value == "+Inf" || value.parse::<f64>().is_ok(), "{line}");
        let name = name.split('{').next().unwrap();
        let family = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
        assert!(
            described.contains(name) || family.is_some_and(|family| described.contains(family)),
            "{line}"
        );
    }
    assert!(text.contains("rolling_seq{app=\"shop\"} 1\n"), "{text}");
    assert!(text.contains("rolling_store_state{state=\"current\"} 1\n"), "{text}");
}
