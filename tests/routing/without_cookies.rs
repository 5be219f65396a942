//! Clients that keep no cookies, known by a header or by their address: nothing is stored with them, and still each has
//! its place, its release and its endpoint.

use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use support::{Response, Router, RouterBuilder, echo, router};

fn known_by(builder: RouterBuilder, source: &str) -> Router {
    builder.key("rolling/hello/settings", &json!({ "pin": source }).to_string()).start()
}

/// Stable `v1` and candidate `v2`, two endpoints each.
fn both(blend: u32) -> RouterBuilder {
    let two = |release| vec![echo(release), echo(release)];
    router().stable_on("v1", two("v1")).candidate_on("v2", two("v2")).blend(blend)
}

fn ask(router: &Router, headers: &str) -> Response {
    let mut wire = router.connect();
    wire.send(format!(
        "GET / HTTP/1.1\r\nHost: {}\r\nSec-Fetch-Mode: navigate\r\n{headers}\r\n",
        router.host
    ));
    let response = wire.response("GET");
    assert_eq!(response.status, 200, "{}", response.text());
    assert_eq!(response.header_all("set-cookie"), Vec::<&str>::new(), "nothing is stored");
    response
}

/// Where each of so many devices is: release and endpoint.
fn places(router: &Router, devices: usize) -> BTreeMap<usize, (String, String)> {
    let place = |device: usize| {
        let response = ask(router, &format!("X-Device-Id: device {device}\r\n"));
        let text = |name| response.header(name).unwrap_or_default().to_owned();
        (device, (text("x-release"), text("x-endpoint")))
    };
    (0..devices).map(place).collect()
}

fn on(places: &BTreeMap<usize, (String, String)>, release: &str) -> BTreeSet<usize> {
    places.iter().filter(|(_, (at, _))| at == release).map(|(device, _)| *device).collect()
}

fn set_blend(router: &Router, percent: u32) {
    router.api().put("blend", &json!({ "percent": percent })).expect(200);
}

#[test]
fn a_device_keeps_its_place_and_the_blend_moves_exactly_those_it_must() {
    let router = known_by(both(20), "header:X-Device-Id");
    let at_20 = places(&router, 150);
    assert_eq!(places(&router, 150), at_20, "release and endpoint");
    set_blend(&router, 60);
    let at_60 = places(&router, 150);
    assert!(on(&at_60, "v2").is_superset(&on(&at_20, "v2")), "raising only adds");
    let (few, many) = (on(&at_20, "v2").len(), on(&at_60, "v2").len());
    assert!((8..=60).contains(&few) && (60..=120).contains(&many), "{few} and {many} of 150");
    for device in on(&at_20, "v2").iter().chain(&on(&at_60, "v1")) {
        assert_eq!(at_60[device], at_20[device], "whoever stays keeps the endpoint too");
    }
    set_blend(&router, 20);
    assert_eq!(places(&router, 150), at_20, "lowering takes back exactly those");
}

#[test]
fn releasing_moves_devices_by_the_table_for_those_without_pins() {
    let router = known_by(both(40), "header:x-device-id");
    let before = places(&router, 60);
    router.api().post("promote", &json!({})).expect(200);
    let promoted = places(&router, 60);
    assert_eq!(on(&promoted, "v2").len(), 60, "nothing drains for whoever has no pin");
    for device in on(&before, "v2") {
        assert_eq!(promoted[&device], before[&device], "the candidate's own notice nothing");
    }
    router.api().post("rollback", &json!({})).expect(200);
    assert_eq!(on(&places(&router, 60), "v1").len(), 60);
    router.api().put("candidate", &json!({ "release": "v2", "blend": 50 })).expect(200);
    router.api().post("abort", &json!({})).expect(200);
    assert_eq!(on(&places(&router, 60), "v1").len(), 60);
}

#[test]
fn when_an_endpoint_drains_only_its_own_devices_go_elsewhere_and_they_come_back() {
    let router =
        known_by(router().stable_on("v1", vec![echo("v1"), echo("v1"), echo("v1")]), "header:x-device-id");
    let before = places(&router, 60);
    let leaving = router.endpoints[0].1.address.to_string();
    let path = format!("releases/v1/endpoints/{leaving}/drain");
    router.api().put(&path, &json!({})).expect(200);
    let meanwhile = places(&router, 60);
    let mut moved = 0;
    for (device, (_, endpoint)) in &before {
        let now = &meanwhile[device].1;
        assert_ne!(*now, leaving);
        assert!(*endpoint == leaving || endpoint == now, "only those of that endpoint move");
        moved += usize::from(*endpoint == leaving);
    }
    assert!((5..=40).contains(&moved), "about a third: {moved} of 60");
    router.api().delete(&path).expect(200);
    assert_eq!(places(&router, 60), before);
}

#[test]
fn an_address_is_that_of_the_client_behind_trusted_proxies_only() {
    let spread = |router: &Router| -> BTreeSet<String> {
        let from = |n| ask(router, &format!("X-Forwarded-For: 198.51.100.{n}\r\n"));
        (0..80).map(|n| from(n).header("x-endpoint").unwrap_or_default().to_owned()).collect()
    };
    let trusting = known_by(both(50).flag("--trusted-networks").flag("127.0.0.0/8"), "address");
    assert_eq!(spread(&trusting).len(), 4, "eighty clients are at every endpoint");
    assert_eq!(spread(&known_by(both(50), "address")).len(), 1, "anybody may claim to be somebody else");
}

#[test]
fn without_the_header_a_device_is_known_by_its_address() {
    let router = known_by(both(50), "header:x-device-id");
    let place = |headers: &str| ask(&router, headers).header("x-endpoint").unwrap_or_default().to_owned();
    let first = place("");
    for headers in ["", "X-Device-Id:\r\n", "X-Other: 1\r\n"] {
        assert_eq!(place(headers), first, "{headers:?}");
    }
}

#[test]
fn a_pin_of_other_days_counts_for_nothing_and_goes_no_further() {
    let router = both(50).start();
    let mut visitor = router.visitor();
    visitor.get("/");
    let pin = visitor.pin.expect("it was pinned by cookie");
    router.api().put("settings", &json!({ "pin": "address" })).expect(200);
    let place = |headers: &str| ask(&router, headers).header("x-endpoint").unwrap_or_default().to_owned();
    let own = place("");
    router.endpoints.iter().for_each(|(_, endpoint)| drop(endpoint.take()));
    assert_eq!(place(&format!("Cookie: a=b; rolling_pin={pin}\r\n")), own);
    let received =
        router.endpoints.iter().flat_map(|(_, endpoint)| endpoint.take()).next().expect("it arrived");
    assert_eq!(received.header("cookie"), Some("a=b"));
}

#[test]
fn what_is_no_source_is_refused_by_name() {
    let router = router().stable("v1").start();
    for source in [json!("ip"), json!("header:"), json!("header:cookie"), json!(1)] {
        let answer = router.api().put("settings", &json!({ "pin": source })).expect(422);
        assert_eq!(answer.json()["error"]["field"], "pin", "{source}");
    }
    let kept: Value = router.api().get("settings?effective=true").expect(200).json();
    assert_eq!(kept["pin"], "cookie");
}
