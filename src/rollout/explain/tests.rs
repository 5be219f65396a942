//! An explanation is what the request then gets, and gives nothing away.

use serde_json::{Value, json};

use super::{
    BucketSource, CookieChange, CookieReport, Explanation, Peek, PinState, Request, Rule, TrackName, explain,
};
use crate::rollout::{
    assign::{Health, Reason},
    endpoint::AddressPolicy,
    keyspace::{Keyspace, KeyspaceOptions},
    pin::{Pin, PinFormat, PinKey, PinKeys},
    record::Tenure,
    release::ReleaseId,
    request::Evidence,
    table::AppRoutes,
    target::{EndpointSlot, ReleaseSlot},
};

const HOUR: u32 = 24 * 20_000;

/// Everything serves.
struct AllServe;

impl Health for AllServe {
    fn serves(&self, _: EndpointSlot) -> bool {
        true
    }

    fn in_flight(&self, _: EndpointSlot) -> u32 {
        0
    }

    fn drain_over(&self, _: ReleaseSlot) -> bool {
        false
    }
}

/// Stable `a` (tenure 1), candidate `b` (tenure 2) at a blend; tenure 3 was aborted.
fn app(blend: f64) -> std::sync::Arc<AppRoutes> {
    let id = |name: &str| ReleaseId::of_app(&"shop".parse().unwrap(), name, 80).unwrap();
    let record = json!({
        "seq": 7, "stable": {"release": id("a"), "tenure": 1}, "candidate": {"release": id("b"), "tenure": 2},
        "blend": blend, "sticky": true, "previous": null, "draining": [], "lock": null,
        "tenures": {"last": 3, "left": [{"tenure": 3, "reason": "abort"}]},
        "command": "", "actor": "", "reason": "", "at": 1,
    });
    let current = PinKey { id: 9, secret: *b"0123456789abcdef" };
    let mut keyspace = Keyspace::new(KeyspaceOptions {
        default_app: None,
        addresses: AddressPolicy::default(),
        pin_keys: PinKeys { next: None, current, previous: None },
        pin_format: PinFormat::Two,
        https: false,
    });
    keyspace.put("rolling/shop/rollout", record.to_string().as_bytes(), 1);
    for name in ["a", "b"] {
        let address = if name == "a" { "10.0.0.1:80" } else { "10.0.0.2:80" };
        keyspace.put(&format!("{}/c0", id(name)), address.as_bytes(), 2);
    }
    std::sync::Arc::clone(&keyspace.build(2).apps["shop"])
}

fn cookie(app: &AppRoutes, tenure: Tenure, bucket: u16) -> String {
    let pin = Pin {
        bucket,
        client: 0x1122_3344_5566_7788,
        tenure,
        endpoint: app.releases[0].endpoints[0].tag,
        hour: 1,
        move_day: 0,
        moves: 2,
        ..Pin::default()
    };
    format!("theme=dark; rolling_pin={}", String::from_utf8_lossy(&app.pins.encode(&pin)))
}

fn explained(app: &AppRoutes, cookie: &str, bucket: u16) -> Explanation {
    let evidence = Evidence::read(app, std::iter::once(cookie.as_bytes()), false);
    let request = Request {
        method: b"GET",
        path: "/",
        sec_fetch_mode: Some(b"navigate"),
        sec_fetch_dest: Some(b"document"),
        evidence,
        now: u64::from(HOUR) * 3_600_000,
        ..Request::default()
    };
    explain(app, &request, &AllServe, Peek { bucket, random: 5 })
}

#[test]
fn a_pin_is_told_with_its_release_and_endpoint() {
    let app = app(30.0);
    let told = explained(&app, &cookie(&app, 1, 4_711), 0);
    assert_eq!((told.rule, told.reason), (Rule::Pin, Some(Reason::Pin)));
    assert_eq!(told.release.as_ref().map(|release| release.release.as_str()), Some("a"));
    let endpoint = told.endpoint.clone().unwrap();
    assert_eq!((endpoint.address.as_str(), endpoint.pinned), ("10.0.0.1:80", true));
    assert_eq!((told.bucket.bucket, told.bucket.from), (4_711, BucketSource::Pin));
    let text = told.why.join("\n");
    assert!(text.contains("tenure 1, a (stable), bucket 4711"), "{text}");
    assert!(text.contains("stays on a"), "{text}");
}

#[test]
fn a_bucket_is_told_with_its_arithmetic() {
    for (blend, bucket) in [(30.0, 0), (30.0, 9_999), (0.0, 5), (100.0, 5)] {
        let app = app(blend);
        let told = explained(&app, "", bucket);
        let place = (u32::from(bucket) + u32::from(app.bucket_offset)) % 10_000;
        let candidate = place < (blend * 100.0) as u32;
        assert_eq!((told.rule, told.bucket.candidate), (Rule::Bucket, candidate), "{told:?}");
        assert_eq!(u32::from(told.bucket.place), place);
        assert_eq!(
            told.release.as_ref().map(|release| release.track == TrackName::Candidate),
            Some(candidate)
        );
        assert_eq!(told.cookie, CookieReport { change: CookieChange::First, set: true });
        let text = told.why.join("\n");
        assert!(text.contains(&format!("= {place} modulo 10000")), "{text}");
    }
}

#[test]
fn who_lost_a_pin_is_told_why() {
    let app = app(100.0);
    let told = explained(&app, &cookie(&app, 3, 1), 0);
    assert_eq!((told.rule, told.reason), (Rule::Pin, Some(Reason::Abort)));
    assert_eq!(told.cookie, CookieReport { change: CookieChange::Replace, set: true });
    assert!(told.why.join("\n").contains("was aborted: the client moves to a"), "{:?}", told.why);
    let told = explained(&app, &cookie(&app, 9, 1), 0);
    assert_eq!((told.rule, told.reason, told.cookie.set), (Rule::Bucket, Some(Reason::Ahead), false));
}

#[test]
fn no_key_no_mac_and_no_client_number_is_told() {
    let app = app(30.0);
    let cookie = cookie(&app, 1, 4_711);
    let value = cookie.rsplit_once('=').map(|(_, value)| value).unwrap();
    let told: Value = serde_json::to_value(explained(&app, &cookie, 0)).unwrap();
    let text = told.to_string();
    let tag = app.releases[0].endpoints[0].tag;
    for secret in
        [&value[32..], value, "0123456789abcdef", &tag.to_string(), &0x1122_3344_5566_7788_u64.to_string()]
    {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

#[test]
fn values_that_are_no_pins_are_told_as_such() {
    let app = app(30.0);
    let mut forged = cookie(&app, 1, 4_711).into_bytes();
    let last = forged.len() - 5;
    forged[last] = if forged[last] == b'A' { b'B' } else { b'A' };
    let told = explained(&app, std::str::from_utf8(&forged).unwrap(), 0);
    assert_eq!(
        (told.pin.found, told.reason, told.cookie.change),
        (PinState::Forged, Some(Reason::Forged), CookieChange::Replace)
    );
    assert_eq!((told.pin.values, told.pin.contents), (1, None));
}
