//! Renewal: before the end, while clients shake hands, and with another account key.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::json;

use super::ca::Ca;
use super::{LONG, certificate, claim, ordering, ordering_by, status, wait_for, wait_until_valid};

/// How long a certificate lasts here, in seconds.
const SHORT: u64 = 30;

const ROLL: &str = "/api/v1/certificates/account-key";

#[test]
fn a_certificate_is_renewed_before_its_end_and_no_handshake_fails() {
    let mut ca = Ca::new();
    let router = ordering(&ca, &[]);
    ca.names.set("shop.test", &["127.0.0.1"]);
    ca.start(&router, SHORT);
    claim(&router, &["shop.test"]);
    let first = wait_until_valid(&router, "shop.test");
    let (ends_at, renew_at) = (first["ends_at"].as_u64().unwrap(), first["renew_at"].as_u64().unwrap());
    assert!(renew_at < ends_at && ends_at - renew_at <= SHORT * 1_000 / 2, "{first}");

    let rolled = router.api_as("admin").call("POST", ROLL, Some(&json!({})));
    rolled.expect(200);
    router.api().call("POST", ROLL, Some(&json!({}))).expect(403);

    let (address, trust) = (router.front_tls(), ca.trust());
    let (over, failed, made) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    let seen = Mutex::new(BTreeSet::new());
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    match certificate(address, "shop.test", &trust) {
                        Some(der) => {
                            seen.lock().unwrap().insert(der);
                        }
                        None => {
                            failed.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                    made.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        wait_for(&router, "shop.test", "renewed", |one| one["ends_at"].as_u64() > Some(ends_at));
        // Some more with the new one.
        let enough = made.load(Ordering::Relaxed) + 50;
        support::eventually("some more handshakes", || made.load(Ordering::Relaxed) > enough);
        over.store(true, Ordering::Relaxed);
    });
    let seen = seen.lock().unwrap().len();
    assert_eq!(failed.load(Ordering::Relaxed), 0, "of {} handshakes", made.load(Ordering::Relaxed));
    assert!(seen >= 2, "both certificates were shown: {seen}");
    assert_eq!(status(address, "shop.test", &trust), Some(200));
}

#[test]
fn a_certificate_is_renewed_when_the_ca_suggests_it() {
    let mut ca = Ca::new();
    let now = i64::try_from(support::clock::wall().as_secs()).expect("a time of this century");
    // Two thirds of its time are twenty days.
    let window = (now + 5 * 86_400, now + 6 * 86_400);
    let router = ordering_by(&ca.flags_with_renewal_information(window), &[]);
    ca.names.set("shop.test", &["127.0.0.1"]);
    ca.start(&router, LONG);
    claim(&router, &["shop.test"]);
    let known = wait_until_valid(&router, "shop.test");
    let renew_at = known["renew_at"].as_i64().expect("a time") / 1_000;
    assert!((window.0..=window.1).contains(&renew_at), "{known} is not renewed within {window:?}");
}
