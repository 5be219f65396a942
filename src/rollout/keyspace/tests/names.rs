//! Endpoints by name: what a table makes of what names stand for.

use std::{net::IpAddr, sync::Arc};

use super::{addresses, endpoint, keyspace, record, shop};
use crate::rollout::{keyspace::Keyspace, resolved_names::ResolvedNames, table::RoutingTable};

fn standing_for(names: &[(&str, &[&str])]) -> Arc<ResolvedNames> {
    let ips = |texts: &[&str]| texts.iter().map(|text| text.parse::<IpAddr>().unwrap()).collect();
    Arc::new(names.iter().map(|(host, texts)| (Arc::from(*host), ips(texts))).collect())
}

fn wanted(keyspace: &Keyspace) -> Vec<String> {
    keyspace.wanted_names().iter().map(ToString::to_string).collect()
}

fn stable(table: &RoutingTable) -> Vec<String> {
    addresses(&table.apps["shop"], 0)
}

#[test]
fn each_address_of_a_name_is_an_endpoint_that_keeps_its_slot() {
    let mut keyspace = shop();
    keyspace.put(&endpoint("a", "2"), b" Web:80 ", 14);
    keyspace.set_names(&standing_for(&[("web", &["10.0.0.9", "10.0.0.2", "fd00::1"])]));
    let table = keyspace.build(14);
    assert_eq!(stable(&table), ["10.0.0.2:80", "10.0.0.9:80", "[fd00::1]:80"]);
    assert_eq!((wanted(&keyspace), keyspace.endpoints(&super::release("a"))), (vec!["web:80".to_owned()], 2));
    let release = &table.apps["shop"].releases[0];
    let name_of = |text: &str| release.name_of(text.parse().unwrap()).map(ToString::to_string);
    assert_eq!((name_of("10.0.0.9:80").as_deref(), name_of("10.0.0.7:80")), (Some("web:80"), None));
    let slot = release.endpoints[2].slot;
    keyspace.set_names(&standing_for(&[("web", &["10.0.0.8", "fd00::1"])]));
    let next = keyspace.build(14);
    assert_eq!(stable(&next), ["10.0.0.2:80", "10.0.0.8:80", "[fd00::1]:80"]);
    assert_eq!(next.apps["shop"].releases[0].endpoints[2].slot, slot);
    assert!(keyspace.problems().is_empty());
}

#[test]
fn what_may_not_be_an_endpoint_is_left_out() {
    let mut keyspace = shop();
    keyspace.put(&endpoint("a", "3"), b"web:80", 14);
    let told = [
        "169.254.169.254",
        "127.0.0.1",
        "0.0.0.0",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "10.0.0.7",
    ];
    keyspace.set_names(&standing_for(&[("web", &told)]));
    assert_eq!(stable(&keyspace.build(14)), ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.7:80"]);
    // With another port, that address is not the router's own.
    keyspace.put(&endpoint("a", "3"), b"web:81", 15);
    assert_eq!(stable(&keyspace.build(15)), ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.7:81", "127.0.0.1:81"]);
}

#[test]
fn an_app_keeps_its_last_routes_until_its_new_names_were_looked_up() {
    let mut keyspace = shop();
    let before = keyspace.build(13);
    for container in ["1", "2"] {
        keyspace.delete(&endpoint("a", container), 14);
    }
    keyspace.put(&endpoint("a", "3"), b"web:80", 14);
    let waiting = keyspace.build(14);
    assert!(Arc::ptr_eq(&waiting.apps["shop"], &before.apps["shop"]) && keyspace.has_unknown_names());
    assert_eq!(wanted(&keyspace), ["web:80"]);
    // A candidate with an unknown name does not hold up the abort that drops it.
    keyspace.put(&endpoint("b", "1"), b"elsewhere:80", 15);
    keyspace.set_names(&standing_for(&[("web", &["10.0.0.9"])]));
    assert_eq!(stable(&keyspace.build(15)), ["10.0.0.1:80", "10.0.0.2:80"]);
    let aborted = record(serde_json::json!({ "seq": 6, "candidate": null, "blend": 0 }));
    keyspace.put("rolling/shop/rollout", &aborted, 16);
    let after = keyspace.build(16);
    assert_eq!((after.apps["shop"].seq, stable(&after)), (6, vec!["10.0.0.9:80".to_owned()]));
    assert!(!keyspace.has_unknown_names());
    assert_eq!(wanted(&keyspace), ["web:80"], "nobody routes the other one");
}

#[test]
fn a_name_that_stands_for_nothing_leaves_its_release_without_it() {
    let mut keyspace = keyspace();
    keyspace.put("rolling/shop/rollout", &record(serde_json::json!({ "candidate": null })), 10);
    keyspace.put(&endpoint("a", "1"), b"web:80", 11);
    assert!(stable(&keyspace.build(11)).is_empty(), "there are no routes to keep");
    keyspace.set_names(&standing_for(&[("web", &[])]));
    assert!(stable(&keyspace.build(11)).is_empty());
    assert_eq!(keyspace.build(11).apps["shop"].releases[0].named.len(), 1);
}
