//! What people look at: logs of containers, and the tables of what runs where.

use std::{fs, process::Command};

use serde_json::json;
use support::{Router, binary, eventually, router::token, servers::engine::shared};

use super::deploy_scene::{containers, deploying, deployment, named, run};

/// What a verb that is about no app prints.
fn run_plain(router: &Router, verb: &str) -> String {
    let output = Command::new(binary())
        .arg(verb)
        .args(["--admin", &format!("http://{}", router.admin), "--token", token("operator")])
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn logs_are_shown_followed_and_written_to_a_file() {
    let test = shared();
    test.image("deploy-logs:1", &["RELEASE=w1"]);
    let router = deploying(test, "deploy-logs");
    let words = ["deploy", "--new", "--image", "deploy-logs:1", "--release", "logs", "--replicas", "2"];
    assert_eq!(run(&router, "ci", &words).code, Some(0));
    let shown = run(&router, "ci", &["logs", "logs"]);
    let mut lines: Vec<&str> = shown.out.lines().collect();
    lines.sort_unstable();
    assert_eq!(
        (shown.code, lines),
        (Some(0), vec!["0 | listening on 80", "1 | listening on 80"]),
        "{}",
        shown.err
    );
    assert_eq!(run(&router, "viewer", &["logs", "logs"]).code, Some(5), "logs may hold secrets");
    assert_eq!(run(&router, "ci", &["logs", "other"]).code, Some(4));
    router.api().call("GET", "/api/v1/apps/hello/deployments/hello-logs/logs?tail=0", None).expect(422);
    // A file gets what comes later, too.
    let (folder, names) = (tempfile::tempdir().unwrap(), containers(test, "hello-logs"));
    let file = folder.path().join("hello.log");
    let mut follower = Command::new(binary())
        .args(["logs", "hello-logs", "--follow", "--since", "1h", "--to"])
        .arg(&file)
        .args(["--admin", &format!("http://{}", router.admin), "--token", token("ci"), "--app", "hello"])
        .spawn()
        .unwrap();
    let has = |words: &str| fs::read_to_string(&file).unwrap_or_default().contains(words);
    eventually("what was written is there", || has("0 | listening on 80") && has("1 | listening on 80"));
    test.call("POST", &format!("/containers/{}/kill?signal=HUP", names[1]), None);
    eventually("what is written later is there", || has("1 | goes on after signal 1"));
    router.api().post("abort", &json!({})).expect(200);
    let gone = run(&router, "operator", &["terminate", "logs"]);
    assert_eq!(gone.code, Some(0), "{}{}", gone.out, gone.err);
    assert!(follower.wait().unwrap().success(), "it ends with the containers");
}

#[test]
fn services_and_nodes_are_tables_and_tell_what_is_gone() {
    let test = shared();
    test.image("deploy-table:1", &["RELEASE=w1"]);
    let router = deploying(test, "deploy-table");
    assert_eq!(
        run(&router, "ci", &["deploy", "--new", "--image", "deploy-table:1", "--release", "table"]).code,
        Some(0)
    );
    let api = router.api();
    let now = deployment(&api, "hello-table");
    let name = &named(&now)[0];
    let table = run_plain(&router, "services");
    let row = table.lines().find(|line| line.starts_with(name.as_str())).unwrap_or_else(|| panic!("{table}"));
    let address = now["containers"][0]["address"].as_str().unwrap();
    for word in ["deploy-table:1", "running", &format!("http://{address}"), "node1", "80"] {
        assert!(row.contains(word), "{word} in {row}");
    }
    let services = api.call("GET", "/api/v1/services", None).expect(200).json();
    assert_eq!(services["services"][0]["id"].as_str().map(str::len), Some(64), "{services}");
    let nodes = run_plain(&router, "nodes");
    assert!(nodes.contains("node1") && nodes.contains("answers") && nodes.contains(&test.url()), "{nodes}");
    test.remove(name);
    let status = || api.call("GET", "/api/v1/services", None).json()["services"][0]["status"].clone();
    eventually("it is made anew", || status() == "running");
    containers(test, "hello-table").iter().for_each(|name| test.remove(name));
}
