//! A fleet on one store: it orders once, whoever the CA asks answers, and another router takes over.

use super::ca::Ca;
use super::{LONG, certificate, claim, wait_until_valid};
use crate::routers::Fleet;
use crate::server::Kind;
use support::eventually;

const HOSTS: [&str; 3] = ["shop.test", "www.shop.test", "blog.test"];

#[test]
fn three_routers_order_once_and_show_the_same_certificates() {
    let mut ca = Ca::new();
    let mut flags = vec!["--listen-tls=127.0.0.1:0".to_owned()];
    flags.extend(ca.flags());
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let mut fleet = Fleet::with_flags(Kind::Redis, 3, &flags);
    for host in HOSTS.iter().chain(&["later.test"]) {
        ca.names.set(host, &["127.0.0.1"]);
    }
    // The CA asks the last router, whoever acts.
    ca.start(&fleet.routers[2], LONG);
    claim(&fleet.routers[0], &HOSTS);
    for router in &fleet.routers {
        HOSTS.iter().for_each(|host| drop(wait_until_valid(router, host)));
    }
    let issued = |ca: &Ca| ca.log().matches("Issued certificate serial").count();
    assert_eq!(issued(&ca), HOSTS.len(), "each was ordered once: {}", ca.log());
    let trust = ca.trust();
    for host in HOSTS {
        let shown: Vec<_> =
            fleet.routers.iter().map(|router| certificate(router.front_tls(), host, &trust)).collect();
        assert!(shown[0].is_some() && shown.iter().all(|other| *other == shown[0]), "{host}");
    }

    // Whoever acted is gone; another one goes on.
    fleet.routers[0].kill();
    fleet.routers[1].kill();
    claim(&fleet.routers[2], &["shop.test", "www.shop.test", "blog.test", "later.test"]);
    wait_until_valid(&fleet.routers[2], "later.test");
    eventually("it was ordered once", || issued(&ca) == HOSTS.len() + 1);
}
