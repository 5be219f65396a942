//! The store fails under load: killed and started again, cut off, slowed down. No request notices, and afterwards all
//! routers are at one seq.

use std::time::Duration;

use serde_json::json;

use crate::routers::{Fleet, seq};
use crate::server::Kind;
use crate::support::clock::within;
use crate::support::{Deadline, count, eventually, long};
use crate::traffic::Traffic;

/// How late a healed fleet may be at one seq: about a second is what is wanted, and what is printed; a loaded machine may
/// take longer.
const HEALED: Duration = Duration::from_secs(60);

fn staleness(fleet: &Fleet, at: usize) -> f64 {
    fleet.routers[at].api().metrics().sum("rolling_store_staleness_seconds", &[])
}

/// Commands work again, and all are at one seq; how long that took.
fn heals(fleet: &Fleet, n: usize) -> Duration {
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
fn under_load(
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

fn cut_off(kind: Kind) -> String {
    let mut fleet = Fleet::start(kind, 3);
    under_load(&mut fleet, count(1, 5), |fleet, n| {
        fleet.network.cut(true);
        eventually("staleness grows", || staleness(fleet, 0) > 3.0);
        let refused = fleet.routers[0].api().put("sticky", &json!({ "sticky": false }));
        assert_eq!(refused.status(), 503, "{}", refused.response.text());
        fleet.network.cut(false);
        let healed = heals(fleet, n);
        eventually("staleness falls", || (0..3).all(|at| staleness(fleet, at) < 2.5));
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
