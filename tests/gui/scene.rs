//! A site in the middle of a release, as people know theirs: long names, two routers, clients, links, drains, a lock, a bad
//! value, a hook that nobody answers.

use crate::live::Crowd;
use serde_json::{Value, json};
use std::time::Duration;
use support::router::{id, token};
use support::{Endpoint, Reply, Router, RouterBuilder, Visitor, echo, eventually, router, scripted};

const RELEASES: [&str; 5] =
    ["20261117-1610", "20261118-0900", "20261119-1430", "20261120-0912", "20261121-1105"];
/// Another app's release.
const ACCOUNTS: &str = "apps/accounts-4.2.0-443/containers";

/// What is shown; it ends when dropped.
pub struct Scene {
    /// The router whose pages are looked at.
    pub router: Router,
    /// Clients at the pace of people.
    pub crowd: Crowd,
    _second: Router,
    _receivers: [Endpoint; 2],
}

impl Scene {
    /// Plays two releases and begins a third.
    pub fn start() -> Self {
        let router = start_first();
        let store = format!("http://:{}@{}", token("admin"), router.admin);
        let second = router_named("eu-2").store(&store).start();
        set_up_accounts(&router);
        let receivers = add_hooks(&router);
        let settings = json!({"hosts": [router.host, "www.shop.example.test"]});
        router.api().call("PATCH", "/api/v1/apps/hello/settings", Some(&settings)).expect(200);
        try_out(&router, RELEASES[1], 25);
        promote(&router, RELEASES[1], "smoke tests green");
        router.api().delete("draining").expect(200);
        visit(&router, 24);
        try_out(&router, RELEASES[2], 10);
        promote(&router, RELEASES[2], "checkout does well, errors flat");
        try_out(&router, RELEASES[3], 10);
        visit(&router, 60);
        for (track, note) in [("candidate", "QA: checkout"), ("stable", "support")] {
            let wanted = json!({"track": track, "seconds": 86_400, "note": note});
            let made = router.api().post("previews", &wanted);
            assert!(made.status() < 300, "a preview link is made");
        }
        let leaving = router.endpoints_of(RELEASES[2])[2].address;
        let drain = format!("releases/{}/endpoints/{leaving}/drain", RELEASES[2]);
        router.api().put(&drain, &json!({"reason": "kernel update"})).expect(200);
        eventually("each router knows the other", || {
            let fleet: Value = router.api().call("GET", "/api/v1/fleet", None).json();
            fleet["members"].as_array().map_or(0, Vec::len) == 2
        });
        eventually("one hook is told of everything, the other in vain", || {
            outcome(&router, "release-chat") == "delivered" && outcome(&router, "audit-log") == "failed"
        });
        // So many that some of them meet the candidate.
        let crowd = Crowd::start(&router, 20, Duration::from_millis(150));
        Self { router, crowd, _second: second, _receivers: receivers }
    }
}

fn router_named(name: &str) -> RouterBuilder {
    router().flag("--node").flag(name)
}

fn start_first() -> Router {
    let three = |release: &str| -> Vec<Endpoint> { (0..3).map(|_| echo(release)).collect() };
    let mut builder = router_named("eu-1").durable().key("rolling/hello/stable/id", &id(RELEASES[0]));
    builder = builder.key(&format!("{ACCOUNTS}/c9"), "10.0.0.7");
    for release in RELEASES {
        builder = builder.release(release, three(release));
    }
    builder.start()
}

/// An app beside it, locked, one of whose endpoints is no address.
fn set_up_accounts(router: &Router) {
    let api = router.api().app("accounts");
    let endpoint = router.endpoints_of(RELEASES[0])[0].address.to_string();
    router.api().kv_put(&format!("{ACCOUNTS}/c0"), &endpoint).expect(200);
    api.put("stable", &json!({"id": ACCOUNTS, "reason": "set up"})).expect(200);
    let settings = json!({"hosts": ["accounts.example.test"]});
    api.call("PATCH", "/api/v1/apps/accounts/settings", Some(&settings)).expect(200);
    api.put("lock", &json!({"reason": "audit until Friday"})).expect(200);
}

/// A hook whose receiver takes what it is told, and one whose receiver has failed since.
fn add_hooks(router: &Router) -> [Endpoint; 2] {
    let chat = scripted(|_| Reply::ok(""));
    let audit = scripted(|_| Reply::response("503 Service Unavailable", &[], ""));
    let admin = router.api_as("admin");
    let told = json!({"url": format!("http://{}/hooks/releases", chat.address), "events": ["promote", "abort", "rollback"]});
    admin.call("PUT", "/api/v1/hooks/release-chat", Some(&told)).expect(201);
    let all = json!({"url": format!("http://{}/events", audit.address)});
    admin.call("PUT", "/api/v1/hooks/audit-log", Some(&all)).expect(201);
    [chat, audit]
}

/// How the last delivery of a hook ended.
fn outcome(router: &Router, hook: &str) -> String {
    let shown: Value = router.api_as("admin").call("GET", &format!("/api/v1/hooks/{hook}"), None).json();
    shown["state"].as_str().unwrap_or_default().to_owned()
}

/// A pipeline sets the candidate, somebody gives it clients.
fn try_out(router: &Router, release: &str, percent: u32) {
    let build = json!({"id": id(release), "reason": "build 1188, all tests green"});
    router.api_as("ci").put("candidate", &build).expect(200);
    router.api().put("blend", &json!({"percent": percent, "reason": "step 1"})).expect(200);
}

fn promote(router: &Router, release: &str, reason: &str) {
    router.api().post("promote", &json!({"release": id(release), "reason": reason})).expect(200);
}

/// So many clients come, and come back with their pins.
fn visit(router: &Router, clients: usize) {
    for _ in 0..clients {
        let mut visitor: Visitor = router.visitor();
        visitor.release();
        visitor.release();
    }
}
