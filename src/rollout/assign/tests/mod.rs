//! Section 5's table, row by row, and what testers choose, then its promises for random tables, pins, health and blends.

mod pins;
mod properties;
mod recycle;
mod rows;
mod shielding;
mod testers;

use std::{collections::HashSet, sync::Arc};

use serde_json::{Value, json};

use super::*;
use crate::rollout::{
    bucket,
    endpoint::AddressPolicy,
    keyspace::{Keyspace, KeyspaceOptions},
    pin::{Pin, PinFormat, PinKey, PinKeys},
    record::Tenure,
    release::ReleaseId,
    table::AppRoutes,
    target::{EndpointSlot, ReleaseIndex, ReleaseSlot},
};

/// Hours since the Unix epoch in every test: the first of a day.
const HOUR: u32 = 24 * 20_000;

/// The same in seconds.
const SECONDS: u64 = HOUR as u64 * 3_600;

fn keys(id: u8) -> PinKeys {
    PinKeys { next: None, current: PinKey { id, secret: [id; 16] }, previous: None }
}

fn release(name: &str) -> ReleaseId {
    ReleaseId::of_app(&"shop".parse().unwrap(), name, 80).unwrap()
}

fn stay(name: &str, tenure: Tenure) -> Value {
    json!({"release": release(name), "tenure": tenure})
}

fn draining(name: &str, tenure: Tenure) -> Value {
    json!({"release": release(name), "tenure": tenure, "cause": "promote", "since": 1, "until": 2})
}

/// An app whose record has the given fields beside empty ones, with endpoints per release.
fn app(fields: Value, settings: &Value, endpoints: &[(&str, u8)]) -> Arc<AppRoutes> {
    let mut record = json!({
        "seq": 1, "stable": null, "candidate": null, "blend": 0, "sticky": true, "previous": null,
        "draining": [], "tenures": {"last": 9, "left": []}, "lock": null,
        "command": "", "actor": "", "reason": "", "at": 1,
    });
    record.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let mut keyspace = Keyspace::new(KeyspaceOptions {
        default_app: None,
        addresses: AddressPolicy::default(),
        pin_keys: keys(1),
        pin_format: PinFormat::Two,
        https: false,
    });
    keyspace.put("rolling/shop/rollout", record.to_string().as_bytes(), 1);
    keyspace.put("rolling/shop/settings", settings.to_string().as_bytes(), 1);
    for (place, (name, count)) in (1..).zip(endpoints) {
        for number in 0..*count {
            let address = format!("10.0.{place}.{number}:80");
            keyspace.put(&format!("{}/{number}", release(name)), address.as_bytes(), 2);
        }
    }
    assert_eq!(keyspace.problems(), []);
    Arc::clone(&keyspace.build(2).apps["shop"])
}

/// Stable `a` (tenure 1) and candidate `b` (tenure 2), two endpoints each, at this blend.
fn two_tracks(blend: f64) -> Arc<AppRoutes> {
    let fields = json!({"stable": stay("a", 1), "candidate": stay("b", 2), "blend": blend});
    app(fields, &json!({}), &[("a", 2), ("b", 2)])
}

/// Health by hand.
#[derive(Debug, Clone, Default)]
struct Fake {
    down: HashSet<EndpointSlot>,
    /// Of those that are down: only ejected.
    suspected: HashSet<EndpointSlot>,
    loaded: HashSet<EndpointSlot>,
    drain_over: bool,
    /// Of those that drain softly: their time is over.
    endpoint_over: HashSet<EndpointSlot>,
}

impl Fake {
    /// Everything serves but these releases' endpoints (indices into the releases).
    fn without(app: &AppRoutes, releases: &[usize]) -> Self {
        let slots = releases.iter().flat_map(|index| &app.releases[*index].endpoints);
        Self { down: slots.map(|endpoint| endpoint.slot).collect(), ..Self::default() }
    }
}

impl Health for Fake {
    fn serves(&self, endpoint: EndpointSlot) -> bool {
        !self.down.contains(&endpoint)
    }

    fn suspected(&self, endpoint: EndpointSlot) -> bool {
        self.suspected.contains(&endpoint)
    }

    fn in_flight(&self, endpoint: EndpointSlot) -> u32 {
        u32::from(self.loaded.contains(&endpoint))
    }

    fn endpoint_drain_over(&self, endpoint: EndpointSlot) -> bool {
        self.endpoint_over.contains(&endpoint)
    }

    fn drain_over(&self, _release: ReleaseSlot) -> bool {
        self.drain_over
    }
}

/// Draws that follow from a seed.
#[derive(Debug, Clone)]
struct Drawn {
    count: u64,
    random: u64,
}

impl Drawn {
    fn new(seed: u64) -> Self {
        Self { count: seed, random: seed }
    }
}

impl Draw for Drawn {
    fn bucket(&mut self, _app: &AppRoutes) -> u16 {
        self.count = self.count.wrapping_add(1);
        bucket::nth(self.count)
    }

    /// SplitMix64.
    fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

/// A bucket that goes to the candidate (or does not) at the app's blend.
fn bucket_of(app: &AppRoutes, candidate: bool) -> u16 {
    let takes = |bucket: &u16| bucket::is_candidates(*bucket, app.bucket_offset, app.blend) == candidate;
    (0..bucket::BUCKETS).find(takes).expect("the blend leaves both")
}

/// A pin to a release of the table and one of its endpoints, set within this hour.
fn pin_to(app: &AppRoutes, release: usize, endpoint: usize) -> Pin {
    let release = &app.releases[release];
    Pin { endpoint: release.endpoints[endpoint].tag, ..pin_of(release.tenure) }
}

/// A pin to a tenure, at an endpoint that no release has.
fn pin_of(tenure: Tenure) -> Pin {
    Pin {
        bucket: 5_000,
        client: 77,
        tenure,
        endpoint: 1,
        hour: (HOUR % (1 << 16)) as u16,
        move_day: (HOUR / 24 % 256) as u8,
        moves: 0,
        ..Pin::default()
    }
}

/// A request that is no navigation.
fn asked(pin: PinEvidence) -> RequestFacts {
    RequestFacts { pin, seconds: SECONDS, ..RequestFacts::default() }
}

/// A navigation with this pin.
fn navigation(pin: Pin) -> RequestFacts {
    RequestFacts { navigation: true, ..asked(PinEvidence::Valid(pin)) }
}

fn assigned(app: &AppRoutes, asked: &RequestFacts, health: &Fake) -> Assignment {
    assign(app, asked, health, &mut Drawn::new(3)).unwrap()
}

/// The pin after a request: as the response leaves it.
fn pin_after(assignment: &Assignment) -> Option<Pin> {
    match assignment.pin {
        PinChange::Keep => None,
        PinChange::First(pin) | PinChange::Replace(pin) | PinChange::Refresh(pin) => Some(pin),
    }
}
