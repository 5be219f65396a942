//! The store fails under load: killed and started again, cut off, slowed down. No request notices, and afterwards all
//! routers are at one seq.

use std::time::Duration;

use serde_json::json;

use crate::proxy::Trap;
use crate::routers::{Fleet, seq};
use crate::server::Kind;
use support::clock::within;
use support::router::id;
use support::traffic::Traffic;
use support::{Deadline, Router, count, echo, eventually, long};

/// How late a healed fleet may be at one seq: about a second is what is wanted, and what is printed; a loaded machine may
/// take longer.
const HEALED: Duration = Duration::from_secs(60);

fn staleness(fleet: &Fleet, at: usize) -> f64 {
    fleet.routers[at].api().metrics().sum("rolling_store_staleness_seconds", &[])
}

/// Commands work again, and all are at one seq; how long that took.
pub fn heals(fleet: &Fleet, n: usize) -> Duration {
    let since = Deadline::after(HEALED);
    let body = json!({ "sticky": n % 2 == 1 });
    let command = || fleet.routers[n % fleet.routers.len()].api().put("sticky", &body).status() == 200;
    assert!(within(HEALED, command), "commands do not work again");
    let reached = seq(&fleet.routers[n % fleet.routers.len()]);
    let all = || fleet.routers.iter().all(|router| seq(router) >= reached) && fleet.is_at_one_seq();
    assert!(within(HEALED, all), "not at one seq");
    since.elapsed()
}

/// Runs a fault many times under load, and fails when a request did; what was measured, in words.
pub fn under_load(
    fleet: &mut Fleet,
    rounds: usize,
    mut fault: impl FnMut(&mut Fleet, usize) -> Duration,
) -> String {
    let traffic: Vec<Traffic> = fleet.routers.iter().map(|router| Traffic::start(router, 2)).collect();
    eventually("there is load", || traffic.iter().all(|traffic| traffic.answered() > 10));
    let healed: Vec<Duration> = (0..rounds).map(|n| fault(fleet, n)).collect();
    let answered: usize = traffic.iter().map(Traffic::answered).sum();
    for life in traffic.into_iter().flat_map(Traffic::stop) {
        assert!(life.failures.is_empty(), "{:?}", life.failures);
        assert_eq!(life.connects, 1, "a connection was closed");
    }
    format!("{rounds} faults, {answered} requests, at one seq again after {healed:?}")
}

fn killed(kind: Kind) -> String {
    let mut fleet = Fleet::start(kind, 3);
    let measured = under_load(&mut fleet, count(3, 20), |fleet, n| {
        fleet.server.kill();
        let refused = fleet.routers[0].api().put("sticky", &json!({ "sticky": false }));
        assert_eq!(refused.status(), 503, "{}", refused.response.text());
        eventually("the outage is seen", || {
            let router = fleet.routers[1].api().call("GET", "/api/v1/router", None).expect(200).json();
            router["store"]["state"] == "down"
        });
        fleet.server.restart();
        heals(fleet, n)
    });
    eventually("everybody is heard from again", || fleet.is_whole(3));
    fleet.command(0, "PUT", "sticky", &json!({ "sticky": false }), "60s").expect(200);
    measured
}

#[test]
fn an_etcd_that_is_killed_again_and_again_fails_no_request() {
    println!("{}", killed(Kind::Etcd));
}

#[test]
fn a_redis_that_is_killed_again_and_again_fails_no_request() {
    println!("{}", killed(Kind::Redis));
}

/// How many endpoints stable has, as each router sees it.
fn endpoints(fleet: &Fleet) -> Vec<Option<usize>> {
    let of = |router: &Router| router.api().state()["stable"]["endpoints"].as_array().map(Vec::len);
    fleet.routers.iter().map(of).collect()
}

fn cut_off(kind: Kind) -> String {
    let mut fleet = Fleet::start(kind, 3);
    let (second, key) = (echo("v1"), format!("{}/c9", id("v1")));
    under_load(&mut fleet, count(1, 5), |fleet, n| {
        fleet.server.put(&key, &second.address.to_string());
        eventually("everybody knows the endpoint", || endpoints(fleet) == [Some(2); 3]);
        fleet.network.cut(true);
        fleet.server.delete(&key);
        eventually("staleness grows", || staleness(fleet, 0) > 3.0);
        assert_eq!(endpoints(fleet), [Some(2); 3], "nobody can know of the deletion");
        let refused = fleet.routers[0].api().put("sticky", &json!({ "sticky": false }));
        assert_eq!(refused.status(), 503, "{}", refused.response.text());
        fleet.network.cut(false);
        let healed = heals(fleet, n);
        eventually("staleness falls", || (0..3).all(|at| staleness(fleet, at) < 2.5));
        eventually("everybody knows of the deletion", || endpoints(fleet) == [Some(1); 3]);
        healed
    })
}

#[test]
fn an_etcd_that_is_cut_off_fails_no_request_and_staleness_says_for_how_long() {
    println!("{}", cut_off(Kind::Etcd));
}

#[test]
fn a_redis_that_is_cut_off_fails_no_request_and_staleness_says_for_how_long() {
    println!("{}", cut_off(Kind::Redis));
}

/// A router that was cut off by a firewall that was started again asked for ever on its old connection, on which nothing
/// came any more, not even an end: each caller gave up before the connection did.
fn forgotten(kind: Kind) -> String {
    let mut fleet = Fleet::start(kind, 3);
    under_load(&mut fleet, count(1, 5), |fleet, n| {
        fleet.network.forget();
        let healed = heals(fleet, n);
        assert!(fleet.network.connected_since() >= fleet.routers.len(), "each router has connected anew");
        eventually("all follow the store", || fleet.store_states().iter().all(|state| state == "current"));
        healed
    })
}

#[test]
fn connections_to_etcd_that_a_firewall_forgot_are_given_up() {
    println!("{}", forgotten(Kind::Etcd));
}

#[test]
fn connections_to_redis_that_a_firewall_forgot_are_given_up() {
    println!("{}", forgotten(Kind::Redis));
}

/// How often a command of this reason is in the app's history.
fn times(router: &Router, reason: &str) -> usize {
    let history = router.api().get("history?limit=50").expect(200).json();
    let events = history["events"].as_array().expect("events");
    events.iter().filter(|event| event["reason"] == reason).count()
}

#[test]
fn a_promote_whose_answer_is_lost_is_read_back_and_answered() {
    let fleet = Fleet::start(Kind::Redis, 2);
    fleet.command(0, "PUT", "candidate", &json!({ "id": id("v2") }), "10s").expect(200);
    fleet.network.set_trap("its answer is lost", Trap::LoseAnswers);
    let body = json!({ "release": "v2", "reason": "its answer is lost" });
    let answer = fleet.command(0, "POST", "promote", &body, "10s").expect(200).json();
    assert_eq!((&answer["result"], &answer["stable"]["release"]), (&json!("done"), &json!("v2")));
    assert_eq!(times(&fleet.routers[1], "its answer is lost"), 1);
    assert!(fleet.is_at_one_seq());
}

#[test]
fn a_promote_whose_outcome_is_unknown_is_said_so_and_repeating_it_is_harmless() {
    let fleet = Fleet::start(Kind::Redis, 2);
    fleet.command(0, "PUT", "candidate", &json!({ "id": id("v2") }), "10s").expect(200);
    fleet.network.set_trap("then it is cut", Trap::Cut);
    let body = json!({ "release": "v2", "reason": "then it is cut" });
    let unknown = fleet.routers[0].api().post("promote", &body).expect(503);
    assert_eq!(unknown.code(), "outcome_unknown", "{}", unknown.response.text());
    assert!(unknown.response.header("retry-after").is_some());
    fleet.network.cut(false);
    eventually("it can be repeated", || fleet.routers[0].api().post("promote", &body).status() == 200);
    eventually("all are at one seq", || fleet.is_at_one_seq());
    for router in &fleet.routers {
        assert_eq!((router.visitor().release(), times(router, "then it is cut")), ("v2".into(), 1));
    }
}

fn slowed(kind: Kind) -> String {
    let mut fleet = Fleet::start(kind, 3);
    under_load(&mut fleet, 1, |fleet, _| {
        fleet.network.delay(Duration::from_millis(500));
        for n in 0..if long() { 20 } else { 3 } {
            fleet.command(n % 3, "PUT", "sticky", &json!({ "sticky": n % 2 == 1 }), "60s").expect(200);
            assert!(fleet.is_at_one_seq());
        }
        fleet.network.delay(Duration::ZERO);
        heals(fleet, 50)
    })
}

#[test]
fn a_slow_etcd_fails_no_request_and_answers_stay_true() {
    println!("{}", slowed(Kind::Etcd));
}

#[test]
fn a_slow_redis_fails_no_request_and_answers_stay_true() {
    println!("{}", slowed(Kind::Redis));
}
