//! Two releases with one short name are told apart wherever they are named, and `/metrics` is clean in every state.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::program::{ask, finish};
use support::receiver::{Receiver, hook};
use support::servers::Server;
use support::{Router, echo, eventually, router};

/// Debian's `promtool` finds nothing to say about the page, and the page has no series twice.
#[track_caller]
fn assert_clean(router: &Router, state: &str) {
    let page = router.api().call("GET", "/metrics", None).expect(200).response.text();
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is installed, as tests/run does (package prometheus)");
    promtool.stdin.take().expect("it is a pipe").write_all(page.as_bytes()).expect("promtool reads");
    let output = promtool.wait_with_output().expect("promtool ends");
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success() && said.is_empty(), "{state}: {}", String::from_utf8_lossy(&said));
    let mut series: Vec<&str> = page
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| Some(line.rsplit_once(' ')?.0))
        .collect();
    let all = series.len();
    series.sort_unstable();
    series.dedup();
    assert_eq!(series.len(), all, "{state}: a series twice");
}

/// Sets a track to the release `1.0` of a port.
fn set(router: &Router, track: &str, port: u16, endpoint: &support::Endpoint) -> Value {
    let body = json!({ "release": "1.0", "port": port, "endpoints": [endpoint.address.to_string()] });
    router.api().put(track, &body).expect(200).json()
}

#[test]
fn releases_with_one_short_name_are_told_apart_in_every_state() {
    let (old, new) = (echo("old"), echo("new"));
    let router = router().start();
    assert_clean(&router, "no app");
    let words = ["stable", "set", "1.0", "--app", "hello", "--new", "--port", "3000", "--endpoint"];
    let address = old.address.to_string();
    ask(&router, "operator", &[&words[..], &[address.as_str()]].concat()).expect(0);
    assert_eq!(router.api().state()["stable"]["release"], "1.0", "it is the only one");
    assert_clean(&router, "stable alone");
    let mut receiver = Receiver::start();
    hook(&router, &receiver, json!({}));
    set(&router, "candidate", 8080, &new);
    router.api().put("blend", &json!({ "percent": 50 })).expect(200);
    for _ in 0..20 {
        router.visitor().release();
    }
    let state = router.api().state();
    let names = [&state["stable"]["release"], &state["candidate"]["release"]];
    assert_eq!(names, ["hello-1.0-3000", "hello-1.0-8080"]);
    let shown = ask(&router, "operator", &["status"]).expect(0).out;
    assert!(shown.contains("hello-1.0-3000") && shown.contains("hello-1.0-8080"), "{shown}");
    let metrics = router.api().metrics();
    for name in names {
        let labels = [("release", name.as_str().expect("a name"))];
        assert!(metrics.sum("rolling_release_info", &labels) > 0.9, "{name}");
    }
    assert_clean(&router, "two releases");
    router.api().post("promote", &json!({})).expect(200);
    assert_clean(&router, "promoted");
    let told =
        receiver.wait_for("the promote", |told| told.iter().any(|call| call.body["type"] == "promote"));
    let promote = told.iter().find(|call| call.body["type"] == "promote").expect("it is told");
    let text = promote.body["text"].as_str().expect("a text");
    assert_eq!(text, "hello: maria promoted hello-1.0-8080 to stable, in place of hello-1.0-3000");
    router.api().post("rollback", &json!({})).expect(200);
    assert_clean(&router, "rolled back");
    ask(&router, "operator", &["candidate", "set", "hello-1.0-8080"]).expect(0);
    router.api().post("abort", &json!({})).expect(200);
    assert_clean(&router, "aborted");
    ask(&router, "operator", &["candidate", "set", "1.0"]).expect(4);
}

#[test]
fn the_page_is_clean_while_something_holds_or_fails() {
    let mut server = Server::start("redis-server", 1, |folder, ports| {
        let (port, folder) = (ports[0].to_string(), folder.display().to_string());
        let words = ["--port", &port, "--bind", "127.0.0.1", "--save", "", "--dir", &folder];
        words.map(str::to_owned).to_vec()
    });
    let store = format!("redis://127.0.0.1:{}", server.ports[0]);
    let mut router = router().store(&store).stable("v1").candidate("v2").blend(50).start();
    router.api().put("lock", &json!({ "reason": "a fair" })).expect(200);
    assert_clean(&router, "locked");
    router.api().delete("lock").expect(200);
    let mut visitors: Vec<_> = (0..10).map(|_| router.visitor()).collect();
    visitors.iter_mut().for_each(|visitor| drop(visitor.release()));
    let address = router.endpoint("v2").address;
    router
        .api()
        .put(&format!("releases/v2/endpoints/{address}/drain"), &json!({ "force": true }))
        .expect(200);
    assert_clean(&router, "an endpoint drains");
    router.api().delete(&format!("releases/v2/endpoints/{address}/drain")).expect(200);
    router.api().post("promote", &json!({ "release": "v2" })).expect(200);
    assert_eq!(router.api().state()["draining"][0]["release"], "v1");
    assert_clean(&router, "draining");
    router.api().put("candidate", &json!({ "id": router.api().state()["draining"][0]["id"] })).expect(200);
    server.kill();
    let state =
        || router.api().call("GET", "/api/v1/router", None).expect(200).json()["store"]["state"].clone();
    eventually("the store is down", || state() == "down");
    assert_clean(&router, "store down");
    router.api_as("operator").post("abort", &json!({ "local": true })).expect(200);
    assert_clean(&router, "aborted on this router alone");
    router.start_again();
    assert_clean(&router, "started without its store");
}

#[test]
fn the_time_to_a_table_is_counted_without_a_request() {
    let router = router().stable("v1").start();
    let count = || router.api().metrics().sum("rolling_publish_lag_seconds_count", &[]);
    let before = count();
    router.api().put("sticky", &json!({ "sticky": false })).expect(200);
    eventually("the change is counted", || count() > before);
}

#[test]
fn a_variable_that_nothing_reads_is_named() {
    let mut command = super::program::program();
    let checked = finish(command.arg("check").env("ROLLING_ROUTER_LISTN", "81")).expect(0);
    assert!(checked.out.contains("ROLLING_ROUTER_LISTN"), "{}", checked.out);
    assert!(checked.out.contains("did you mean ROLLING_ROUTER_LISTEN?"), "{}", checked.out);
}
