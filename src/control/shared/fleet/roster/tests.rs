//! The roster: who is a member, who is silent, presumed gone, behind, or off by its clock.

use super::*;
use crate::control::shared::entries::encode;

const WALL: u64 = 1_763_630_000_000;

fn roster() -> (Roster, Clock) {
    let clock = Clock::manual(WALL);
    (Roster::new("r1", clock.clone()), clock)
}

fn enter(roster: &Roster, node: &str) {
    let entry = Entry { name: node.to_uppercase(), version: "1".into(), ..Entry::default() };
    assert!(roster.take(&Kind::Entry.key(node), Some(&encode(&entry))));
}

/// A sign of life from a clock that is off by this much.
fn live(roster: &Roster, clock: &Clock, node: &str, off_ms: i64) {
    let at = clock.wall_ms().saturating_add_signed(off_ms);
    roster.take(&Kind::SignOfLife.key(node), Some(&encode(&SignOfLife { at, ..SignOfLife::default() })));
}

fn off(roster: &Roster) -> Vec<String> {
    roster.members().into_keys().filter(|node| roster.is_clock_off(node)).collect()
}

#[test]
fn a_member_is_what_has_an_entry() {
    let (roster, clock) = roster();
    live(&roster, &clock, "r9", 0);
    assert!(roster.members().is_empty());
    enter(&roster, "r2");
    enter(&roster, "r1");
    assert_eq!((roster.members().len(), roster.others()), (2, 1));
    assert_eq!(roster.members()["r2"].name("r2"), "R2");
    roster.take(&Kind::Entry.key("r2"), None);
    assert_eq!(roster.others(), 0);
    assert!(!roster.take("rolling/router/epoch", Some(b"x")), "no member's key");
}

#[test]
fn silence_counts_from_the_last_sign_of_life() {
    let (roster, clock) = roster();
    enter(&roster, "r2");
    live(&roster, &clock, "r2", 0);
    clock.advance(Duration::from_secs(4));
    assert_eq!(roster.members()["r2"].silent(&clock), Some(Duration::from_secs(4)));
    roster.take(&Kind::SignOfLife.key("r2"), None);
    let member = &roster.members()["r2"];
    assert!(member.alive.is_none());
    assert_eq!(member.silent(&clock), Some(Duration::from_secs(4)));
}

#[test]
fn a_member_that_is_silent_for_long_is_presumed_gone_until_its_next_sign() {
    let (roster, clock) = roster();
    let after = Some(Duration::from_secs(10));
    let gone = |roster: &Roster| roster.members()["r2"].is_gone(after, clock.monotonic());
    enter(&roster, "r2");
    clock.advance(Duration::from_secs(9));
    assert!(!gone(&roster));
    clock.advance(Duration::from_secs(1));
    assert!(gone(&roster), "it never gave a sign");
    assert!(!roster.members()["r2"].is_gone(None, clock.monotonic()), "0: never");
    live(&roster, &clock, "r2", 0);
    clock.advance(Duration::from_secs(60));
    assert!(!gone(&roster), "its lease holds");
    roster.take(&Kind::SignOfLife.key("r2"), None);
    assert!(!gone(&roster), "its lease has only just ended");
    clock.advance(Duration::from_secs(10));
    assert!(gone(&roster));
}

/// A router that was cut off from the store has heard of nobody: that is its own silence, not theirs.
#[test]
fn silence_counts_anew_after_a_listing() {
    let (roster, clock) = roster();
    let entry = Entry { name: "R2".into(), ..Entry::default() };
    let key = Kind::Entry.key("r2").parse().unwrap();
    let entry = keyvalues::Entry { key, value: encode(&entry).into(), created: 7, modified: 7, lease: None };
    let listing = Listing { entries: vec![entry], revision: 7 };
    let gone = || roster.members()["r2"].is_gone(Some(Duration::from_secs(10)), clock.monotonic());
    roster.replace(&listing);
    clock.advance(Duration::from_secs(3_600));
    assert!(gone());
    roster.replace(&listing);
    assert!(!gone());
    clock.advance(Duration::from_secs(10));
    assert!(gone());
}

#[test]
fn the_member_whose_clock_differs_from_most_is_off() {
    let (roster, clock) = roster();
    enter(&roster, "r1");
    assert!(off(&roster).is_empty(), "alone");
    enter(&roster, "r2");
    live(&roster, &clock, "r2", 4_000);
    assert!(off(&roster).is_empty());
    for _ in 0..SKEW_SAMPLES {
        live(&roster, &clock, "r2", -60_000);
    }
    assert_eq!(off(&roster), ["r1", "r2"], "of two nobody can tell");
    enter(&roster, "r3");
    live(&roster, &clock, "r3", 100);
    assert_eq!(off(&roster), ["r2"]);
    assert!(!roster.is_own_clock_off());
}

/// A router that was stopped for a while reads all signs of life of that time at once, most of them late.
#[test]
fn signs_of_life_that_were_under_way_for_long_do_not_make_a_clock_off() {
    let (roster, clock) = roster();
    enter(&roster, "r1");
    enter(&roster, "r2");
    for late in [-12_000, -10_000, -8_000, -20] {
        live(&roster, &clock, "r2", late);
    }
    assert!(off(&roster).is_empty());
    assert_eq!(roster.members()["r2"].skew_ms(&clock), Some(-20));
}

#[test]
fn a_member_that_serves_something_else_for_long_is_behind() {
    let (roster, clock) = roster();
    let report =
        |seq| Report { apps: ServedApps::unit("shop".parse().unwrap(), (seq, 40)), ..Report::default() };
    roster.serve(report(8));
    enter(&roster, "r2");
    roster.take(&Kind::Report.key("r2"), Some(&encode(&report(7))));
    roster.compare();
    let behind = || roster.members()["r2"].is_behind(clock.monotonic());
    assert!(!behind());
    clock.advance(BEHIND_AFTER);
    roster.compare();
    assert!(behind());
    let differing = roster.differing(&roster.members()["r2"]);
    assert_eq!(differing, [("shop".parse().unwrap(), Some(7))].into());
    roster.take(&Kind::Report.key("r2"), Some(&encode(&report(8))));
    roster.compare();
    assert!(!behind());
}

/// A sign of life of a member whose clock goes on since then, and is off by this much.
fn live_since(roster: &Roster, clock: &Clock, node: &str, clock_since: u64, off_ms: i64) {
    let at = clock.wall_ms().saturating_add_signed(off_ms);
    let sign = SignOfLife { at, clock_since, ..SignOfLife::default() };
    roster.take(&Kind::SignOfLife.key(node), Some(&encode(&sign)));
}

/// Signs are written seldom, so nobody waits until there are enough new ones.
#[test]
fn a_clock_that_is_set_is_known_from_its_first_sign() {
    let (roster, clock) = roster();
    ["r1", "r2", "r3"].iter().for_each(|node| enter(&roster, node));
    live(&roster, &clock, "r3", 0);
    for _ in 0..SKEW_SAMPLES {
        live_since(&roster, &clock, "r2", 7, 0);
    }
    assert!(off(&roster).is_empty());
    live_since(&roster, &clock, "r2", 8, -60_000);
    assert_eq!(off(&roster), ["r2"]);
}

/// The others do not say anything new because this router's clock was set.
#[test]
fn the_own_clock_is_off_as_soon_as_it_is_set() {
    let (roster, clock) = roster();
    for node in ["r1", "r2", "r3"] {
        enter(&roster, node);
        live(&roster, &clock, node, 0);
    }
    clock.advance(Duration::from_secs(3_600));
    assert!(!roster.is_own_clock_off());
    clock.set_wall(clock.wall_ms() - 60_000);
    assert!(roster.is_own_clock_off());
    assert_eq!(off(&roster), ["r1"]);
    clock.set_wall(clock.wall_ms() + 61_000);
    assert!(!roster.is_own_clock_off());
}

#[test]
fn who_comes_and_whose_clock_is_set_is_an_arrival() {
    let (roster, clock) = roster();
    let came = |roster: &Roster, act: &dyn Fn()| {
        let before = roster.arrivals();
        act();
        roster.arrivals() - before
    };
    enter(&roster, "r2");
    assert_eq!(came(&roster, &|| live_since(&roster, &clock, "r2", 7, 0)), 1, "it comes");
    assert_eq!(came(&roster, &|| live_since(&roster, &clock, "r2", 7, 0)), 0, "it is there");
    assert_eq!(came(&roster, &|| live_since(&roster, &clock, "r2", 8, 0)), 1, "its clock was set");
    assert_eq!(came(&roster, &|| live_since(&roster, &clock, "r1", 7, 0)), 0, "that is this router");
    let gone = || assert!(roster.take(&Kind::SignOfLife.key("r2"), None));
    assert_eq!(came(&roster, &gone), 0);
    assert_eq!(came(&roster, &|| live_since(&roster, &clock, "r2", 8, 0)), 1, "it comes back");
    let listing = |node: &str| {
        let value = encode(&SignOfLife { clock_since: 8, ..SignOfLife::default() });
        let key = Kind::SignOfLife.key(node).parse().unwrap();
        let entry = keyvalues::Entry { key, value: value.into(), created: 7, modified: 7, lease: None };
        Listing { entries: vec![entry], revision: 7 }
    };
    assert_eq!(came(&roster, &|| roster.replace(&listing("r2"))), 0, "it was there before the listing");
    assert_eq!(came(&roster, &|| roster.replace(&listing("r3"))), 1, "it came unseen");
}

#[test]
fn who_keeps_its_lease_alive_is_heard_from_though_it_writes_nothing() {
    let (roster, clock) = roster();
    enter(&roster, "r2");
    live(&roster, &clock, "r2", 0);
    clock.advance(Duration::from_secs(80));
    assert_eq!(roster.members()["r2"].silent(&clock), Some(SIGN_OF_LIFE_TTL));
    roster.take(&Kind::SignOfLife.key("r2"), None);
    clock.advance(Duration::from_secs(10));
    assert_eq!(roster.members()["r2"].silent(&clock), Some(SIGN_OF_LIFE_TTL + Duration::from_secs(10)));
}
