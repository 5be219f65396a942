//! Recycles end to end: containers anew, one after the other, under clients who keep sessions in them.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
};

use serde_json::{Value, json};
use support::{
    Router, Visitor, eventually, long,
    receiver::{Receiver, hook},
    servers::engine::shared,
};

use super::deploy_scene::{containers, deploying, deployment, named, run};

/// How many containers and clients: a sample, or with `ROLLING_ROUTER_LONG=1` as many as a large app has.
fn how_many() -> (usize, usize) {
    if long() { (8, 200) } else { (4, 60) }
}

/// A client with a session in the memory of its container.
struct Client {
    name: String,
    visitor: Visitor,
    /// Where it was, in order.
    homes: Vec<String>,
    /// How many requests its session has seen.
    count: u64,
    failures: Vec<String>,
}

impl Client {
    fn new(router: &Router, number: usize) -> Self {
        let (name, visitor) = (format!("c{number}"), router.visitor());
        let mut client = Self { name, visitor, homes: Vec::new(), count: 0, failures: Vec::new() };
        client.ask(true);
        client
    }

    fn ask(&mut self, navigates: bool) {
        self.visitor.navigates = navigates;
        let visit = match self.visitor.try_get(&format!("/session/{}", self.name)) {
            Ok(visit) if visit.response.status == 200 => visit,
            Ok(visit) => return self.failures.push(format!("{}", visit.response.status)),
            Err(why) => return self.failures.push(why),
        };
        let (seen, stays) = (visit.response.text(), self.homes.last() == Some(&visit.endpoint));
        let expected = if stays { self.count + 1 } else { 1 };
        if seen != expected.to_string() {
            self.failures.push(format!("its session has seen {seen} requests, and not {expected}"));
        }
        if !stays && !navigates {
            self.failures.push(format!("moved to {} by a request of a page", visit.endpoint));
        }
        self.count = expected;
        if !stays {
            self.homes.push(visit.endpoint);
        }
    }
}

/// Clients who look at pages, and at what these ask for, until it is over.
struct Crowd {
    over: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
    threads: Vec<JoinHandle<Vec<Client>>>,
}

impl Crowd {
    fn start(router: &Router, count: usize) -> Self {
        let (over, asked) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let all: Vec<Client> = (0..count).map(|number| Client::new(router, number)).collect();
        let mut parts: Vec<Vec<Client>> = (0..4).map(|_| Vec::new()).collect();
        for (number, client) in all.into_iter().enumerate() {
            parts[number % 4].push(client);
        }
        let live = |mut clients: Vec<Client>| {
            let (over, asked) = (Arc::clone(&over), Arc::clone(&asked));
            thread::spawn(move || {
                while !over.load(Ordering::SeqCst) {
                    for client in &mut clients {
                        [true, false, false].into_iter().for_each(|navigates| client.ask(navigates));
                        asked.fetch_add(3, Ordering::SeqCst);
                    }
                }
                clients
            })
        };
        let threads = parts.into_iter().map(live).collect();
        Self { over, asked, threads }
    }

    fn stop(self) -> Vec<Client> {
        self.over.store(true, Ordering::SeqCst);
        self.threads.into_iter().flat_map(|one| one.join().expect("a client ends")).collect()
    }
}

/// A release that is stable.
fn stable(router: &Router, image: &str, release: &str, words: &[&str]) {
    let deploy = [&["deploy", "--new", "--image", image, "--release", release], words].concat();
    let ran = run(router, "operator", &deploy);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    router.api().post("promote", &json!({})).expect(200);
}

fn record(router: &Router) -> Value {
    serde_json::from_str(&router.api().kv_get("rolling/hello/rollout")).unwrap()
}

#[test]
fn a_recycle_under_pinned_clients_fails_no_request_and_moves_each_once() {
    let (replicas, count) = how_many();
    let test = shared();
    test.image("deploy-anew:1", &["RELEASE=w1"]);
    let (router, mut receiver) = (deploying(test, "deploy-anew"), Receiver::start());
    hook(&router, &receiver, json!({ "events": ["recycled"] }));
    stable(&router, "deploy-anew:1", "anew", &["--replicas", &replicas.to_string()]);
    let before = containers(test, "hello-anew");
    let crowd = Crowd::start(&router, count);
    let ran = run(&router, "ci", &["recycle", "--release", "anew", "--drain", "20s"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    assert!(ran.out.contains(&format!("all of its containers are new ({replicas})")), "{}", ran.out);
    let asked = crowd.asked.load(Ordering::SeqCst);
    eventually("they go on", || crowd.asked.load(Ordering::SeqCst) > asked + 3 * count);
    let clients = crowd.stop();
    let failures: Vec<&String> = clients.iter().flat_map(|client| &client.failures).collect();
    assert_eq!(failures, Vec::<&String>::new());
    let moves = clients.iter().map(|client| (client.homes.len() - 1, client));
    let mut report: BTreeMap<usize, usize> = BTreeMap::new();
    for (moved, client) in moves {
        assert!(moved <= 1, "{} moved {moved} times: {:?}", client.name, client.homes);
        *report.entry(moved).or_default() += 1;
    }
    println!("clients by how often they changed their endpoint: {report:?}");
    assert_eq!(report.get(&1), Some(&count), "everybody's old container is gone");
    let now = deployment(&router.api(), "hello-anew");
    let there = containers(test, "hello-anew");
    assert!(
        there.len() == replicas && there.iter().all(|name| !before.contains(name)),
        "{before:?} {there:?}"
    );
    assert_eq!(there, {
        let mut names = named(&now);
        names.sort();
        names
    });
    assert_eq!((&now["recycle"]["state"], &now["recycle"]["done"]), (&json!("done"), &json!(replicas)));
    let record = record(&router);
    assert!(record["endpoint_drains"].is_null() && record["recycles"].is_null(), "{record}");
    let told = receiver.wait_for("it", |told| !told.is_empty());
    let told = &told[0].body;
    assert_eq!(
        (&told["type"], &told["deployment"], &told["done"], &told["actor"]),
        (&json!("recycled"), &json!("hello-anew"), &json!(replicas), &json!("ci-main"))
    );
    let audit =
        router.api_as("admin").call("GET", "/api/v1/audit?limit=200", None).expect(200).response.text();
    assert!(audit.contains("send the clients of container 0 elsewhere"), "{audit}");
    there.iter().for_each(|name| test.remove(name));
}

#[test]
fn another_image_by_the_same_name_is_refused_and_in_place_what_fails_leaves_the_rest() {
    let test = shared();
    test.image("deploy-bad-anew:1", &["RELEASE=w1"]);
    let router = deploying(test, "deploy-bad-anew");
    stable(&router, "deploy-bad-anew:1", "badanew", &["--replicas", "2"]);
    let before = containers(test, "hello-badanew");
    let digest = deployment(&router.api(), "hello-badanew")["digest"].clone();
    test.image("deploy-bad-anew:1", &["RELEASE=w2", "DIE=no database"]);
    let refused = run(&router, "ci", &["recycle", "badanew"]);
    assert_eq!(refused.code, Some(4), "{}{}", refused.out, refused.err);
    assert!(refused.err.contains("`deploy` makes a release of it"), "{}", refused.err);
    let path = "deployments/hello-badanew/recycle";
    let answer = router.api().post(path, &json!({})).expect(409).json();
    assert_eq!(answer["error"]["code"], "new_image", "{answer}");
    let by_ci = router.api_as("ci").post(path, &json!({ "in_place": true })).expect(403);
    assert!(by_ci.response.text().contains("operator"), "{}", by_ci.response.text());
    for (body, field) in [(json!({ "parallel": 2 }), "parallel"), (json!({ "drain": 9_999_999 }), "drain")] {
        let answer = router.api().post(path, &body).expect(422).json();
        assert_eq!(answer["error"]["field"], field, "{answer}");
    }
    let failed = run(&router, "operator", &["recycle", "badanew", "--in-place", "--drain", "1s"]);
    assert_eq!(failed.code, Some(4), "{}{}", failed.out, failed.err);
    for words in ["0 of the 2 containers", "ended with code 3", "no database"] {
        assert!(failed.err.contains(words), "{words} in {}", failed.err);
    }
    assert_eq!(containers(test, "hello-badanew"), before);
    let now = deployment(&router.api(), "hello-badanew");
    assert_eq!((&now["state"], &now["digest"]), (&json!("serving"), &digest));
    assert!((0..20).all(|_| router.visitor().release() == "w1"));
    // A good image by that name is taken in place, and is what the deployment is made of from then on.
    test.image("deploy-bad-anew:1", &["RELEASE=w3"]);
    let good = run(&router, "operator", &["recycle", "badanew", "--in-place", "--drain", "1s"]);
    assert_eq!(good.code, Some(0), "{}{}", good.out, good.err);
    assert_ne!(deployment(&router.api(), "hello-badanew")["digest"], digest);
    assert!((0..20).all(|_| router.visitor().release() == "w3"));
    containers(test, "hello-badanew").iter().for_each(|name| test.remove(name));
}

#[test]
fn with_a_fixed_port_the_old_container_is_stopped_first_and_that_is_said() {
    let test = shared();
    test.image("deploy-fixed:1", &["RELEASE=w1"]);
    let router = deploying(test, "deploy-fixed");
    stable(&router, "deploy-fixed:1", "fixedport", &["--host-port", "18080"]);
    let before = containers(test, "hello-fixedport");
    let ran = run(&router, "ci", &["recycle", "fixedport", "--drain", "1s"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    assert!(
        ran.err.contains("is stopped before the new one is started")
            && ran.err.contains("it is the only one"),
        "{}",
        ran.err
    );
    let now = deployment(&router.api(), "hello-fixedport");
    assert_eq!(now["containers"][0]["address"], format!("{}:18080", test.address));
    assert!(now["containers"].as_array().unwrap().len() == 1 && named(&now) != before, "{now}");
    assert_eq!(router.visitor().release(), "w1");
    let keys = router.api_as("admin").raw("GET", "/api/kv/apps/?keys=true", None, "").response.text();
    assert_eq!(keys.matches("rolling-hello-fixedport-").count(), 1, "{keys}");
    containers(test, "hello-fixedport").iter().for_each(|name| test.remove(name));
}

/// Every app is recycled by one call, as schedulers of older systems make it.
#[test]
fn a_scheduler_recycles_everything_in_place_by_one_call() {
    let test = shared();
    test.image("deploy-pool:1", &["RELEASE=w1"]);
    let router = deploying(test, "deploy-pool");
    stable(&router, "deploy-pool:1", "pooled", &[]);
    test.image("deploy-pool:1", &["RELEASE=w2"]);
    let path = "/api/pool/schedule_recycle";
    router.api_as("ci").call("POST", path, None).expect(403);
    let settings = json!({ "drainseconds": 1 });
    router.api().call("PATCH", "/api/v1/apps/hello/settings", Some(&settings)).expect(200);
    let none = router.api().call("POST", &format!("{path}?app=other"), None).expect(202).json();
    assert_eq!(none, json!({ "ids": [], "refused": [] }));
    let stats = || router.api_as("viewer").call("GET", "/api/stats", None).expect(200).json();
    assert_eq!(stats(), json!({ "recycling": false, "recycles": [] }));
    // As curl of an old script: GET, `token` for a scheme, a form that says nothing.
    let head = format!("Authorization: token {}\r\n", support::router::token("operator"));
    let (status, answer) = curl(&router, "GET", path, &head);
    assert_eq!((status, &answer["ids"]), (202, &json!(["hello-pooled"])), "{answer}");
    let (status, answer) = curl(&router, "POST", &format!("{path}?app=hello"), &head);
    assert_eq!((status, &answer["ids"]), (202, &json!(["hello-pooled"])), "{answer}");
    eventually("it is over", || stats()["recycling"] == false);
    let over = stats()["recycles"][0].clone();
    assert_eq!(
        (&over["app"], &over["recycle"]["state"], &over["recycle"]["in_place"]),
        (&json!("hello"), &json!("done"), &json!(true)),
        "{over}"
    );
    assert_eq!(router.visitor().release(), "w2");
    let audit =
        router.api_as("admin").call("GET", "/api/v1/audit?limit=100", None).expect(200).response.text();
    assert!(audit.contains(path), "{audit}");
    containers(test, "hello-pooled").iter().for_each(|name| test.remove(name));
}

fn curl(router: &Router, method: &str, path: &str, head: &str) -> (u16, Value) {
    let mut wire = support::wire::Wire::open(router.admin);
    wire.send(format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n{head}Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n\r\na=b", router.admin));
    let response = wire.response(method);
    (response.status, serde_json::from_str(&response.text()).unwrap_or_default())
}

const STATES: [&str; 5] = ["waiting", "starting", "draining", "stopping", "done"];

/// A router that is killed with -9 at each state of a swap: the next one goes on from there, and nothing is made twice.
#[test]
fn killed_at_each_state_a_recycle_ends_as_if_it_never_was() {
    let test = shared();
    test.image("deploy-kill-anew:1", &["RELEASE=w1"]);
    let mut router = deploying(test, "deploy-kill-anew");
    stable(&router, "deploy-kill-anew:1", "killanew", &["--replicas", "2"]);
    let before = containers(test, "hello-killanew");
    router.api().post("deployments/hello-killanew/recycle", &json!({ "drain": 1 })).expect(202);
    let rank = |state: &Value| STATES.iter().position(|known| state == known).expect("there is no other");
    for (swap, at) in [(0, 1), (0, 2), (0, 3), (1, 1), (1, 2)] {
        let now =
            || deployment(&router.api(), "hello-killanew")["recycle"]["containers"][swap]["state"].clone();
        eventually(&format!("container {swap} is {}, or further", STATES[at]), || rank(&now()) >= at);
        router.kill();
        router.start_again();
    }
    let api = router.api();
    eventually("it is over", || deployment(&api, "hello-killanew")["recycle"]["state"] == "done");
    let (now, there) = (deployment(&api, "hello-killanew"), containers(test, "hello-killanew"));
    assert!(there.len() == 2 && there.iter().all(|name| !before.contains(name)), "{there:?}");
    // A router that ended before it said so leaves the step unsaid, and the next one does not make it again.
    let steps = now["steps"].as_array().unwrap().iter().map(|step| step["text"].as_str().unwrap());
    let made = |number: u32| steps.clone().filter(|text| *text == format!("make container {number}")).count();
    assert!(made(2) <= 1 && made(3) <= 1 && made(4) == 0, "{now}");
    let record = record(&router);
    assert!(record["endpoint_drains"].is_null() && record["recycles"].is_null(), "{record}");
    eventually("it is served", || router.visitor().try_get("/").is_ok_and(|visit| visit.release == "w1"));
    there.iter().for_each(|name| test.remove(name));
}
