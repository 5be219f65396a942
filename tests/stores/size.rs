//! A store of the size of a large fleet: what following it costs a router.

use super::growing::redis;
use keyvalues::{Store, Write};
use std::sync::Arc;
use std::time::Duration;
use support::clock::Deadline;
use support::{count, eventually, router};

const RELEASES: usize = 100;
const ENDPOINTS: usize = 100;

fn endpoint(release: usize, number: usize, port: u16) -> Write {
    let key = format!("apps/app-r{release}-80/containers/c{number}");
    Write::put(key.parse().unwrap(), format!("10.0.{release}.{number}:{port}"))
}

async fn fill(store: &Arc<dyn Store>) {
    for release in 0..RELEASES {
        let writes = (0..ENDPOINTS).map(|number| endpoint(release, number, 80)).collect();
        store.commit(Vec::new(), writes).await.unwrap();
    }
}

/// One change every 10 ms; the last revision.
async fn change(store: &Arc<dyn Store>, changes: usize) -> u64 {
    for change in 0..changes {
        let write = endpoint(change % RELEASES, change / RELEASES % ENDPOINTS, 81);
        store.commit(Vec::new(), vec![write]).await.unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    store.list(&[]).await.unwrap().revision
}

#[allow(clippy::print_stderr, reason = "the figure is half of what the test is for")]
#[test]
fn a_hundred_changes_a_second_among_ten_thousand_keys_are_followed_with_ease() {
    let (_server, address) = redis();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let store = runtime.block_on(keyvalues::open(&address)).unwrap();
    runtime.block_on(fill(&store));
    let router = router().store(&address).stable("v1").start();
    let changes = count(200, 2_000);
    let (clock, before) = (Deadline::after(Duration::from_secs(3600)), router.process().processor_time());
    let last = runtime.block_on(change(&store, changes));
    eventually("every change is taken", || {
        let facts = router.api().call("GET", "/api/v1/router", None).json();
        facts["store"]["revision"].as_u64() >= Some(last)
    });
    let (length, used) = (clock.elapsed(), router.process().processor_time().saturating_sub(before));
    let each = used / u32::try_from(changes).unwrap();
    eprintln!("{changes} changes in {length:?} took {used:?} of processor time, {each:?} each");
    // Unoptimised, and with room for a busy machine.
    assert!(each < Duration::from_millis(60), "{each:?} of processor time for a change");
}
