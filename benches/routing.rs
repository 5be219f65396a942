//! What routing costs: verifying a pin, assigning a request, finding an app, building a table.
//!
//! `cargo bench --bench routing`. Run it alone: it measures nanoseconds. The pure core is measured without the
//! live state, whose reads are a relaxed atomic load each.

use divan::{Bencher, black_box};
use rolling_router::authority::Authority;
use rolling_router::rollout::{
    assign::{Draw, Health, PinEvidence, RequestFacts, assign},
    bucket,
    endpoint::AddressPolicy,
    keyspace::{Keyspace, KeyspaceOptions},
    pin::{Pin, PinFormat, PinKey, PinKeys},
    table::{AppRoutes, RoutingTable},
    target::{EndpointSlot, ReleaseSlot},
};

fn main() {
    divan::main();
}

/// Hours since the Unix epoch.
const HOUR: u32 = 490_000;

/// A request that brings nothing along.
const REQUEST: RequestFacts = RequestFacts {
    pin: PinEvidence::None,
    navigation: false,
    anonymous: false,
    resend: false,
    seconds: HOUR as u64 * 3_600,
};

struct AllServe;

impl Health for AllServe {
    fn serves(&self, _endpoint: EndpointSlot) -> bool {
        true
    }

    fn in_flight(&self, _endpoint: EndpointSlot) -> u32 {
        0
    }

    fn drain_over(&self, _release: ReleaseSlot) -> bool {
        false
    }
}

struct Counting(u64);

impl Draw for Counting {
    fn bucket(&mut self, _app: &AppRoutes) -> u16 {
        self.0 = self.0.wrapping_add(1);
        bucket::nth(self.0)
    }

    fn random(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
        self.0
    }
}

/// A keyspace of `apps` apps, each with a stable and a candidate of `endpoints` endpoints, and a host.
fn keyspace(apps: usize, endpoints: usize) -> Keyspace {
    let current = PinKey { id: 1, secret: [7; 16] };
    let mut keyspace = Keyspace::new(KeyspaceOptions {
        default_app: None,
        addresses: AddressPolicy::default(),
        pin_keys: PinKeys { next: None, current, previous: None },
        pin_format: PinFormat::Two,
        https: false,
    });
    for app in 0..apps {
        let release = |track: &str| format!("apps/shop{app}-{track}-80/containers");
        let record = serde_json::json!({
            "seq": 1, "stable": {"release": release("a"), "tenure": 1},
            "candidate": {"release": release("b"), "tenure": 2}, "blend": 10, "sticky": true, "previous": null,
            "draining": [], "tenures": {"last": 2, "left": []}, "lock": null,
            "command": "candidate", "actor": "ann", "reason": "", "at": 1,
        });
        keyspace.put(&format!("rolling/shop{app}/rollout"), record.to_string().as_bytes(), 1);
        let settings = serde_json::json!({"hosts": [format!("shop{app}.example")]});
        keyspace.put(&format!("rolling/shop{app}/settings"), settings.to_string().as_bytes(), 1);
        for (second, track) in ["a", "b"].into_iter().enumerate() {
            for number in 0..endpoints {
                let [high, low] = u16::try_from(app).expect("few apps").to_be_bytes();
                let address = format!("10.{high}.{low}.{}:80", second * 100 + number);
                keyspace.put(&format!("{}/{number}", release(track)), address.as_bytes(), 1);
            }
        }
    }
    keyspace
}

fn pin(routes: &AppRoutes) -> Pin {
    let stable = &routes.releases[0];
    let endpoint = stable.endpoints[stable.endpoints.len() - 1].tag;
    let (hour, move_day) = ((HOUR % 65_536) as u16, (HOUR / 24 % 256) as u8);
    let tenure = stable.tenure;
    Pin { bucket: 1, client: 2, tenure, endpoint, hour, move_day, ..Pin::default() }
}

fn table() -> RoutingTable {
    keyspace(1_000, 5).build(1)
}

#[divan::bench]
fn pin_verify(bencher: Bencher<'_, '_>) {
    let table = table();
    let routes = &table.apps["shop7"];
    let text = routes.pins.encode(&pin(routes));
    bencher.bench_local(|| routes.pins.decode(black_box(&text)));
}

#[divan::bench]
fn pin_sign(bencher: Bencher<'_, '_>) {
    let table = table();
    let routes = &table.apps["shop7"];
    let pin = pin(routes);
    bencher.bench_local(|| routes.pins.encode(black_box(&pin)));
}

/// Verify and assign: what a pinned request costs.
#[divan::bench]
fn assign_pinned(bencher: Bencher<'_, '_>) {
    let table = table();
    let routes = &table.apps["shop7"];
    let text = routes.pins.encode(&pin(routes));
    let mut draw = Counting(1);
    bencher.bench_local(|| {
        let pin = PinEvidence::None.add(routes, black_box(&text));
        assign(routes, &RequestFacts { pin, navigation: true, ..REQUEST }, &AllServe, &mut draw)
    });
}

/// Draw, assign and sign: what a new client costs.
#[divan::bench]
fn assign_new(bencher: Bencher<'_, '_>) {
    let table = table();
    let routes = &table.apps["shop7"];
    let mut draw = Counting(1);
    let request = RequestFacts { navigation: true, ..REQUEST };
    bencher.bench_local(|| assign(black_box(routes), &request, &AllServe, &mut draw));
}

#[divan::bench(args = ["shop7.example", "Shop7.Example:80", "unknown.example"])]
fn app_for_host(bencher: Bencher<'_, '_>, host: &str) {
    let table = table();
    bencher.bench_local(|| {
        table.app_for(Authority::split(black_box(host)), b"/").ok().flatten().map(|found| found.app.slot)
    });
}

/// 1,000 apps, 10,000 endpoints: every app compiled.
#[divan::bench]
fn build_all(bencher: Bencher<'_, '_>) {
    let mut id = 1u8;
    let mut keyspace = keyspace(1_000, 5);
    bencher.bench_local(|| {
        // Other keys leave nothing to share.
        id = id.wrapping_add(1);
        let current = PinKey { id, secret: [id; 16] };
        keyspace.set_pin_signing(PinKeys { next: None, current, previous: None }, PinFormat::Two);
        keyspace.build(1)
    });
}

/// The first table of 1,000 apps and 10,000 endpoints, parsing included.
#[divan::bench(sample_count = 20)]
fn read_and_build_first() -> RoutingTable {
    table()
}

/// 1,000 apps, 10,000 endpoints: one app changed, as by a promote.
#[divan::bench]
fn build_after_one_change(bencher: Bencher<'_, '_>) {
    let mut keyspace = keyspace(1_000, 5);
    let mut revision = 1;
    keyspace.build(revision);
    bencher.bench_local(|| {
        revision += 1;
        keyspace.put("rolling/shop7/settings", br#"{"hosts": ["shop7.example"]}"#, revision);
        keyspace.build(revision)
    });
}
