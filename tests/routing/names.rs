//! Endpoints by name: a name stands for other addresses from time to time, and nobody notices.

use serde_json::{Value, json};
use std::net::SocketAddr;
use support::command::ask;
use support::name_server::NameServer;
use support::router::{APP, id};
use support::traffic::Traffic;
use support::{Api, Endpoint, Router, RouterBuilder, echo, eventually, router};

fn asking(names: &NameServer) -> RouterBuilder {
    router().flag("--resolver").flag(&names.address.to_string())
}

/// An endpoint at another address of this machine, with the port of one that is there.
fn beside(endpoint: &Endpoint, ip: [u8; 4], release: &str) -> Endpoint {
    Endpoint::echo_at((ip, endpoint.address.port()).into(), release)
}

fn named(host: &str, endpoint: &Endpoint) -> String {
    format!("{host}:{}", endpoint.address.port())
}

/// The alarms about names: each subject, and what is said.
fn alarms(api: &Api) -> Vec<(String, String)> {
    let fleet = api.call("GET", "/api/v1/fleet", None).expect(200).json();
    let text = |value: &Value| value.as_str().expect("it is a text").to_owned();
    let alarms = fleet["alarms"].as_array().expect("they are listed").iter();
    let about_names = alarms.filter(|alarm| alarm["kind"] == "endpoint_name");
    about_names.map(|alarm| (text(&alarm["subject"]), text(&alarm["message"]))).collect()
}

fn addresses(state: &Value, track: &str) -> Vec<SocketAddr> {
    let endpoints = state[track]["endpoints"].as_array().expect("they are listed").iter();
    let address = |endpoint: &Value| endpoint["address"].as_str().and_then(|text| text.parse().ok());
    endpoints.map(|endpoint| address(endpoint).expect("it is an address")).collect()
}

fn shows(router: &Router, release: &str) -> bool {
    router.visitor().get("/").release == release
}

#[test]
fn releases_are_set_and_promoted_by_name() {
    let names = NameServer::start();
    let (v1, v2) = (echo("v1"), echo("v2"));
    names.set("web-v1", &["127.0.0.1"]);
    names.set("web_v2", &["127.0.0.1"]);
    let router = asking(&names).start();
    let (first, second) = (named("Web-V1", &v1), named("web_v2", &v2));
    let set = ask(&router, "operator", &["stable", "set", "v1", "--endpoint", &first]);
    assert_eq!(set.code, 0, "{set:?}");
    assert!(shows(&router, "v1"));
    let api = router.api();
    api.put("candidate", &json!({ "release": "v2", "endpoints": [&second], "blend": 0 })).expect(200);
    let state = api.state();
    let endpoint = &state["candidate"]["endpoints"][0];
    assert_eq!((&endpoint["name"], &endpoint["address"]), (&json!(second), &json!(v2.address.to_string())));
    api.post("promote", &json!({})).expect(200);
    assert!(shows(&router, "v2"));
    let explained = ask(&router, "viewer", &["explain"]);
    assert!(explained.out.contains(&format!("{} ({second})", v2.address)), "{explained:?}");
    let known = api.metrics().sum("rolling_endpoint_name_addresses", &[("name", &second)]);
    assert!((known - 1.0).abs() < f64::EPSILON, "{known}");
    assert!(alarms(&api).is_empty());
}

#[test]
fn the_gate_says_why_a_name_leads_nowhere() {
    let names = NameServer::start();
    let router = asking(&names).stable("v1").start();
    let (api, v2) = (router.api(), echo("v2"));
    names.set("metadata", &["169.254.169.254", "::ffff:169.254.169.254"]);
    names.set("loop", &["127.0.0.1"]);
    let refused = |endpoint: &str| {
        let answer = api.put("candidate", &json!({ "release": "v2", "endpoints": [endpoint] })).expect(422);
        answer.json()["error"]["message"].as_str().unwrap().to_owned()
    };
    let unknown = refused("nowhere:80");
    assert!(unknown.contains("`nowhere:80` does not resolve: there is no such name"), "{unknown}");
    let metadata = refused("metadata:80");
    assert!(metadata.contains("169.254.169.254, which is left out"), "{metadata}");
    let own = refused(&format!("loop:{}", router.front.port()));
    assert!(own.contains("cannot be the router itself"), "{own}");
    for (text, said) in [
        ("http://web:80", "no scheme"),
        ("web", "its port"),
        ("web:80/x", "no scheme, user or path"),
        ("-web:80", "no label begins"),
        ("web.1:80", "not a number"),
    ] {
        assert!(refused(text).contains(said), "{text}: {}", refused(text));
    }
    names.set_failing(true);
    let failing = refused("web:80");
    assert!(failing.contains("the name server answers"), "{failing}");
    // What was refused a moment ago is asked for again.
    names.set_failing(false);
    names.set("late", &["127.0.0.1"]);
    let late = json!({ "release": "v2", "endpoints": [named("late", &v2)] });
    api.put("candidate", &late).expect(200);
    assert_eq!(addresses(&api.state(), "candidate"), [v2.address]);
}

/// Compose gives a container that comes back another address.
#[test]
fn a_name_that_changes_its_addresses_under_load_fails_nobody() {
    let names = NameServer::start();
    let first = echo("v1");
    let second = beside(&first, [127, 0, 0, 2], "v1");
    names.set("web", &["127.0.0.1", "127.0.0.2"]);
    let router = asking(&names).key(&format!("{}/c0", id("v1")), &named("web", &first));
    let router = router.key(&format!("rolling/{APP}/stable/id"), &id("v1")).start();
    let api = router.api();
    assert_eq!(addresses(&api.state(), "stable"), [first.address, second.address]);
    let traffic = Traffic::start(&router, 16);
    eventually("everybody is pinned", || traffic.answered() > 160);
    let third = beside(&first, [127, 0, 0, 3], "v1");
    names.set("web", &["127.0.0.3", "127.0.0.2"]);
    first.stop();
    eventually("the new address is served", || {
        addresses(&api.state(), "stable") == [second.address, third.address]
    });
    let answered = traffic.answered();
    eventually("everybody goes on", || traffic.answered() > answered + 160);
    for life in traffic.stop() {
        assert!(life.failures.is_empty(), "{:?}", life.failures);
        assert!(life.seen.iter().all(|answer| answer.release == "v1"));
    }
    assert!(alarms(&api).is_empty());
}

#[test]
fn a_name_that_stops_resolving_keeps_its_last_addresses_also_over_a_restart() {
    let names = NameServer::start();
    let endpoint = echo("v1");
    names.set("web", &["127.0.0.1"]);
    let mut router = asking(&names).durable().start();
    let name = named("web", &endpoint);
    router.api().put("stable", &json!({ "release": "v1", "endpoints": [&name] })).expect(200);
    eventually("its addresses are kept", || router.path("state/names").exists());
    names.set_failing(true);
    let api = router.api();
    eventually("the alarm stands", || !alarms(&api).is_empty());
    let [(subject, message)] = &alarms(&api)[..] else { panic!("{:?}", alarms(&api)) };
    assert_eq!(subject, &name);
    assert!(message.contains("its last addresses are served on"), "{message}");
    assert!(shows(&router, "v1"));
    router.kill();
    router.start_again();
    assert!(shows(&router, "v1"), "the name server does not answer, and the addresses were kept");
    names.set_failing(false);
    let api = router.api();
    eventually("the alarm is over", || alarms(&api).is_empty());
    // The name is gone, which is another thing than a name server that fails.
    names.set("web", &[]);
    eventually("the alarm stands again", || !alarms(&api).is_empty());
    assert!(shows(&router, "v1"));
}

/// DNS rebinding: the name is harmless when it is checked, and stands for a metadata service afterwards.
#[test]
fn a_name_that_turns_to_a_forbidden_address_loses_it() {
    let names = NameServer::start();
    let endpoint = echo("v1");
    names.set("web", &["127.0.0.1"]);
    let router = asking(&names).start();
    let api = router.api();
    let name = named("web", &endpoint);
    api.put("stable", &json!({ "release": "v1", "endpoints": [&name] })).expect(200);
    names.set("web", &["127.0.0.1", "169.254.169.254", "0.0.0.0", "fd00:ec2::254", "224.0.0.1"]);
    eventually("each is an alarm", || alarms(&api).len() == 4);
    assert!(alarms(&api).iter().all(|(subject, message)| *subject == name && message.contains("left out")));
    assert_eq!(addresses(&api.state(), "stable"), [endpoint.address]);
    assert!(shows(&router, "v1"));
    names.set("web", &["169.254.169.254"]);
    eventually("no address is left", || addresses(&api.state(), "stable").is_empty());
    assert_eq!(router.visitor().try_get("/").expect("an answer").response.status, 503);
}
