//! Containers that somebody else starts, as a compose file does: endpoints by their labels, drained before they end.

use serde_json::{Value, json};
use support::{
    Api, Router, eventually,
    router::id,
    servers::engine::{TestEngine, shared},
    traffic::Traffic,
};

/// A router that adopts the containers of its app. Its store survives it.
fn adopting(test: &TestEngine) -> Router {
    let table = format!(
        "[engines.node1]\naddress = \"{}\"\nhost = \"{}\"\nadopt_labels = [\"hello\"]\n",
        test.url(),
        test.address
    );
    let file = test.folder.join(format!("router-{:?}.toml", std::thread::current().id()));
    std::fs::write(&file, table).unwrap();
    let router = support::router().durable().flag("--config").flag(&file.display().to_string()).start();
    let made = router.api().put("", &json!({})).status();
    assert!((200..300).contains(&made), "{made}");
    router
}

/// Starts a container of the app's release, as a compose file would.
fn run(test: &TestEngine, name: &str, release: &str, more: &[&str]) {
    let variables: Vec<String> =
        [format!("RELEASE={release}")].into_iter().chain(more.iter().map(|text| (*text).into())).collect();
    let variables: Vec<&str> = variables.iter().map(String::as_str).collect();
    let labels = json!({"rolling.app": "hello", "rolling.release": release});
    test.run(name, "foreign-app:1", &labels, &variables);
}

fn registered(api: &Api, release: &str) -> Vec<Value> {
    let listed = api.get(&format!("releases/{release}/endpoints"));
    if listed.status() != 200 {
        return Vec::new();
    }
    listed.json()["endpoints"].as_array().cloned().unwrap_or_default()
}

/// The addresses that drain by themselves.
fn draining(api: &Api) -> usize {
    let state = api.state();
    let releases = ["stable", "candidate"].map(|track| state[track]["endpoints"].clone());
    let endpoints = releases.iter().filter_map(Value::as_array).flatten();
    endpoints.filter(|endpoint| endpoint["draining"].is_object()).count()
}

/// Makes a release of containers stable, once there are so many of them.
fn make_stable(api: &Api, release: &str, count: usize) {
    eventually("the containers are endpoints", || registered(api, release).len() == count);
    api.put("stable", &json!({"release": id(release), "force": true})).expect(200);
}

/// Stops the engine's containers, which other tests would find.
fn remove(test: &TestEngine, names: &[&str]) {
    names.iter().for_each(|name| test.remove(name));
}

#[test]
fn containers_of_a_compose_file_come_and_go_without_a_lost_request() {
    let test = TestEngine::start(256);
    test.image("foreign-app:1", &[]);
    for name in ["web-1", "web-2"] {
        run(&test, name, "v1", &[]);
    }
    test.run("other", "foreign-app:1", &json!({"rolling.app": "blog", "rolling.release": "v1"}), &[]);
    let router = adopting(&test);
    let api = router.api();
    make_stable(&api, "v1", 2);
    assert_eq!(registered(&api.app("blog"), "v1"), Vec::<Value>::new(), "the app is not one that adopts");

    let traffic = Traffic::start(&router, 16);
    eventually("everybody is answered", || traffic.answered() > 200);
    // Each is replaced by another one while the others serve.
    for round in 1..=support::count(3, 12) {
        let (new, old) = (format!("web-{}", round + 2), format!("web-{round}"));
        run(&test, &new, "v1", &[]);
        eventually("the new one is an endpoint", || registered(&api, "v1").len() == 3);
        let before = traffic.answered();
        test.call("POST", &format!("/containers/{old}/stop?t=10"), None);
        test.remove(&old);
        eventually("the old one is none", || registered(&api, "v1").len() == 2);
        eventually("everybody goes on", || traffic.answered() > before + 200);
    }
    let failures: Vec<String> = traffic.stop().into_iter().flat_map(|life| life.failures).collect();
    assert_eq!(failures, Vec::<String>::new());
    eventually("no drain is left", || draining(&api) == 0);
    let history = api.get("history?limit=50").expect(200).json().to_string();
    assert!(history.contains("engine node1"), "{history}");
}

#[test]
fn a_signal_that_ends_drains_and_another_one_does_nothing() {
    let test = shared();
    test.image("foreign-app:1", &[]);
    let router = adopting(test);
    let api = router.api();
    let labels = json!({"rolling.app": "hello", "rolling.release": "v7"});
    let own_signal = json!({"StopSignal": "SIGUSR1"});
    test.run_with("signal-1", "foreign-app:1", &labels, &["RELEASE=v7"], &own_signal);
    test.run_with(
        "signal-2",
        "foreign-app:1",
        &labels,
        &["RELEASE=v7", "STUBBORN=1"],
        &json!({"StopTimeout": 1}),
    );
    make_stable(&api, "v7", 2);

    test.call("POST", "/containers/signal-2/kill?signal=HUP", None);
    test.call("POST", "/containers/signal-2/kill?signal=USR2", None);
    // Events come in order, so that what the next one does is seen after what these do not.
    for signal in ["TERM", "INT", "QUIT"] {
        assert_eq!(draining(&api), 0, "before {signal}");
        test.call("POST", &format!("/containers/signal-2/kill?signal={signal}"), None);
        eventually("it drains", || draining(&api) == 1);
        // It still runs when it should have ended.
        eventually("it is in again", || draining(&api) == 0);
    }
    assert_eq!(registered(&api, "v7").len(), 2);
    // The image of the other one names a signal of its own.
    let seq = api.state()["seq"].clone();
    test.call("POST", "/containers/signal-1/kill?signal=USR1", None);
    eventually("it drained, or is gone", || api.state()["seq"] != seq);
    eventually("it is gone", || registered(&api, "v7").len() == 1);
    remove(test, &["signal-1", "signal-2"]);
}

#[test]
fn a_container_that_does_not_pass_the_gate_gets_nobody() {
    let test = shared();
    test.image("foreign-app:1", &[]);
    let router = adopting(test);
    let api = router.api();
    run(test, "gate-1", "v8", &[]);
    make_stable(&api, "v8", 1);
    // It says that it serves at port 80, and listens elsewhere.
    run(test, "gate-2", "v8", &["PORT=81"]);
    eventually("the gate's answer is in the log", || router.log().contains("is no endpoint yet"));
    assert_eq!(registered(&api, "v8").len(), 1);
    run(test, "gate-3", "v8", &[]);
    eventually("a good one does not wait for it", || registered(&api, "v8").len() == 2);
    // The last one of a track stays, so that its release is not emptied by an engine.
    remove(test, &["gate-1", "gate-2", "gate-3"]);
    eventually("one is gone", || registered(&api, "v8").len() == 1);
}

#[test]
fn a_router_that_was_away_finds_what_came_and_went() {
    let test = shared();
    test.image("foreign-app:1", &[]);
    let mut router = adopting(test);
    run(test, "away-1", "v9", &[]);
    run(test, "away-2", "v9", &[]);
    make_stable(&router.api(), "v9", 2);
    router.kill();
    run(test, "away-3", "v9", &[]);
    test.remove("away-1");
    router.start_again();
    let api = router.api();
    eventually("what runs is what is registered", || {
        let names: Vec<Value> =
            registered(&api, "v9").iter().map(|endpoint| endpoint["container"].clone()).collect();
        let of = |name: &str| {
            test.call("GET", &format!("/containers/{name}/json"), None)["Id"].as_str().unwrap()[..12]
                .to_owned()
        };
        names.len() == 2
            && ["away-2", "away-3"]
                .iter()
                .all(|name| names.iter().any(|key| key.as_str().unwrap().ends_with(&of(name))))
    });
    remove(test, &["away-2", "away-3"]);
}

#[test]
fn a_lost_engine_is_an_alarm_and_what_it_runs_serves_on() {
    let test = TestEngine::start(256);
    test.image("foreign-app:1", &[]);
    run(&test, "lost-1", "v1", &[]);
    let router = adopting(&test);
    let api = router.api();
    make_stable(&api, "v1", 1);
    let alarms = || {
        let fleet = api.call("GET", "/api/v1/fleet", None).expect(200).json();
        let alarms = fleet["alarms"].as_array().cloned().unwrap_or_default();
        alarms.into_iter().filter(|alarm| alarm["kind"] == "engine_lost").collect::<Vec<_>>()
    };
    assert_eq!(alarms(), Vec::<Value>::new());
    test.halt();
    eventually("the alarm stands", || alarms().len() == 1);
    let message = alarms()[0]["message"].as_str().unwrap().to_owned();
    assert!(message.starts_with("the engine node1 did not") && message.contains("goes on"), "{message}");
    assert!(
        (api.metrics().sum("rolling_fleet_alarms", &[("kind", "engine_lost")]) - 1.0).abs() < f64::EPSILON
    );
    let mut visitor = router.visitor();
    for _ in 0..20 {
        assert_eq!(visitor.release(), "v1");
    }
    assert_eq!(registered(&api, "v1").len(), 1);
    test.resume();
    eventually("the alarm is over", || alarms().is_empty());
    assert_eq!(registered(&api, "v1").len(), 1);
    assert!(router.is_ready());
}
