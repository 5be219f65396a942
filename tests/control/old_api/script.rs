//! The script, run as it is: `deploy.sh`. Its `sleep` is a short one; else it would take minutes.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use support::router::token;
use support::{Endpoint, Router, echo, eventually, router};
use tempfile::TempDir;

use super::{call, deployed, release};

/// A run of the script.
struct Run {
    child: Child,
    _shims: TempDir,
}

/// What a run came to.
struct Ended {
    code: Option<i32>,
    said: String,
}

impl Run {
    fn start(router: &Router, app: &str, further: &str) -> Self {
        let shims = tempfile::tempdir().expect("a temporary directory can be made");
        let sleep = shims.path().join("sleep");
        fs::write(&sleep, "#!/bin/sh\nexec /bin/sleep 0.1\n").expect("it can be written");
        fs::set_permissions(&sleep, fs::Permissions::from_mode(0o755)).expect("it can be made a program");
        let path = format!("{}:{}", shims.path().display(), std::env::var("PATH").expect("there is a path"));
        let child = Command::new("bash")
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/control/old_api/deploy.sh"))
            .env("PATH", path)
            .env("API_TOKEN", token("ci"))
            .env("MANAGER", format!("http://{}", router.admin))
            .env("APP_NAME", app)
            .env("APP_LABEL", "Gr\u{fc}n")
            .env("PORT", "80")
            .env("FURTHER", further)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("bash can be started");
        Self { child, _shims: shims }
    }

    fn end(self) -> Ended {
        let output = self.child.wait_with_output().expect("it ends");
        let said = [output.stdout, output.stderr].concat();
        Ended { code: output.status.code(), said: String::from_utf8_lossy(&said).into_owned() }
    }
}

/// The newest deployment besides this one, once there is one.
fn new_deployment(router: &Router, other: &str) -> Value {
    let mut found = Value::Null;
    eventually("the script has made its deployment", || {
        let all = call(&router.api(), "GET", "deployments/", None).expect(200).json();
        let listed = all["deployments"].as_array().cloned().unwrap_or_default();
        found = listed.into_iter().find(|it| it["deployment_id"] != other).unwrap_or_default();
        found.is_object()
    });
    found
}

/// What the scheduler of the script's system did: it registered what it had started.
fn register(router: &Router, id: &str) -> Endpoint {
    let endpoint = echo(id);
    let key = format!("{}/{}", release(id), "4f1c9a");
    router.api().kv_put(&key, &endpoint.address.to_string()).expect(200);
    endpoint
}

fn id_of(deployment: &Value) -> String {
    deployment["deployment_id"].as_str().expect("an id").to_owned()
}

/// Runs the script, and registers what it deploys.
fn run(router: &Router, app: &str, other: &str) -> (Ended, String, Endpoint) {
    let run = Run::start(router, app, "");
    let deployment = new_deployment(router, other);
    assert_eq!(deployment["current_state"], 0, "nothing is registered yet: {deployment}");
    let id = id_of(&deployment);
    let endpoint = register(router, &id);
    (run.end(), id, endpoint)
}

#[test]
fn without_an_earlier_candidate_it_deploys_and_removes_nothing() {
    let router = router().stable("v1").start();
    assert_eq!(router.api().kv_get("rolling/hello/candidate/id"), "rolling/null");
    let (ended, id, _endpoint) = run(&router, "hello", "");
    assert_eq!(ended.code, Some(0), "{}", ended.said);
    assert!(ended.said.contains("nothing to remove: rolling/null"), "{}", ended.said);
    let state = router.api().state();
    assert_eq!((&state["candidate"]["id"], &state["blend"]), (&release(&id).into(), &0.into()));
    let kept = call(&router.api(), "GET", &format!("deployments/{id}"), None).expect(200).json();
    assert_eq!(kept["deployment"]["current_state"], 1);
}

#[test]
fn the_earlier_candidate_is_stopped_and_removed_with_its_endpoints() {
    let router = router().stable("v1").start();
    router.api().put("settings", &json!({ "drainseconds": 1, "drainmaxseconds": 1 })).expect(200);
    deployed(&router.api_as("ci"), "hello-1");
    let _old = register(&router, "hello-1");
    router.api().kv_put("rolling/hello/candidate/id", &release("hello-1")).expect(200);
    let (ended, id, _new) = run(&router, "hello", "hello-1");
    assert_eq!(ended.code, Some(0), "{}", ended.said);
    // A raw write makes the old candidate drain: the script waits until that is over.
    assert!(ended.said.contains("removed: hello-1") && !ended.said.contains("not removed"), "{}", ended.said);
    assert_eq!(router.api().state()["candidate"]["id"], release(&id));
    call(&router.api(), "GET", "deployments/hello-1", None).expect(404);
    let left = router.api().raw("GET", "/api/kv/apps/app-hello-1-80?keys=true", None, "").expect(200).json();
    assert_eq!(left, Value::Array(Vec::new()), "no key is left");
}

#[test]
fn a_missing_key_names_no_deployment_and_none_is_removed() {
    let router = router().stable("v1").start();
    deployed(&router.api_as("ci"), "hello-1");
    let (ended, id, _endpoint) = run(&router, "fresh", "hello-1");
    assert_eq!(ended.code, Some(0), "{}", ended.said);
    assert!(ended.said.contains("not removed:"), "{}", ended.said);
    for kept in ["hello-1", &id] {
        call(&router.api(), "GET", &format!("deployments/{kept}"), None).expect(200);
    }
    assert_eq!(router.api().app("fresh").state()["candidate"]["id"], release(&id));
}

#[test]
fn what_does_not_come_up_is_given_up_and_changes_nothing() {
    let router = router().stable("v1").candidate("v2").blend(10).start();
    let seq = router.api().state()["seq"].clone();
    for further in ["", "    privileged: true\\n"] {
        let ended = Run::start(&router, "hello", further).end();
        assert_eq!(ended.code, Some(1), "{further:?}: {}", ended.said);
        assert_eq!(ended.said.contains("privileged"), !further.is_empty(), "{}", ended.said);
        assert_eq!(router.api().state()["seq"], seq);
    }
}
