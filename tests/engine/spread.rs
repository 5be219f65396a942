//! A deployment that is spread over two engines: its containers stand on both, and each is replaced where it stood.

use std::{collections::BTreeMap, process::Command};

use serde_json::{Value, json};
use support::servers::engine::{TestEngine, shared};

use super::deploy_scene::{containers, deployment, run};

/// Copies an image from one engine to another: as a registry would give the same to both.
fn copy(from: &TestEngine, to: &TestEngine, image: &str) {
    let (from, to) = (from.socket(), to.socket());
    let script = format!(
        "curl -sf --unix-socket {} http://engine/images/{image}/get | \
         curl -sf --unix-socket {} -X POST -H 'Content-Type: application/x-tar' --data-binary @- http://engine/images/load",
        from.display(),
        to.display()
    );
    let done = Command::new("sh").args(["-c", &script]).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// How many containers each engine has, as the deployment says.
fn places(deployment: &Value) -> BTreeMap<String, usize> {
    let mut places = BTreeMap::new();
    for container in deployment["containers"].as_array().unwrap() {
        *places.entry(container["engine"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    places
}

#[test]
fn containers_are_spread_over_two_engines_and_replaced_where_they_stood() {
    let (one, other) = (shared(), TestEngine::start(256));
    one.image("deploy-spread:1", &["RELEASE=s1"]);
    copy(one, &other, "deploy-spread:1");
    let table = |name: &str, test: &TestEngine| {
        let (url, address) = (test.url(), test.address);
        format!(
            "[engines.{name}]\naddress = \"{url}\"\nhost = \"{address}\"\nallowed_images = [\"deploy-spread\"]\n"
        )
    };
    let file = one.folder.join("spread.toml");
    std::fs::write(&file, table("node1", one) + &table("node2", &other)).unwrap();
    let router = support::router().flag("--config").flag(&file.display().to_string()).start();
    let words = ["deploy", "--new", "--image", "deploy-spread:1", "--release", "spread", "--replicas", "4"];
    let ran = run(&router, "operator", &words);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    let even: BTreeMap<String, usize> = [("node1".to_owned(), 2), ("node2".to_owned(), 2)].into();
    let now = deployment(&router.api(), "hello-spread");
    assert_eq!((&now["engine"], places(&now)), (&json!("spread"), even.clone()));
    router.api().post("promote", &json!({})).expect(200);
    let recycled = run(&router, "operator", &["recycle", "spread", "--drain", "1s", "--parallel", "2"]);
    assert_eq!(recycled.code, Some(0), "{}{}", recycled.out, recycled.err);
    assert_eq!(places(&deployment(&router.api(), "hello-spread")), even);
    for engine in [one, &other] {
        assert_eq!(containers(engine, "hello-spread").len(), 2);
    }
    router.api().call("DELETE", "/api/v1/apps/hello?force=true", None).expect(200);
    support::eventually("nothing is left at either", || {
        [one, &other].iter().all(|engine| containers(engine, "hello-spread").is_empty())
    });
}
