//! Deployments end to end: a real router, a real engine, and the command line as a pipeline uses it.

use serde_json::{Value, json};
use support::{eventually, servers::engine::shared, traffic::Traffic};

use super::deploy_scene::{containers, deploying, deployment, run};

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
fn the_facts_of_a_deployment_are_those_of_its_release_also_when_it_is_asked_for_again() {
    let test = shared();
    test.image("deploy-facts:1", &["RELEASE=f1"]);
    let router = deploying(test, "deploy-facts");
    let api = router.api();
    let deploy = |fact: &str| {
        let words = ["deploy", "--new", "--image", "deploy-facts:1", "--release", "f1", "--meta", fact];
        run(&router, "ci", &words)
    };
    let refused = deploy("Commit=1");
    assert!(refused.err.contains("facts.Commit"), "{}", refused.err);
    let facts = |commit: &str| json!({"commit": commit, "image": "deploy-facts:1"});
    // The pipeline runs again, after another commit that made the same image.
    for (run, commit) in ["3f2a9c1", "77aa001"].into_iter().enumerate() {
        let ran = deploy(&format!("commit={commit}"));
        assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
        assert_eq!(api.state()["candidate"]["facts"], facts(commit), "run {run}");
    }
    let nowhere =
        json!({"image": "deploy-facts:1", "release": "f2", "without_candidate": true, "facts": {"a": "b"}});
    let refused = api.post("deployments", &nowhere).expect(422).json();
    assert_eq!(refused["error"]["field"], "facts");
    api.post("abort", &json!({})).expect(200);
    let gone = run(&router, "operator", &["terminate", "f1"]);
    assert_eq!(gone.code, Some(0), "{}{}", gone.out, gone.err);
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
        assert!(ran.err.contains(why) && !ran.err.contains("\\n"), "{release}: {}{}", ran.out, ran.err);
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
        ("release", json!({ "image": "deploy-allowed", "release": "" })),
        ("release", json!({ "image": "deploy-allowed", "release": "-1" })),
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

#[test]
fn an_image_becomes_a_candidate_by_a_plan() {
    let test = shared();
    test.image("deploy-plan:1", &["RELEASE=p1"]);
    test.image("deploy-plan:2", &["RELEASE=p2"]);
    let router = deploying(test, "deploy-plan");
    let api = router.api();
    let first = ["deploy", "--new", "--image", "deploy-plan:1", "--release", "p1"];
    let ran = run(&router, "operator", &first);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    api.post("promote", &json!({})).expect(200);
    let second = ["deploy", "--image", "deploy-plan:2", "--release", "p2", "--plan", "gradual"];
    let refused = run(&router, "operator", &second);
    assert_eq!(refused.code, Some(4), "nothing was begun: {}{}", refused.out, refused.err);
    assert!(refused.err.contains("`gradual` is no plan of the setting `plans`"), "{}", refused.err);
    api.get("deployments/hello-p2").expect(404);
    let plans = json!({ "plans": ["gradual: 5% hold=1h; 50%; promote"] });
    api.call("PATCH", "/api/v1/apps/hello/settings", Some(&plans)).expect(200);
    let both = json!({ "image": "deploy-plan:2", "plan": "gradual", "blend": 10 });
    let refused = api.post("deployments", &both).expect(422).json();
    assert_eq!(refused["error"]["field"], "plan", "{refused}");
    let ran = run(&router, "operator", &second);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    let plan = api.get("plan").expect(200).json()["plan"].clone();
    assert_eq!((&plan["name"], &plan["step"]), (&json!("gradual"), &json!(1)), "{plan}");
    let state = api.state();
    assert_eq!((&state["candidate"]["release"], &state["blend"]), (&json!("p2"), &json!(5)), "{state}");
    api.post("abort", &json!({})).expect(200);
    let gone = run(&router, "operator", &["terminate", "p2"]);
    assert_eq!(gone.code, Some(0), "{}{}", gone.out, gone.err);
    containers(test, "hello-p1").iter().for_each(|name| test.remove(name));
}
