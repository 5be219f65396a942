//! Deployments end to end: a real router, a real engine, and the command line as a pipeline uses it.

use std::{process::Command, time::Duration};

use serde_json::{Value, json};
use support::{
    Api, Router, binary,
    clock::Deadline,
    eventually,
    router::token,
    servers::engine::{TestEngine, shared},
    traffic::Traffic,
};

/// A router that may run every image of the engine whose name begins with `deploy`. Its store survives it.
fn deploying(test: &TestEngine, images: &str) -> Router {
    let (url, address) = (test.url(), test.address);
    let table = format!(
        "[engines.node1]\naddress = \"{url}\"\nhost = \"{address}\"\nallowed_images = [\"{images}\"]\n"
    );
    let file = test.folder.join(format!("deploying-{:?}.toml", std::thread::current().id()));
    std::fs::write(&file, table).unwrap();
    support::router().durable().flag("--config").flag(&file.display().to_string()).start()
}

/// What a verb of the command line came to.
struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

fn run(router: &Router, role: &str, words: &[&str]) -> Ran {
    let output = Command::new(binary())
        .args(words)
        .args(["--admin", &format!("http://{}", router.admin), "--token", token(role), "--app", "hello"])
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ran { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
}

fn deployment(api: &Api, id: &str) -> Value {
    api.get(&format!("deployments/{id}")).json()
}

/// The names of the containers of an app's deployments at the engine.
fn containers(test: &TestEngine, id: &str) -> Vec<String> {
    let filters = format!("%7B%22label%22%3A%5B%22rolling.deployment%3D{id}%22%5D%7D");
    let listed = test.call("GET", &format!("/containers/json?all=true&filters={filters}"), None);
    let name = |one: &Value| one["Names"][0].as_str().unwrap_or_default().trim_start_matches('/').to_owned();
    let mut names: Vec<String> = listed.as_array().unwrap().iter().map(name).collect();
    names.sort();
    names
}

/// The names that a deployment says its containers have.
fn named(deployment: &Value) -> Vec<String> {
    let all = deployment["containers"].as_array().unwrap().iter();
    all.map(|container| container["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn an_image_becomes_a_candidate_and_a_stable_release_and_goes() {
    let test = shared();
    test.image("deploy-way:1", &["RELEASE=w1"]);
    test.image("deploy-way:2", &["RELEASE=w2"]);
    let router = deploying(test, "deploy-way");
    let api = router.api();
    let one = [
        "deploy",
        "--new",
        "--image",
        "deploy-way:1",
        "--release",
        "w1",
        "--replicas",
        "2",
        "--env",
        "KEY=hunter2",
    ];
    let ran = run(&router, "ci", &one);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    for step in
        ["pull the image", "make container 1", "start container 0", "set the candidate", "hello-w1 serves"]
    {
        assert!(ran.out.contains(step), "{step} in {}", ran.out);
    }
    assert_eq!(api.state()["candidate"]["id"], "apps/hello-w1-80/containers");
    api.post("promote", &json!({})).expect(200);
    let traffic = Traffic::start(&router, 8);
    let ran = run(
        &router,
        "operator",
        &["deploy", "--image", "deploy-way:2", "--release", "w2", "--blend", "50", "--json"],
    );
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    let lines: Vec<Value> = ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.last().unwrap()["state"], "serving");
    assert_eq!(
        (&api.state()["candidate"]["id"], &api.state()["blend"]),
        (&json!("apps/hello-w2-80/containers"), &json!(50))
    );
    // What is on a track is neither stopped nor removed.
    for verb in ["stop", "terminate"] {
        let refused = run(&router, "operator", &[verb, "w1"]);
        assert_eq!(refused.code, Some(4), "{verb}: {}", refused.out);
        assert!(refused.err.contains("stable"), "{}", refused.err);
    }
    let scaled = run(&router, "operator", &["scale", "w2", "--replicas", "3"]);
    assert_eq!(scaled.code, Some(0), "{}{}", scaled.out, scaled.err);
    assert_eq!(containers(test, "hello-w2").len(), 3);
    let failures: Vec<String> = traffic.stop().into_iter().flat_map(|life| life.failures).collect();
    assert_eq!(failures, Vec::<String>::new());
    api.post("abort", &json!({})).expect(200);
    let gone = run(&router, "operator", &["terminate", "w2"]);
    assert_eq!(gone.code, Some(0), "{}{}", gone.out, gone.err);
    assert_eq!(containers(test, "hello-w2"), Vec::<String>::new());
    api.get("deployments/hello-w2").expect(404);
    let left =
        router.api_as("admin").raw("GET", "/api/kv/apps/?keys=true", None, "").expect(200).response.text();
    assert!(!left.contains("hello-w2"), "{left}");
    let shown = api.get("deployments").expect(200).response.text();
    assert!(
        shown.contains("KEY") && !shown.contains("hunter2") && !router.log().contains("hunter2"),
        "{shown}"
    );
    containers(test, "hello-w1").iter().for_each(|name| test.remove(name));
}

#[test]
fn what_does_not_come_up_changes_nothing_and_its_last_words_are_told() {
    let test = shared();
    test.image("deploy-bad:1", &["RELEASE=v1"]);
    let router = deploying(test, "deploy-bad");
    let api = router.api();
    let ran = run(&router, "ci", &["deploy", "--new", "--image", "deploy-bad:1", "--release", "b1"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    let seq = api.state()["seq"].clone();
    for (release, more, why) in [
        ("dies", &["--image", "deploy-bad:1", "--env", "DIE=no database"][..], "no database"),
        ("ails", &["--image", "deploy-bad:1", "--env", "PORT=81", "--timeout", "3s"], "health check"),
        ("none", &["--image", "deploy-bad:none"], "deploy-bad"),
        ("taken", &["--image", "deploy-bad:1", "--host-port", "5999", "--replicas", "2"], "5999"),
    ] {
        let words = [&["deploy", "--release", release][..], more].concat();
        let ran = run(&router, "ci", &words);
        assert_eq!(ran.code, Some(4), "{release}: {}{}", ran.out, ran.err);
        assert!(ran.err.contains(why), "{release}: {}{}", ran.out, ran.err);
        assert_eq!(containers(test, &format!("hello-{release}")), Vec::<String>::new(), "{release}");
        assert_eq!(deployment(&api, &format!("hello-{release}"))["state"], "failed");
    }
    let state = api.state();
    assert_eq!((&state["seq"], &state["candidate"]["id"]), (&seq, &json!("apps/hello-b1-80/containers")));
    // Once it can, it comes up under the same name.
    let ran =
        run(&router, "ci", &["deploy", "--image", "deploy-bad:1", "--release", "dies", "--replicas", "1"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    for release in ["b1", "dies"] {
        containers(test, &format!("hello-{release}")).iter().for_each(|name| test.remove(name));
    }
}

#[test]
fn what_the_configuration_does_not_allow_is_refused_and_nothing_is_stored() {
    let test = shared();
    let router = deploying(test, "deploy-allowed");
    let api = router.api_as("ci");
    api.put("", &json!({})).expect(200);
    for (field, body) in [
        ("image", json!({ "image": "deploy-allowedevil:1" })),
        ("image", json!({ "image": "evil.example/deploy-allowed" })),
        ("image", json!({ "image": "A B" })),
        ("network", json!({ "image": "deploy-allowed", "network": "host" })),
        ("volume", json!({ "image": "deploy-allowed", "volumes": ["/:/host"] })),
        ("volume", json!({ "image": "deploy-allowed", "volumes": ["secrets:/data"] })),
        ("environment", json!({ "image": "deploy-allowed", "environment": { "A=B": "hunter2" } })),
        ("replicas", json!({ "image": "deploy-allowed", "replicas": 0 })),
        ("replicas", json!({ "image": "deploy-allowed", "replicas": 1_000 })),
        ("port", json!({ "image": "deploy-allowed", "port": 0 })),
        ("release", json!({ "image": "deploy-allowed", "release": "a/b" })),
        ("timeout", json!({ "image": "deploy-allowed", "timeout": 0 })),
        ("engine", json!({ "image": "deploy-allowed", "engine": "node9" })),
        ("health_path", json!({ "image": "deploy-allowed", "health_path": "no" })),
    ] {
        let refused = api.post("deployments", &body).expect(422);
        let said = refused.response.text();
        assert!(said.contains(field) && !said.contains("hunter2"), "{body}: {said}");
    }
    assert_eq!(api.get("deployments").expect(200).json()["deployments"], json!([]));
    router.api_as("viewer").post("deployments", &json!({ "image": "deploy-allowed" })).expect(403);
}

#[test]
fn a_repeat_with_its_key_deploys_once() {
    let test = shared();
    test.image("deploy-once:1", &["RELEASE=v1"]);
    let router = deploying(test, "deploy-once");
    let api = router.api_as("ci");
    let body = json!({ "image": "deploy-once:1" }).to_string();
    let post = |key: &str, body: &str| {
        let headers = format!("Idempotency-Key: {key}\r\n");
        api.raw(
            "POST",
            "/api/v1/apps/hello/deployments",
            Some(("application/json", body.as_bytes())),
            &headers,
        )
    };
    let first = post("build-7", &body).expect(201).json();
    let second = post("build-7", &body).expect(201).json();
    assert_eq!((&first["id"], &second["result"]), (&second["id"], &json!("unchanged")));
    post("build-7", &json!({ "image": "deploy-once:2" }).to_string()).expect(409);
    assert_eq!(api.get("deployments").json()["deployments"].as_array().map(Vec::len), Some(1));
    let id = first["id"].as_str().unwrap().to_owned();
    eventually("it serves", || deployment(&api, &id)["state"] == "serving");
    containers(test, &id).iter().for_each(|name| test.remove(name));
}

/// Two fleets that know nothing of each other have an app of one name, and one engine.
#[test]
fn two_fleets_at_one_engine_leave_each_other_alone() {
    let test = shared();
    test.image("deploy-fleets:1", &["RELEASE=w1"]);
    let (one, other) = (deploying(test, "deploy-fleets"), deploying(test, "deploy-fleets"));
    let words = ["deploy", "--new", "--image", "deploy-fleets:1", "--release", "same"];
    for router in [&one, &other] {
        let ran = run(router, "ci", &words);
        assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    }
    let names = |router: &Router| named(&deployment(&router.api(), "hello-same"));
    let mut both = [names(&one), names(&other)].concat();
    both.sort();
    assert_eq!((containers(test, "hello-same"), both.len()), (both, 2));
    other.api().post("promote", &json!({})).expect(200);
    one.api().post("abort", &json!({})).expect(200);
    let gone = run(&one, "operator", &["terminate", "same"]);
    assert_eq!(gone.code, Some(0), "{}{}", gone.out, gone.err);
    assert_eq!(containers(test, "hello-same"), names(&other));
    assert_eq!(other.visitor().release(), "w1");
    names(&other).iter().for_each(|name| test.remove(name));
}

/// An engine that answers nothing any more: whoever waits is told in time, and what was made is removed once it is back.
#[test]
fn an_engine_that_is_halted_holds_up_nobody() {
    let test = &TestEngine::start(256);
    test.image("deploy-halted:1", &["RELEASE=w1"]);
    let router = deploying(test, "deploy-halted");
    let first = run(&router, "ci", &["deploy", "--new", "--image", "deploy-halted:1", "--release", "one"]);
    assert_eq!(first.code, Some(0), "{}{}", first.out, first.err);
    test.halt();
    let patience = Deadline::after(Duration::from_secs(40));
    let ran =
        run(&router, "ci", &["deploy", "--image", "deploy-halted:1", "--release", "two", "--timeout", "2s"]);
    assert_eq!(ran.code, Some(4), "{}{}", ran.out, ran.err);
    assert!(!patience.passed() && ran.err.contains("not up after 2 s"), "{}{}", ran.out, ran.err);
    test.resume();
    eventually("it has failed and nothing is left of it", || {
        let now = deployment(&router.api(), "hello-two");
        now["state"] == "failed" && named(&now).is_empty() && containers(test, "hello-two").is_empty()
    });
    assert_eq!(router.api().state()["candidate"]["id"], "apps/hello-one-80/containers");
}

/// A router that is killed at each state is followed by one that goes on from there.
#[test]
fn killed_at_each_state_it_goes_on_and_makes_nothing_twice() {
    let test = shared();
    test.image("deploy-kill:1", &["RELEASE=v1"]);
    let mut router = deploying(test, "deploy-kill");
    let body = |release: &str| json!({ "image": "deploy-kill:1", "release": release, "replicas": 2 });
    for state in ["pending", "pulling", "starting", "checking", "serving"] {
        let api = router.api();
        api.post("deployments", &body(state)).expect(201);
        let id = format!("hello-{state}");
        let order = ["pending", "pulling", "starting", "checking", "serving"];
        let reached = |now: &Value| {
            order.iter().position(|it| *now == **it) >= order.iter().position(|it| *it == state)
        };
        eventually("it is as far as that", || reached(&deployment(&api, &id)["state"]));
        router.kill();
        router.start_again();
        let api = router.api();
        eventually("it serves", || deployment(&api, &id)["state"] == "serving");
        assert_eq!(containers(test, &id), named(&deployment(&api, &id)), "{state}");
        assert_eq!(deployment(&api, &id)["generation"], 1, "{state}");
        assert_eq!(api.state()["candidate"]["id"], format!("apps/{id}-80/containers"));
        api.post("abort", &json!({})).expect(200);
        api.delete(&format!("deployments/{id}")).expect(202);
        router.kill();
        router.start_again();
        eventually("nothing is left of it", || containers(test, &id).is_empty());
    }
}

#[test]
fn it_is_stopped_and_started_and_an_old_script_may_do_so_too() {
    let test = shared();
    test.image("deploy-old:1", &["RELEASE=v1"]);
    let router = deploying(test, "deploy-old");
    let api = router.api_as("ci");
    api.put("", &json!({})).expect(200);
    let content = "version: 2\nservices:\n  app:\n    image: deploy-old:1\n    ports: [80/tcp]\n";
    let form = json!({ "deployment_id": "hello-7", "quantities": { "app": 2 }, "stack": { "content": content, "service_id": "app" } });
    let call = |method: &str, path: &str, body: Option<&Value>| {
        api.call(method, &format!("/api/v2/deployments/{path}"), body)
    };
    let state = || call("GET", "hello-7", None).json()["deployment"]["current_state"].clone();
    assert_eq!(call("POST", "", Some(&form)).expect(200).json()["deployment"]["current_state"], 0);
    eventually("it runs", || state() == 1);
    let names = containers(test, "hello-7");
    assert_eq!(names.len(), 2);
    let key = &format!("apps/app-hello-7-80/containers/{}", names[0]);
    let before = api.kv_get(key);
    assert!(!before.is_empty());
    call("POST", "hello-7/stop", None).expect(200);
    eventually("it is stopped", || state() == 0 && api.kv_get(key).is_empty());
    assert_eq!(containers(test, "hello-7").len(), 2, "its containers are kept");
    call("POST", "hello-7/start", None).expect(200);
    eventually("it runs again", || state() == 1 && !api.kv_get(key).is_empty());
    call("POST", "hello-7/stop", None).expect(200);
    call("DELETE", "hello-7", None).expect(200);
    eventually("it is gone", || call("GET", "hello-7", None).status() == 404);
    assert_eq!(containers(test, "hello-7"), Vec::<String>::new());
    call("POST", "", Some(&json!({ "deployment_id": "hello-8", "stack": { "content": content.replace("deploy-old", "evil") } }))).expect(422);
}
