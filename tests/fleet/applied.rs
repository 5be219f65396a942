//! `?wait=fleet`: what it answers is true, at once, under load; and two routers at one seq agree about every pin.

use std::time::Duration;

use serde_json::{Value, json};

use crate::routers::{Fleet, quantile, seq};
use crate::server::Kind;
use support::router::{APP, id, token};
use support::traffic::Traffic;
use support::{Answer, Deadline, Router, Visitor, Wire, count, eventually};

#[test]
fn on_etcd_every_answer_is_true_and_equal_seqs_mean_equal_releases() {
    println!("{}", releases_from_everywhere(Kind::Etcd));
}

#[test]
fn on_redis_every_answer_is_true_and_equal_seqs_mean_equal_releases() {
    println!("{}", releases_from_everywhere(Kind::Redis));
}

/// Releases from every router in turn; what was measured, in words.
fn releases_from_everywhere(kind: Kind) -> String {
    let fleet = Fleet::start(kind, 5);
    let traffic: Vec<Traffic> = fleet.routers.iter().map(|router| Traffic::start(router, 1)).collect();
    let mut pins = vec![new_pin(&fleet.routers[0])];
    let (mut waited, mut spread) = (Vec::new(), Vec::new());
    for n in 0..count(24, 200) {
        // Any spread over the routers will do, as long as each gets its turn in every kind of command.
        let at = (n * 7 + n / 4) % fleet.routers.len();
        let begun = Deadline::after(Duration::ZERO);
        let answer = fleet.step(n, at).expect(200);
        waited.push(begun.elapsed());
        let (applied, reached) = (answer.json()["applied"].clone(), answer.seq());
        assert_eq!((&applied["members"], &applied["applied"]), (&json!(5), &json!(5)), "{applied}");
        for router in &fleet.routers {
            assert!(seq(router) >= reached, "command {n}: somebody is at {}, not {reached}", seq(router));
        }
        pins.push(new_pin(&fleet.routers[n % 5]));
        for pin in &pins {
            let releases = fleet.releases_of(pin);
            assert!(releases.iter().all(|release| *release == releases[0]), "seq {reached}: {releases:?}");
        }
        pins.truncate(4);
        spread.push(time_to_the_last(&fleet, n, at));
    }
    let answered: usize = traffic.iter().map(Traffic::answered).sum();
    for life in traffic.into_iter().flat_map(Traffic::stop) {
        assert!(life.failures.is_empty(), "{:?}", life.failures);
    }
    assert!(answered > 0, "there was load");
    let shown = |measured: &mut [Duration]| (quantile(measured, 0.5), quantile(measured, 0.99));
    format!(
        "{kind:?}: {} commands, {answered} requests; with wait=fleet answered after (p50, p99) {:?}; from the answer of one \
         router to the last one serving it {:?}",
        waited.len() * 2,
        shown(&mut waited),
        shown(&mut spread)
    )
}

fn new_pin(router: &Router) -> String {
    let mut visitor: Visitor = router.visitor();
    visitor.get("/");
    visitor.pin.expect("a pin came with the first page")
}

/// A kept connection to a router's API.
struct Watcher<'a>(&'a Router, Wire);

impl<'a> Watcher<'a> {
    fn of(router: &'a Router) -> Self {
        Self(router, Wire::open(router.admin))
    }
}

/// What every router serves, all asked at once.
fn seqs(watchers: &mut [Watcher<'_>]) -> Vec<u64> {
    for Watcher(router, wire) in watchers.iter_mut() {
        let head = format!("GET /api/v1/apps/{APP} HTTP/1.1\r\nHost: {}\r\n", router.admin);
        wire.send(format!("{head}Authorization: Bearer {}\r\n\r\n", token("viewer")));
    }
    let seq = |wire: &mut Wire| {
        let state: Value = serde_json::from_slice(&wire.response("GET").body).expect("a state");
        state["seq"].as_u64().expect("a seq")
    };
    watchers.iter_mut().map(|Watcher(_, wire)| seq(wire)).collect()
}

/// From a router's own answer to a small change until the last router serves it.
fn time_to_the_last(fleet: &Fleet, n: usize, at: usize) -> Duration {
    let mut watchers: Vec<Watcher<'_>> = fleet.routers.iter().map(Watcher::of).collect();
    seqs(&mut watchers);
    let answer = fleet.routers[at].api().put("sticky", &json!({ "sticky": n % 2 == 1 })).expect(200);
    let (since, reached) = (Deadline::after(Duration::ZERO), answer.seq());
    while !seqs(&mut watchers).into_iter().all(|seq| seq >= reached) {}
    let elapsed = since.elapsed();
    fleet.command(at, "PUT", "sticky", &json!({ "sticky": true }), "60s").expect(200);
    elapsed
}

#[test]
fn a_write_of_settings_is_applied_everywhere_too() {
    let fleet = Fleet::start(Kind::Redis, 2);
    let path = "/api/v1/apps/hello/settings?wait=fleet&timeout=60s";
    let settings = json!({ "drainseconds": 77 });
    let answer = fleet.routers[0].api().call("PATCH", path, Some(&settings)).expect(200).json();
    assert_eq!(answer["applied"]["text"], "applied 2 of 2");
    assert_eq!(fleet.routers[1].api().state()["settings"]["drainseconds"], 77);
    let again = fleet.routers[1].api().call("PATCH", path, Some(&settings)).expect(200).json();
    assert_eq!((&again["result"], &again["applied"]["applied"]), (&json!("unchanged"), &json!(2)));
}

#[test]
fn raw_writes_and_the_end_of_an_app_are_applied_everywhere_too() {
    let fleet = Fleet::start(Kind::Redis, 2);
    let (here, there) = (fleet.routers[0].api(), fleet.routers[1].api());
    let wait = "wait=fleet&timeout=20s";
    let everywhere = |answer: Answer| {
        let answer = answer.expect(200).json();
        assert_eq!(
            (&answer["result"], &answer["applied"]["text"]),
            (&json!("done"), &json!("applied 2 of 2"))
        );
    };
    let endpoints = || there.state()["stable"]["endpoints"].as_array().map(Vec::len);
    everywhere(here.kv_put(&format!("rolling/{APP}/stickyness?{wait}"), "0"));
    assert_eq!(there.state()["sticky"], false);
    everywhere(here.kv_put(&format!("rolling/{APP}/stickyness?{wait}"), "0"));
    let more = format!("{}/c9?{wait}", id("v1"));
    everywhere(here.kv_put(&more, "127.0.0.1:9"));
    assert_eq!(endpoints(), Some(2));
    everywhere(here.kv_delete(&more));
    assert_eq!(endpoints(), Some(1));
    // No route depends on it yet: whoever has read it has applied it.
    everywhere(here.kv_put(&format!("{}/c9?{wait}", id("v9")), "127.0.0.1:9"));
    assert_eq!(there.kv_get(&format!("{}/c9", id("v9"))), "127.0.0.1:9");
    assert_eq!(here.kv_put(&format!("rolling/{APP}/stickyness"), "1").expect(200).json(), true);
    here.kv_put(&format!("rolling/{APP}/stickyness?wait=all"), "1").expect(400);
    everywhere(here.call("DELETE", &format!("/api/v1/apps/{APP}?force=true&{wait}"), None));
    there.get("").expect(404);
}

#[test]
fn a_raw_write_names_the_member_that_has_not_applied_it() {
    let mut fleet = Fleet::start(Kind::Redis, 2);
    fleet.routers[1].kill();
    let api = fleet.routers[0].api();
    for path in [format!("rolling/{APP}/stickyness"), format!("{}/c9", id("v1")), format!("{}/c9", id("v9"))]
    {
        let value = if path.ends_with("/c9") { "127.0.0.1:9" } else { "0" };
        let answer = api.kv_put(&format!("{path}?wait=fleet&timeout=3s"), value).expect(202).json();
        assert_eq!((&answer["applied"]["members"], &answer["applied"]["applied"]), (&json!(2), &json!(1)));
        assert_eq!(answer["applied"]["missing"][0]["name"], "r2", "{path}: {answer}");
        assert_eq!(api.kv_get(&path), value, "what was written stands");
    }
    let path = format!("/api/v1/apps/{APP}?force=true&wait=fleet&timeout=3s");
    let answer = api.call("DELETE", &path, None).expect(202).json();
    assert_eq!(answer["applied"]["missing"][0]["name"], "r2", "{answer}");
    api.get("").expect(404);
}

#[test]
fn reports_are_coalesced_and_build_no_table() {
    let fleet = Fleet::start(Kind::Etcd, 3);
    let tables = || {
        let published = fleet.routers.iter().map(|router| router.api().metrics());
        published.map(|metrics| metrics.sum("rolling_tables_published_total", &[])).collect::<Vec<f64>>()
    };
    let before = tables();
    let changes = 20;
    for n in 0..changes {
        fleet.routers[n % 3].api().put("sticky", &json!({ "sticky": n % 2 == 1 })).expect(200);
    }
    fleet.command(0, "PUT", "sticky", &json!({ "sticky": false }), "60s").expect(200);
    eventually("all are at one seq", || fleet.is_at_one_seq());
    for (before, after) in before.iter().zip(tables()) {
        #[allow(clippy::cast_precision_loss, reason = "a few tables")]
        let most = changes as f64 + 1.0;
        assert!(after - before <= most, "{} tables for {} changes", after - before, changes + 1);
    }
}
