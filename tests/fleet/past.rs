//! The past of a fleet: each router tells the others what its releases did in a minute, so that every page shows the same.

use std::time::Duration;

use crate::{routers::Fleet, server::Kind};
use support::Router;
use support::clock::within;

/// How many requests of the last quarter of an hour a router knows of.
fn requests(router: &Router) -> u64 {
    let past = router.api().get("past?seconds=900").expect(200).json();
    let releases = past["releases"].as_array().expect("releases").clone();
    let steps = releases.iter().flat_map(|release| release["steps"].as_array().cloned().unwrap_or_default());
    steps.map(|step| step["requests"].as_u64().unwrap_or(0)).sum()
}

#[test]
fn every_router_knows_what_all_of_them_did() {
    let fleet = Fleet::start(Kind::Redis, 2);
    for (router, visits) in fleet.routers.iter().zip([3, 4]) {
        let mut visitor = router.visitor();
        (0..visits).for_each(|_| drop(visitor.try_get("/")));
    }
    let known = || fleet.routers.iter().map(requests).collect::<Vec<_>>();
    let same = within(Duration::from_secs(100), || known() == [7, 7]);
    assert!(same, "after the minute is over: {:?}", known());
}
