//! Leases: they end by themselves, take their keys along, and watches see it.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    case::{CaseInput, cases},
    support::{batch, head, key, only_event, put, read, soon, watch, write},
};
use crate::{
    contract::{Event, LeaseId, Store, StoreError, Write},
    limits::LEASE_TTL_MAX,
};

cases! { Lease:
    a_lease_ends_by_itself_and_takes_its_keys,
    a_lease_does_not_end_early,
    the_end_of_a_lease_is_seen_as_a_deletion,
    keeping_a_lease_alive_keeps_its_keys,
    a_revoked_lease_ends_at_once,
    a_dropped_lease_runs_out,
    an_ended_lease_cannot_be_kept_alive,
    an_ended_lease_binds_nothing,
    an_unknown_lease_binds_nothing,
    an_entry_names_its_lease,
    a_key_rewritten_without_a_lease_stays,
    a_key_moved_to_another_lease_stays_with_it,
    a_lease_ends_only_its_own_keys,
    leases_have_different_names,
    a_lease_of_no_time_or_too_long_is_refused,
}

fn bound(name: &str, lease: LeaseId) -> Write {
    Write::Put { key: key(name), value: "1".into(), lease: Some(lease) }
}

/// Waits until a key is gone.
async fn gone(store: &dyn Store, name: &str) {
    let polling = async {
        while read(store, name).await.is_some() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    soon("the key's end", polling).await;
}

async fn a_lease_ends_by_itself_and_takes_its_keys(input: CaseInput) {
    let store = input.store();
    let lease = store.lease(input.lease_ttl).await.expect("granted");
    write(&*store, [bound("l/1", lease.id()), bound("l/2", lease.id())]).await;
    gone(&*store, "l/1").await;
    gone(&*store, "l/2").await;
}

async fn a_lease_does_not_end_early(input: CaseInput) {
    let store = input.store();
    let begun = Instant::now();
    let lease = store.lease(input.lease_ttl).await.expect("granted");
    write(&*store, [bound("l", lease.id())]).await;
    gone(&*store, "l").await;
    // A server counts from when it granted, with its own clock.
    let early = input.lease_ttl.saturating_sub(begun.elapsed());
    assert!(early < Duration::from_millis(100), "ended {early:?} early");
}

async fn the_end_of_a_lease_is_seen_as_a_deletion(input: CaseInput) {
    let store = input.store();
    let lease = store.lease(input.lease_ttl).await.expect("granted");
    let written = write(&*store, [bound("l", lease.id()), put("other", "1")]).await;
    let mut watch = watch(&*store, &[""], written).await;
    let batch = batch(&mut *watch).await;
    assert!(batch.revision > written);
    assert_eq!(only_event(batch), Event::Deleted { key: key("l") });
}

async fn keeping_a_lease_alive_keeps_its_keys(input: CaseInput) {
    let store = input.store();
    let begun = Instant::now();
    let lease = store.lease(input.lease_ttl).await.expect("granted");
    write(&*store, [bound("l", lease.id())]).await;
    while begun.elapsed() < input.lease_ttl * 5 / 2 {
        tokio::time::sleep(input.lease_ttl / 10).await;
        lease.keep_alive().await.expect("it lives");
        assert!(read(&*store, "l").await.is_some());
    }
    gone(&*store, "l").await;
}

async fn a_revoked_lease_ends_at_once(input: CaseInput) {
    let store = input.store();
    let lease = store.lease(LEASE_TTL_MAX).await.expect("granted");
    let id = lease.id();
    let written = write(&*store, [bound("l/1", id), bound("l/2", id)]).await;
    let mut watch = watch(&*store, &["l/"], written).await;
    lease.revoke().await.expect("revoked");
    assert_eq!(read(&*store, "l/1").await, None);
    assert_eq!(read(&*store, "l/2").await, None);
    let mut deleted = Vec::new();
    while deleted.len() < 2 {
        deleted.extend(batch(&mut *watch).await.events);
    }
    assert!(deleted.iter().all(|event| matches!(event, Event::Deleted { .. })));
}

async fn a_dropped_lease_runs_out(input: CaseInput) {
    let store = input.store();
    let lease = store.lease(input.lease_ttl).await.expect("granted");
    write(&*store, [bound("l", lease.id())]).await;
    drop(lease);
    assert!(read(&*store, "l").await.is_some(), "dropping does not revoke");
    gone(&*store, "l").await;
}

async fn an_ended_lease_cannot_be_kept_alive(input: CaseInput) {
    let store = input.store();
    let lease = store.lease(input.lease_ttl).await.expect("granted");
    write(&*store, [bound("l", lease.id())]).await;
    gone(&*store, "l").await;
    let answer = lease.keep_alive().await;
    assert!(matches!(answer, Err(StoreError::LeaseEnded)), "{answer:?}");
}

async fn an_ended_lease_binds_nothing(input: CaseInput) {
    let store = input.store();
    let lease = store.lease(input.lease_ttl).await.expect("granted");
    let id = lease.id();
    lease.revoke().await.expect("revoked");
    let answer = store.commit(vec![], vec![put("k", "1"), bound("l", id)]).await;
    assert!(matches!(answer, Err(StoreError::LeaseEnded)), "{answer:?}");
    assert_eq!(read(&*store, "k").await, None);
}

async fn an_unknown_lease_binds_nothing(input: CaseInput) {
    let store = input.store();
    let answer = store.commit(vec![], vec![put("k", "1"), bound("l", LeaseId(u64::MAX >> 3))]).await;
    assert!(matches!(answer, Err(StoreError::LeaseEnded)), "{answer:?}");
    assert_eq!(read(&*store, "k").await, None);
}

async fn an_entry_names_its_lease(input: CaseInput) {
    let store = input.store();
    let lease = store.lease(LEASE_TTL_MAX).await.expect("granted");
    let mut watch = watch(&*store, &["l"], head(&*store).await).await;
    write(&*store, [bound("l", lease.id())]).await;
    assert_eq!(read(&*store, "l").await.expect("written").lease, Some(lease.id()));
    let Event::Put(entry) = only_event(batch(&mut *watch).await) else { panic!("expected a put") };
    assert_eq!(entry.lease, Some(lease.id()));
    assert_eq!(store.list(&["l"]).await.expect("it lists").entries, [entry]);
    lease.revoke().await.expect("revoked");
}

async fn a_key_rewritten_without_a_lease_stays(input: CaseInput) {
    let store = input.store();
    let lease = store.lease(LEASE_TTL_MAX).await.expect("granted");
    write(&*store, [bound("l/free", lease.id()), bound("l/bound", lease.id())]).await;
    write(&*store, [put("l/free", "2")]).await;
    lease.revoke().await.expect("revoked");
    assert_eq!(read(&*store, "l/bound").await, None);
    assert_eq!(read(&*store, "l/free").await.expect("it was freed").lease, None);
}

async fn a_key_moved_to_another_lease_stays_with_it(input: CaseInput) {
    let store = input.store();
    let (first, second) = (store.lease(LEASE_TTL_MAX).await, store.lease(LEASE_TTL_MAX).await);
    let (first, second) = (first.expect("granted"), second.expect("granted"));
    write(&*store, [bound("l", first.id())]).await;
    write(&*store, [bound("l", second.id())]).await;
    first.revoke().await.expect("revoked");
    assert_eq!(read(&*store, "l").await.expect("it was moved").lease, Some(second.id()));
    second.revoke().await.expect("revoked");
    assert_eq!(read(&*store, "l").await, None);
}

async fn a_lease_ends_only_its_own_keys(input: CaseInput) {
    let store = input.store();
    let (first, second) = (store.lease(LEASE_TTL_MAX).await, store.lease(LEASE_TTL_MAX).await);
    let (first, second) = (first.expect("granted"), second.expect("granted"));
    write(&*store, [bound("l/1", first.id()), bound("l/2", second.id()), put("l/3", "1")]).await;
    first.revoke().await.expect("revoked");
    assert_eq!(super::support::names(&*store, &["l/"]).await, ["l/2", "l/3"]);
    second.revoke().await.expect("revoked");
}

async fn leases_have_different_names(input: CaseInput) {
    let (one, other) = (input.store(), input.subject.second().await);
    let first = one.lease(input.lease_ttl).await.expect("granted");
    let second = other.lease(input.lease_ttl).await.expect("granted");
    assert_ne!(first.id(), second.id());
}

async fn a_lease_of_no_time_or_too_long_is_refused(input: CaseInput) {
    let store = input.store();
    for ttl in [Duration::ZERO, LEASE_TTL_MAX + Duration::from_secs(1)] {
        let refused = store.lease(ttl).await.map(drop);
        assert!(matches!(refused, Err(StoreError::Invalid(_))), "{refused:?}");
    }
}
