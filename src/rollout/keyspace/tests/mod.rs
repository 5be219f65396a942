//! What a keyspace makes of what is written, deleted and listed.

mod claims;
mod names;
mod properties;

use std::sync::Arc;

use super::{Keyspace, KeyspaceOptions};
use crate::{
    authority::Authority,
    rollout::{
        app::AppName,
        endpoint::AddressPolicy,
        pin::{PinFormat, PinKey, PinKeys},
        release::ReleaseId,
        set_cookie::PinCookies,
        settings::Settings,
        table::{AppRoutes, RoutingTable, Standing},
        target::ReleaseIndex,
    },
};

fn options() -> KeyspaceOptions {
    let current = PinKey { id: 1, secret: [7; 16] };
    KeyspaceOptions {
        default_app: None,
        addresses: AddressPolicy { own: vec!["127.0.0.1:80".parse().unwrap()], ..AddressPolicy::default() },
        pin_keys: PinKeys { next: None, current, previous: None },
        pin_format: PinFormat::Two,
        https: false,
    }
}

fn keyspace() -> Keyspace {
    Keyspace::new(options())
}

fn app(name: &str) -> AppName {
    name.parse().unwrap()
}

fn release(name: &str) -> ReleaseId {
    ReleaseId::of_app(&"shop".parse().unwrap(), name, 80).unwrap()
}

/// A record with stable `a` (tenure 1), candidate `b` (tenure 2) and the given changes.
/// A record with a release that the fixture's app does not route.
fn record_of_others() -> Vec<u8> {
    record(serde_json::json!({ "stable": { "release": release("x"), "tenure": 1 }, "candidate": null }))
}

fn record(changes: serde_json::Value) -> Vec<u8> {
    let mut record = serde_json::json!({
        "seq": 5, "stable": {"release": release("a"), "tenure": 1},
        "candidate": {"release": release("b"), "tenure": 2}, "blend": 30, "sticky": true, "previous": null,
        "draining": [], "tenures": {"last": 2, "left": []}, "lock": null,
        "command": "candidate", "actor": "ann", "reason": "", "at": 1,
    });
    let record_map = record.as_object_mut().unwrap();
    record_map.extend(changes.as_object().unwrap().clone());
    serde_json::to_vec(&record).unwrap()
}

fn endpoint(release_name: &str, container: &str) -> String {
    format!("{}/{container}", release(release_name))
}

/// The app `shop` with a stable of two endpoints and a candidate of one.
fn shop() -> Keyspace {
    let mut keyspace = keyspace();
    keyspace.put("rolling/shop/rollout", &record(serde_json::json!({})), 10);
    keyspace.put(&endpoint("a", "1"), b"10.0.0.2:80", 11);
    keyspace.put(&endpoint("a", "2"), b"10.0.0.1:80", 12);
    keyspace.put(&endpoint("b", "1"), b"10.0.0.3:80", 13);
    keyspace
}

fn addresses(routes: &AppRoutes, release: usize) -> Vec<String> {
    routes.releases[release].endpoints.iter().map(|endpoint| endpoint.address.to_string()).collect()
}

fn problem_keys(keyspace: &Keyspace) -> Vec<String> {
    keyspace.problems().into_iter().map(|problem| problem.key).collect()
}

#[test]
fn compiles_a_record_and_its_endpoints() {
    let mut keyspace = shop();
    let table = keyspace.build(13);
    let routes = &table.apps["shop"];
    assert_eq!((routes.seq, routes.revision, table.revision), (5, 13, 13));
    assert_eq!((routes.stable, routes.candidate), (Some(ReleaseIndex(0)), Some(ReleaseIndex(1))));
    assert_eq!(addresses(routes, 0), ["10.0.0.1:80", "10.0.0.2:80"]);
    assert_eq!(addresses(routes, 1), ["10.0.0.3:80"]);
    assert_eq!(routes.pin_cookies, PinCookies::new(&Settings::default()));
    assert!(keyspace.problems().is_empty());
}

#[test]
fn only_apps_with_a_record_are_routed() {
    let mut keyspace = keyspace();
    keyspace.put("rolling/shop/stable/id", release("a").as_str().as_bytes(), 1);
    keyspace.put("rolling/shop/settings", br#"{"hosts": ["shop.example"]}"#, 2);
    keyspace.put(&endpoint("a", "1"), b"10.0.0.2:80", 3);
    let table = keyspace.build(3);
    assert!(table.apps.is_empty() && table.hosts.exact.is_empty() && table.default_app.is_none());
    assert_eq!(keyspace.apps(), [app("shop")]);
    assert_eq!(keyspace.old_keys(&app("shop")).stable.as_deref(), Some(release("a").as_str()));
}

#[test]
fn a_bad_record_keeps_the_last_good_one_and_a_deleted_one_ends_the_app() {
    let mut keyspace = shop();
    let bad: [&[u8]; 8] = [
        b"{",
        b"null",
        b"\xff",
        &record(serde_json::json!({"seq": 0})),
        &record(serde_json::json!({"candidate": {"release": release("b"), "tenure": 1}})),
        &record(serde_json::json!({"tenures": {"last": 1, "left": []}})),
        &record(serde_json::json!({"tenures": {"last": 2, "left": [{"tenure": 2, "reason": "abort"}]}})),
        &record(serde_json::json!({"candidate": {"release": release("a"), "tenure": 2}})),
    ];
    for (revision, value) in (20..).zip(bad) {
        keyspace.put("rolling/shop/rollout", value, revision);
        assert_eq!(keyspace.build(revision).apps["shop"].seq, 5, "{}", String::from_utf8_lossy(value));
        assert_eq!(problem_keys(&keyspace), ["rolling/shop/rollout"]);
    }
    keyspace.put("rolling/shop/rollout", &record(serde_json::json!({"seq": 6})), 30);
    assert_eq!(keyspace.build(30).apps["shop"].seq, 6);
    assert!(keyspace.problems().is_empty());
    keyspace.delete("rolling/shop/rollout", 31);
    let table = keyspace.build(31);
    assert!(table.apps.is_empty());
    assert!(
        table.endpoint_slots.iter().all(Option::is_none) && table.release_slots.iter().all(Option::is_none)
    );
}

#[test]
fn a_bad_endpoint_drops_out_alone() {
    let mut keyspace = shop();
    keyspace.put(&endpoint("a", "2"), b"127.0.0.1:80", 20);
    assert_eq!(addresses(&keyspace.build(20).apps["shop"], 0), ["10.0.0.2:80"]);
    let [problem] = &keyspace.problems()[..] else { panic!("one problem") };
    assert_eq!((problem.key.as_str(), problem.value.as_str()), (&*endpoint("a", "2"), "127.0.0.1:80"));
    assert!(problem.allowed.contains("router itself"), "{}", problem.allowed);
    keyspace.put(&endpoint("a", "2"), b" 10.0.0.1:80\n", 21);
    assert_eq!(addresses(&keyspace.build(21).apps["shop"], 0), ["10.0.0.1:80", "10.0.0.2:80"]);
    assert!(keyspace.problems().is_empty());
}

#[test]
fn what_is_shown_of_a_value_is_short_and_escaped() {
    let mut keyspace = keyspace();
    let long = format!("\u{1b}[31m\r\n{}", "x".repeat(10_000));
    keyspace.put(&endpoint("a", "1"), long.as_bytes(), 1);
    let value = &keyspace.problems()[0].value;
    assert!(value.starts_with("\\u{1b}[31m\\r\\nxx") && value.ends_with('…'), "{value}");
    assert!(value.chars().count() < 200 && !value.chars().any(char::is_control), "{value}");
}

#[test]
fn bad_settings_keep_the_last_good_ones() {
    let mut keyspace = shop();
    keyspace.put("rolling/shop/settings", br#"{"pinseconds": 600}"#, 20);
    keyspace.put("rolling/shop/settings", br#"{"pinseconds": 1}"#, 21);
    let table = keyspace.build(21);
    assert_eq!(table.apps["shop"].settings.pinseconds, 600);
    assert!(table.apps["shop"].pin_cookies.by(false).set.after.contains("Max-Age=600"));
    assert!(keyspace.problems()[0].allowed.starts_with("pinseconds: "));
    keyspace.delete("rolling/shop/settings", 22);
    assert_eq!(keyspace.build(22).apps["shop"].settings.pinseconds, 86_400);
    assert!(keyspace.problems().is_empty());
}

#[test]
fn old_keys_that_cannot_be_adopted_are_problems() {
    let mut keyspace = shop();
    for (key, bad, good) in [
        ("rolling/shop/stable/id", "nonsense", release("a").as_str()),
        ("rolling/shop/candidate/id", "apps/x", "rolling/null"),
        ("rolling/shop/blendpercent", "101", "12.5"),
        ("rolling/shop/stickyness", "yes", "1"),
    ] {
        keyspace.put(key, bad.as_bytes(), 20);
        assert_eq!(problem_keys(&keyspace), [key]);
        assert!(keyspace.check(key, bad.as_bytes()).is_err());
        keyspace.put(key, good.as_bytes(), 21);
        assert!(keyspace.problems().is_empty(), "{:?}", keyspace.problems());
        assert_eq!(keyspace.check(key, good.as_bytes()), Ok(()));
    }
    let old = keyspace.old_keys(&app("shop"));
    assert_eq!((old.blend.as_deref(), old.candidate.as_deref()), (Some("12.5"), Some("rolling/null")));
}

#[test]
fn a_stable_that_waits_for_its_first_endpoint_is_a_problem() {
    let mut keyspace = shop();
    keyspace.put("rolling/shop/stable/id", release("c").as_str().as_bytes(), 20);
    let [problem] = &keyspace.problems()[..] else { panic!("one problem") };
    assert_eq!(problem.key, "rolling/shop/stable/id");
    assert!(problem.allowed.contains("apps/shop-c-80/containers/<container id>"), "{}", problem.allowed);
    keyspace.put(&endpoint("c", "1"), b"10.0.0.9:80", 21);
    assert!(keyspace.problems().is_empty());
}

#[test]
fn a_listing_counts_whole() {
    let mut keyspace = shop();
    keyspace.build(13);
    let record = record(serde_json::json!({}));
    let key = endpoint("a", "1");
    let entries: [(&str, &[u8], u64); 2] =
        [("rolling/shop/rollout", &record, 10), (&key, b"10.0.0.2:80", 11)];
    keyspace.replace(&mut entries.into_iter(), 40);
    let table = keyspace.build(40);
    assert_eq!(addresses(&table.apps["shop"], 0), ["10.0.0.2:80"]);
    assert!(table.apps["shop"].releases[1].endpoints.is_empty());
    assert_eq!(table.apps["shop"].revision, 40, "the deletions are part of it");
    keyspace.replace(&mut std::iter::empty(), 41);
    assert!(
        keyspace.build(41).apps.is_empty() && keyspace.apps().is_empty() && keyspace.releases().is_empty()
    );
}

#[test]
fn a_listing_that_brings_nothing_new_shares_every_app() {
    let mut keyspace = shop();
    let before = keyspace.build(13);
    let values: Vec<(String, Vec<u8>, u64)> = keyspace
        .values
        .iter()
        .map(|(key, stored)| (key.clone(), stored.raw.to_vec(), stored.modified))
        .collect();
    keyspace.replace(&mut values.iter().map(|(key, value, at)| (key.as_str(), value.as_slice(), *at)), 50);
    assert!(Arc::ptr_eq(&before.apps["shop"], &keyspace.build(50).apps["shop"]));
}

#[test]
fn untouched_apps_are_shared_and_slots_stay() {
    let mut keyspace = shop();
    keyspace.put(
        "rolling/other/rollout",
        &record(serde_json::json!({"stable": null, "candidate": null})),
        14,
    );
    let before = keyspace.build(14);
    keyspace.put(&endpoint("a", "3"), b"10.0.0.0:80", 15);
    let after = keyspace.build(15);
    assert!(Arc::ptr_eq(&before.apps["other"], &after.apps["other"]));
    let (old, new) = (&before.apps["shop"], &after.apps["shop"]);
    assert_eq!((old.slot, old.releases[0].slot), (new.slot, new.releases[0].slot));
    assert_eq!(old.releases[0].endpoints, new.releases[0].endpoints[1..], "tags and slots stay");
    for release in &new.releases {
        for endpoint in &release.endpoints {
            let key = after.endpoint_slots[endpoint.slot.0].as_ref().unwrap();
            assert_eq!((&key.release, key.address), (&release.id, endpoint.address));
        }
        assert_eq!(after.release_slots[release.slot.0].as_ref().unwrap().tenure, release.tenure);
    }
}

#[test]
fn slots_are_used_again_and_those_of_apps_are_not() {
    let mut keyspace = shop();
    let slots = keyspace.build(13).endpoint_slots.len();
    for round in 0..20 {
        let container = endpoint("b", "1");
        keyspace.put(&container, format!("10.0.1.{round}:80").as_bytes(), 20 + round);
        keyspace.build(20 + round);
    }
    assert!(keyspace.build(50).endpoint_slots.len() <= slots + 1);
    let slot = keyspace.build(51).apps["shop"].slot;
    keyspace.delete("rolling/shop/rollout", 52);
    keyspace.build(52);
    keyspace.put("rolling/new/rollout", &record(serde_json::json!({})), 53);
    assert_ne!(keyspace.build(53).apps["new"].slot, slot);
    keyspace.put("rolling/shop/rollout", &record(serde_json::json!({})), 54);
    assert_eq!(keyspace.build(54).apps["shop"].slot, slot);
}

#[test]
fn a_release_keeps_its_slot_from_track_to_drain() {
    let mut keyspace = shop();
    let before = keyspace.build(13);
    let promoted = serde_json::json!({
        "seq": 6, "stable": {"release": release("b"), "tenure": 2}, "candidate": null, "blend": 0,
        "previous": release("a"),
        "draining": [{"release": release("a"), "tenure": 1, "cause": "promote", "since": 1, "until": 2}],
    });
    keyspace.put("rolling/shop/rollout", &record(promoted), 20);
    let after = keyspace.build(20);
    let (before, after) = (&before.apps["shop"], &after.apps["shop"]);
    assert_eq!(after.releases.len(), 2, "previous drains, so it is listed once");
    assert_eq!(after.releases[0].slot, before.releases[1].slot);
    assert_eq!(after.releases[1].slot, before.releases[0].slot);
    assert_eq!(after.releases[1].standing, Standing::Draining { since: 1, until: 2 });
    assert_eq!(after.releases[1].endpoints, before.releases[0].endpoints);
}

#[test]
fn previous_is_listed_but_not_routed() {
    let mut keyspace = shop();
    let changes = serde_json::json!({ "candidate": null, "previous": release("b") });
    keyspace.put("rolling/shop/rollout", &record(changes), 20);
    let routes = Arc::clone(&keyspace.build(20).apps["shop"]);
    assert_eq!((routes.stable, routes.candidate, routes.releases.len()), (Some(ReleaseIndex(0)), None, 1));
    let previous = routes.previous.as_ref().unwrap();
    assert_eq!((previous.standing, previous.tenure), (Standing::Previous, 0));
    assert_eq!(routes.by_tenure(0), None);
    assert_eq!(previous.endpoints[0].address, "10.0.0.3:80".parse().unwrap());
    assert_eq!(previous.endpoints.len(), 1);
}

#[test]
fn the_first_claim_of_a_host_keeps() {
    let mut keyspace = shop();
    keyspace.put("rolling/other/rollout", &record_of_others(), 14);
    keyspace.put("rolling/shop/settings", br#"{"hosts": ["a.example", "b.example"]}"#, 20);
    keyspace.put("rolling/other/settings", br#"{"hosts": ["b.example", "c.example"]}"#, 21);
    let holder = |keyspace: &mut Keyspace, host: &str| {
        let table = keyspace.build(99);
        let found = table.app_for(Authority::split(host), b"/").unwrap();
        found.map(|found| found.app.name.to_string())
    };
    assert_eq!(holder(&mut keyspace, "b.example").as_deref(), Some("shop"));
    assert_eq!(holder(&mut keyspace, "c.example").as_deref(), Some("other"));
    assert_eq!(holder(&mut keyspace, "d.example"), None, "two apps, no default");
    let [problem] = &keyspace.problems()[..] else { panic!("one problem") };
    assert_eq!((problem.key.as_str(), problem.value.as_str()), ("rolling/other/settings", "b.example"));
    assert!(problem.allowed.contains("app shop"), "{}", problem.allowed);
    assert!(keyspace.check("rolling/other/settings", br#"{"hosts": ["a.example"]}"#).is_err());
    assert!(keyspace.check("rolling/shop/settings", br#"{"hosts": ["a.example"]}"#).is_ok());

    // The holder writes again, later than the other: it still was first.
    keyspace.put("rolling/shop/settings", br#"{"hosts": ["b.example"]}"#, 30);
    assert_eq!(holder(&mut keyspace, "b.example").as_deref(), Some("shop"));
    keyspace.put("rolling/shop/settings", b"{}", 31);
    assert_eq!(holder(&mut keyspace, "b.example").as_deref(), Some("other"));
    assert!(keyspace.problems().is_empty());
}

#[test]
fn the_default_app_is_the_named_or_the_only_one() {
    let mut keyspace = shop();
    let default =
        |keyspace: &mut Keyspace| keyspace.build(1).default_app.map(|routes| routes.name.to_string());
    assert_eq!(default(&mut keyspace).as_deref(), Some("shop"));
    keyspace.put("rolling/other/rollout", &record_of_others(), 14);
    assert_eq!(default(&mut keyspace), None);
    keyspace.put("rolling/default-app", b"shop\n", 15);
    assert_eq!(default(&mut keyspace).as_deref(), Some("shop"), "what is stored counts for all routers");
    for (value, is_bad) in [("gone", false), ("-", false), ("not/a name", true)] {
        keyspace.put("rolling/default-app", value.as_bytes(), 16);
        assert_eq!(default(&mut keyspace).is_some(), is_bad, "a bad value keeps the last good one: {value}");
        assert_eq!(keyspace.problems().len(), usize::from(is_bad));
        keyspace.put("rolling/default-app", b"shop", 17);
    }
    keyspace.delete("rolling/default-app", 18);
    assert_eq!(default(&mut keyspace), None);
    let mut named = Keyspace::new(KeyspaceOptions { default_app: Some(app("other")), ..options() });
    named.put("rolling/default-app", b"shop", 1);
    named.put("rolling/shop/rollout", &record(serde_json::json!({})), 1);
    assert_eq!(default(&mut named), None, "the only app is not the one that was named");
    named.put("rolling/other/rollout", &record(serde_json::json!({})), 2);
    assert_eq!(default(&mut named).as_deref(), Some("other"));
}

#[test]
fn new_pin_keys_reach_every_app() {
    let mut keyspace = shop();
    let before = keyspace.build(13);
    keyspace.set_pin_signing(options().pin_keys, PinFormat::Two);
    assert!(
        Arc::ptr_eq(&before.apps["shop"], &keyspace.build(13).apps["shop"]),
        "the same keys change nothing"
    );
    let current = PinKey { id: 2, secret: [8; 16] };
    let keys = PinKeys { current, ..options().pin_keys };
    keyspace.set_pin_signing(keys.clone(), PinFormat::Two);
    let after = keyspace.build(13);
    assert!(!Arc::ptr_eq(&before.apps["shop"], &after.apps["shop"]));
    keyspace.set_pin_signing(keys, PinFormat::One);
    assert!(!Arc::ptr_eq(&after.apps["shop"], &keyspace.build(13).apps["shop"]), "another format");
}

#[test]
fn the_routers_own_keys_events_and_strangers_are_no_part_of_it() {
    let mut keyspace = keyspace();
    for key in ["rolling/null", "rolling/router/pin-keys", "rolling/shop/events/000000000001", "other", ""] {
        keyspace.put(key, b"\xff", 1);
        keyspace.delete(key, 2);
        assert_eq!(keyspace.check(key, b"\xff"), Ok(()));
    }
    assert!(keyspace.apps().is_empty() && keyspace.problems().is_empty() && keyspace.values.is_empty());
}

#[test]
fn a_release_that_two_apps_route_is_shown() {
    let mut keyspace = shop();
    // Where a rollback would go is not routed.
    let way_back = serde_json::json!({ "stable": null, "candidate": null, "previous": release("a") });
    keyspace.put("rolling/other/rollout", &record(way_back), 14);
    keyspace.build(14);
    assert_eq!(keyspace.problems(), []);
    keyspace.put("rolling/other/rollout", &record(serde_json::json!({ "candidate": null })), 15);
    keyspace.build(15);
    let [problem] = &keyspace.problems()[..] else { panic!("one problem") };
    assert_eq!((problem.key.as_str(), problem.value.as_str()), (release("a").as_str(), "other, shop"));
    keyspace.put("rolling/other/rollout", &record_of_others(), 16);
    keyspace.build(16);
    assert_eq!(keyspace.problems(), []);
}

#[test]
fn a_null_that_is_not_adopted_is_shown() {
    let mut keyspace = shop();
    keyspace.put("rolling/shop/stable/id", b"rolling/null", 20);
    let problems = |keyspace: &Keyspace| {
        let keys = keyspace.problems().into_iter().map(|problem| (problem.key, problem.value));
        keys.collect::<Vec<_>>()
    };
    let held = [("rolling/shop/stable/id".to_owned(), "rolling/null".to_owned())];
    assert_eq!(problems(&keyspace), held);
    keyspace.build(20);
    assert_eq!(problems(&keyspace), held);
    keyspace.put("rolling/shop/stable/id", release("a").as_str().as_bytes(), 21);
    assert_eq!(problems(&keyspace), []);
}

#[test]
fn apps_that_share_a_cookies_domain_need_different_names() {
    let mut keyspace = shop();
    keyspace.put("rolling/other/rollout", &record_of_others(), 14);
    let domain = br#"{"cookie": {"domain": "shop.example"}}"#;
    keyspace.put("rolling/shop/settings", domain, 20);
    keyspace.put("rolling/other/settings", domain, 21);
    keyspace.build(21);
    let [problem] = &keyspace.problems()[..] else { panic!("one problem") };
    assert_eq!((problem.key.as_str(), problem.value.as_str()), ("rolling/other/settings", "rolling_pin"));
    assert!(keyspace.check("rolling/other/settings", domain).is_err());
    let named = br#"{"cookie": {"domain": "shop.example", "name": "other_pin"}}"#;
    assert_eq!(keyspace.check("rolling/other/settings", named), Ok(()));
}
