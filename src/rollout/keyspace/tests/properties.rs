//! What holds for every sequence of writes, deletions, listings and builds.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::slots::SlotVec;

/// Something that happens to the store, or a build.
#[derive(Debug, Clone)]
enum Step {
    Put(usize, usize),
    Delete(usize),
    /// A whole listing that lacks the keys whose bit is set.
    List(u32),
    Build,
}

const KEYS: [&str; 13] = [
    "rolling/shop/rollout",
    "rolling/shop/settings",
    "rolling/shop/stable/id",
    "rolling/other/rollout",
    "rolling/other/settings",
    "rolling/other/blendpercent",
    "apps/shop-a-80/containers/1",
    "apps/shop-a-80/containers/2",
    "apps/shop-b-80/containers/1",
    "apps/shop-b-80/containers/2",
    "apps/shop-c-80/containers/1",
    "rolling/router/tokens",
    "rolling/shop/events/000000000001",
];

/// The values that a key may be given: good ones, then bad ones.
fn values(key: &str) -> Vec<Vec<u8>> {
    let texts: &[&str] = if key.ends_with("/rollout") {
        let draining = [serde_json::json!({
            "release": release("a"), "tenure": 1, "cause": "raw", "since": 1, "until": 2
        })];
        return vec![
            record(serde_json::json!({})),
            record(serde_json::json!({"seq": 6, "candidate": null, "previous": release("b")})),
            record(serde_json::json!({"seq": 7, "stable": {"release": release("b"), "tenure": 2},
                "candidate": null, "draining": draining})),
            b"{".to_vec(),
            record(serde_json::json!({"seq": 0})),
        ];
    } else if key.ends_with("/settings") {
        &["{}", r#"{"pinseconds": 600}"#, r#"{"transition": "navigate"}"#, r#"{"pinseconds": 1}"#, "\u{0}"]
    } else if key.starts_with("apps/") {
        &["10.0.0.1:80", "10.0.0.2:80", "[fd00::1]:80", "localhost", "127.0.0.1:80"]
    } else {
        &["rolling/null", "apps/shop-d-80/containers", "7", "x", "\u{0}"]
    };
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => (0..KEYS.len(), 0..5usize).prop_map(|(key, value)| Step::Put(key, value)),
        2 => (0..KEYS.len()).prop_map(Step::Delete),
        1 => any::<u32>().prop_map(Step::List),
        4 => Just(Step::Build),
    ];
    prop::collection::vec(step, 1..60)
}

/// A keyspace beside the store it follows.
struct FollowedStore {
    keyspace: Keyspace,
    store: BTreeMap<&'static str, (Vec<u8>, u64)>,
    revision: u64,
}

impl FollowedStore {
    fn new() -> Self {
        Self { keyspace: keyspace(), store: BTreeMap::new(), revision: 0 }
    }

    /// Does one step; a build gives a table.
    fn step(&mut self, step: &Step) -> Option<RoutingTable> {
        self.revision += 1;
        match *step {
            Step::Put(key, value) => {
                let value = values(KEYS[key]).swap_remove(value);
                self.keyspace.put(KEYS[key], &value, self.revision);
                self.store.insert(KEYS[key], (value, self.revision));
            }
            Step::Delete(key) => {
                self.keyspace.delete(KEYS[key], self.revision);
                self.store.remove(KEYS[key]);
            }
            Step::List(lacks) => {
                let lacks = |key: &str| KEYS.iter().position(|known| *known == key).map(|at| lacks >> at & 1);
                self.store.retain(|key, _| lacks(key) == Some(0));
                let mut entries = self.store.iter().map(|(key, (value, at))| (*key, value.as_slice(), *at));
                self.keyspace.replace(&mut entries, self.revision);
            }
            Step::Build => return Some(self.keyspace.build(self.revision)),
        }
        None
    }
}

/// What a table says, less its slots and sharing.
fn routes(table: &RoutingTable) -> BTreeMap<String, impl PartialEq + std::fmt::Debug + use<>> {
    let of = |routes: &AppRoutes| {
        let releases: Vec<_> = routes
            .listed()
            .map(|release| {
                let endpoints: Vec<_> =
                    release.endpoints.iter().map(|endpoint| (endpoint.address, endpoint.tag)).collect();
                (release.id.clone(), release.tenure, release.standing, endpoints)
            })
            .collect();
        (routes.seq, routes.revision, routes.stable, routes.candidate, releases, (*routes.settings).clone())
    };
    table.apps.iter().map(|(name, routes)| (name.to_string(), of(routes))).collect()
}

/// Every slot of every route stands for that route, and two keys never share one.
fn check_slots(table: &RoutingTable) -> Result<(), TestCaseError> {
    let mut used = 0;
    for app in table.apps.values() {
        for release in app.listed() {
            let key = table.release_slots[release.slot.0].as_ref().expect("filled");
            prop_assert_eq!((&key.app, &key.release, key.tenure), (&app.name, &release.id, release.tenure));
            for endpoint in &release.endpoints {
                let key = table.endpoint_slots[endpoint.slot.0].as_ref().expect("filled");
                let route = (&app.name, &release.id, endpoint.address);
                prop_assert_eq!((&key.app, &key.release, key.address), route);
                used += 1;
            }
        }
    }
    prop_assert_eq!(table.endpoint_slots.iter().flatten().count(), used, "no slot is left behind");
    Ok(())
}

/// What lives on from one table to the next keeps its slot.
fn check_kept<K: PartialEq + std::fmt::Debug>(
    before: &SlotVec<K>,
    after: &SlotVec<K>,
) -> Result<(), TestCaseError> {
    for (slot, key) in before.iter().enumerate().filter_map(|(slot, key)| Some((slot, key.as_ref()?))) {
        let now = after.iter().position(|other| other.as_ref() == Some(key));
        prop_assert!(now.is_none_or(|now| now == slot), "{:?} moved from {} to {:?}", key, slot, now);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn building_often_and_once_come_to_the_same(steps in steps()) {
        let (mut often, mut once) = (FollowedStore::new(), FollowedStore::new());
        for step in &steps {
            often.step(step);
            once.step(if matches!(step, Step::Build) { &Step::Delete(11) } else { step });
        }
        let (often_table, once_table) = (often.keyspace.build(99), once.keyspace.build(99));
        prop_assert_eq!(routes(&often_table), routes(&once_table));
        prop_assert_eq!(often.keyspace.problems(), once.keyspace.problems());
    }

    #[test]
    fn slots_stand_for_their_routes_and_stay(steps in steps()) {
        let mut followed = FollowedStore::new();
        let mut before = RoutingTable::default();
        for table in steps.iter().filter_map(|step| followed.step(step)) {
            check_slots(&table)?;
            check_kept(&before.endpoint_slots, &table.endpoint_slots)?;
            check_kept(&before.release_slots, &table.release_slots)?;
            before = table;
        }
    }

    #[test]
    fn a_store_without_bad_values_is_read_alike_from_its_end(steps in steps()) {
        let good = |step: &&Step| !matches!(step, Step::Put(_, value) if *value >= 3);
        let (mut followed, mut fresh) = (FollowedStore::new(), keyspace());
        steps.iter().filter(good).for_each(|step| drop(followed.step(step)));
        let mut entries = followed.store.iter().map(|(key, (value, at))| (*key, value.as_slice(), *at));
        fresh.replace(&mut entries, 99);
        let strip = |table: &RoutingTable| -> BTreeMap<String, _> {
            let of = |app: &Arc<AppRoutes>| (app.seq, app.stable, app.candidate, app.settings.pinseconds);
            table.apps.iter().map(|(name, app)| (name.to_string(), of(app))).collect()
        };
        prop_assert_eq!(strip(&followed.keyspace.build(99)), strip(&fresh.build(99)));
        prop_assert_eq!(followed.keyspace.apps(), fresh.apps());
        prop_assert_eq!(followed.keyspace.releases(), fresh.releases());
        prop_assert_eq!(followed.keyspace.problems(), fresh.problems());
    }

    #[test]
    fn any_bytes_are_read(key in 0..KEYS.len(), value in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut keyspace = shop();
        let before = routes(&keyspace.build(1));
        keyspace.put(KEYS[key], &value, 50);
        let fault = keyspace.check(KEYS[key], &value).is_err();
        prop_assert_eq!(fault, keyspace.problems().iter().any(|problem| problem.key == KEYS[key]));
        let after = routes(&keyspace.build(50));
        if KEYS[key].starts_with("rolling/") && fault {
            prop_assert_eq!(before, after, "a bad value keeps the last good reading");
        }
    }
}
