//! What lives on from one published table to the next.

use super::*;

use imbl::ordmap::DiffItem;

use crate::rollout::{
    endpoint::AddressPolicy,
    keyspace::{Keyspace, KeyspaceOptions},
    pin::{PinFormat, PinKey, PinKeys},
};

fn keyspace() -> Keyspace {
    let current = PinKey { id: 1, secret: [0; 16] };
    Keyspace::new(KeyspaceOptions {
        default_app: None,
        addresses: AddressPolicy::default(),
        pin_keys: PinKeys { next: None, current, previous: None },
        pin_format: PinFormat::Two,
        https: false,
    })
}

/// An app whose stable release has these endpoints.
fn put_app(keyspace: &mut Keyspace, name: &str, ports: &[u16]) {
    let record = serde_json::json!({
        "seq": 1, "stable": {"release": format!("apps/{name}-1-80/containers"), "tenure": 1}, "candidate": null,
        "blend": 0, "sticky": true, "previous": null, "draining": [], "tenures": {"last": 1, "left": []},
        "lock": null, "command": "", "actor": "", "reason": "", "at": 0,
    });
    keyspace.put(&format!("rolling/{name}/rollout"), record.to_string().as_bytes(), 1);
    ports.iter().for_each(|port| put_endpoint(keyspace, name, *port));
}

fn endpoint_key(name: &str, port: u16) -> String {
    format!("apps/{name}-1-80/containers/{port}")
}

fn put_endpoint(keyspace: &mut Keyspace, name: &str, port: u16) {
    keyspace.put(&endpoint_key(name, port), format!("127.0.0.1:{port}").as_bytes(), 1);
}

fn state(published: &PublishedTable, name: &str, port: u16) -> Arc<EndpointState> {
    let app = &published.table.apps[name];
    let route = app.releases[0]
        .endpoints
        .iter()
        .find(|endpoint| endpoint.address.tcp().unwrap().port() == port)
        .unwrap();
    let state = Arc::clone(published.endpoint(route.slot));
    assert_eq!((state.key().app.as_str(), state.key().address.tcp().unwrap().port()), (name, port));
    state
}

#[test]
fn an_endpoint_keeps_its_state_while_any_table_names_it() {
    let (live, mut keyspace) = (LiveTable::new(1), keyspace());
    put_app(&mut keyspace, "shop", &[1, 2]);
    live.publish(keyspace.build(1), Duration::ZERO);
    let first = state(&live.load(), "shop", 2);
    keyspace.delete(&endpoint_key("shop", 1), 2);
    put_endpoint(&mut keyspace, "shop", 3);
    live.publish(keyspace.build(2), Duration::ZERO);
    assert!(Arc::ptr_eq(&first, &state(&live.load(), "shop", 2)));
    keyspace.delete(&endpoint_key("shop", 2), 3);
    live.publish(keyspace.build(3), Duration::ZERO);
    put_endpoint(&mut keyspace, "shop", 2);
    live.publish(keyspace.build(4), Duration::ZERO);
    assert!(!Arc::ptr_eq(&first, &state(&live.load(), "shop", 2)), "what was gone comes back unknown");
}

#[test]
fn a_table_made_apart_is_held_against_the_same_states() {
    let (live, mut keyspace) = (LiveTable::new(1), keyspace());
    put_app(&mut keyspace, "first", &[1, 2]);
    put_app(&mut keyspace, "shop", &[3, 4]);
    live.publish(keyspace.build(1), Duration::ZERO);
    // As it is built to see what a command would do: of one app alone, so with other slots.
    let mut apart = self::keyspace();
    put_app(&mut apart, "shop", &[4, 5]);
    let supposed = live.prepare(apart.build(1));
    assert!(Arc::ptr_eq(&state(&supposed, "shop", 4), &state(&live.load(), "shop", 4)));
    assert!(state(&supposed, "shop", 5).in_flight() == 0 && supposed.endpoints.iter().flatten().count() == 2);
    let release = |published: &PublishedTable| {
        Arc::clone(published.release(published.table.apps["shop"].releases[0].slot))
    };
    assert!(Arc::ptr_eq(&release(&supposed), &release(&live.load())));
}

/// One change made every state of every app be looked at, and every key be copied.
#[test]
fn a_change_leaves_what_it_does_not_concern_shared() {
    let (live, mut keyspace) = (LiveTable::new(1), keyspace());
    for number in 0..1_000 {
        put_app(&mut keyspace, &format!("shop{number}"), &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    }
    live.publish(keyspace.build(1), Duration::ZERO);
    let before = live.load_full();
    put_endpoint(&mut keyspace, "shop7", 11);
    live.publish(keyspace.build(2), Duration::ZERO);
    let after = live.load();
    assert!(Arc::ptr_eq(&before.table.hosts, &after.table.hosts));
    let (apps, slots) = (&after.table.apps, &after.table.app_slots);
    assert!(slots.differences(&before.table.app_slots).count() <= 64);
    assert!(after.endpoints.differences(&before.endpoints).count() <= 64);
    assert_eq!(after.releases.differences(&before.releases).count(), 0);
    let changed = before.table.apps.diff(apps).map(|item| match item {
        DiffItem::Update { new: (name, _), .. } => name.as_str(),
        other => panic!("{other:?}"),
    });
    assert_eq!(changed.collect::<Vec<_>>(), ["shop7"]);
}

#[test]
fn the_time_to_a_new_table_is_known_before_any_request_uses_it() {
    let live = LiveTable::new(2);
    live.publish(RoutingTable::default(), Duration::from_millis(5));
    live.note_published(Duration::from_millis(7));
    assert_eq!((live.lag().count(), live.lag().sum_us), (1, 2_000));
}
