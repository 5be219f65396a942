//! What the containers of a deployment may use of their engine's host.

use serde_json::json;
use support::servers::engine::shared;

use super::deploy_scene::{containers, deploying, deployment, run};

#[test]
fn a_container_gets_the_memory_and_the_processors_that_were_asked_for_also_anew() {
    let test = shared();
    test.image("deploy-limited:1", &["RELEASE=w1"]);
    let router = deploying(test, "deploy-limited");
    let deploy = ["deploy", "--new", "--image", "deploy-limited:1", "--release", "limited"];
    for (further, words) in [
        (["--memory", "1M"], "6291456 bytes (6 MiB) or more"),
        (["--memory", "lots"], "256M or 1G"),
        (["--cpus", "0.001"], "thousandths of a processor"),
        (["--cpus", "nan"], "0.5 or 2"),
    ] {
        let ran = run(&router, "ci", &[&deploy[..], &further].concat());
        assert!(ran.code != Some(0) && ran.err.contains(words), "{further:?}: {}", ran.err);
    }
    let ran = run(&router, "ci", &[&deploy[..], &["--memory", "64M", "--cpus", "0.5"]].concat());
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    let now = deployment(&router.api(), "hello-limited");
    assert_eq!((&now["memory"], &now["cpus"]), (&json!(67_108_864), &json!(0.5)), "{now}");
    let of_host = || {
        let names = containers(test, "hello-limited");
        let host = test.call("GET", &format!("/containers/{}/json", names[0]), None)["HostConfig"].clone();
        (names.len(), host["Memory"].clone(), host["NanoCpus"].clone())
    };
    let expected = (1, json!(67_108_864), json!(500_000_000));
    assert_eq!(of_host(), expected);
    let anew = run(&router, "ci", &["recycle", "limited", "--drain", "1s"]);
    assert_eq!(anew.code, Some(0), "{}{}", anew.out, anew.err);
    assert_eq!(of_host(), expected);
    containers(test, "hello-limited").iter().for_each(|name| test.remove(name));
}
