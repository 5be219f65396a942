//! What a commit does, and what it leaves alone.

use super::{
    case::{CaseInput, cases},
    support::{delete, head, key, put, quiet_until, read, value, watch, write, write_if},
};
use crate::contract::{Check, Event, Outcome};

cases! { AtomicCommit:
    a_put_is_read_back,
    a_missing_key_is_none,
    an_empty_value_is_not_a_missing_key,
    a_value_may_be_any_bytes,
    a_commit_writes_all_its_keys_at_one_revision,
    a_commit_mixes_puts_and_deletions,
    revisions_only_grow,
    the_same_value_again_is_a_new_revision,
    created_stays_while_modified_moves,
    a_recreated_key_is_created_anew,
    deleting_a_missing_key_is_no_error_and_no_event,
    an_empty_commit_changes_nothing,
    an_empty_commit_still_answers_its_checks,
    a_conflict_is_no_event,
    the_epoch_is_stable,
}

async fn a_put_is_read_back(input: CaseInput) {
    let store = input.store();
    let revision = write(&*store, [put("a/b", "value")]).await;
    let entry = read(&*store, "a/b").await.expect("it was written");
    assert_eq!((entry.key, &entry.value[..], entry.lease), (key("a/b"), &b"value"[..], None));
    assert_eq!((entry.created, entry.modified), (revision, revision));
}

async fn a_missing_key_is_none(input: CaseInput) {
    let store = input.store();
    write(&*store, [put("a/b", "1")]).await;
    assert_eq!(read(&*store, "a").await, None);
    assert_eq!(read(&*store, "a/bc").await, None);
}

async fn an_empty_value_is_not_a_missing_key(input: CaseInput) {
    let store = input.store();
    write(&*store, [put("a", "")]).await;
    assert!(value(&*store, "a").await.is_empty());
    write(&*store, [delete("a")]).await;
    assert_eq!(read(&*store, "a").await, None);
}

async fn a_value_may_be_any_bytes(input: CaseInput) {
    let store = input.store();
    let all = (0..=255_u8).chain([0, 0xff, b'\r', b'\n', 0xc3, 0x28]).collect::<Vec<_>>();
    let mut watch = watch(&*store, &["bin"], head(&*store).await).await;
    write(&*store, [put("bin", &all)]).await;
    assert_eq!(value(&*store, "bin").await, all);
    assert_eq!(store.list(&["bin"]).await.expect("it lists").entries[0].value, all);
    let Event::Put(entry) = super::support::only_event(super::support::batch(&mut *watch).await) else {
        panic!("expected a put")
    };
    assert_eq!(entry.value, all);
}

async fn a_commit_writes_all_its_keys_at_one_revision(input: CaseInput) {
    let store = input.store();
    let revision = write(&*store, [put("x", "1"), put("y/z", "2"), put("z", "3")]).await;
    for (name, expected) in [("x", "1"), ("y/z", "2"), ("z", "3")] {
        let entry = read(&*store, name).await.expect("it was written");
        assert_eq!((&entry.value[..], entry.modified), (expected.as_bytes(), revision));
    }
}

async fn a_commit_mixes_puts_and_deletions(input: CaseInput) {
    let store = input.store();
    write(&*store, [put("old", "1"), put("kept", "1")]).await;
    let revision = write(&*store, [delete("old"), put("new", "2")]).await;
    assert_eq!(read(&*store, "old").await, None);
    assert_eq!(read(&*store, "new").await.expect("written").created, revision);
    assert!(read(&*store, "kept").await.expect("untouched").modified < revision);
}

async fn revisions_only_grow(input: CaseInput) {
    let store = input.store();
    let mut last = head(&*store).await;
    for round in 0..20 {
        let write_or_delete = if round % 3 == 2 { delete("k") } else { put("k", round.to_string()) };
        let revision = write(&*store, [write_or_delete]).await;
        assert!(revision > last, "{revision} after {last}");
        assert!(head(&*store).await >= revision);
        last = revision;
    }
}

async fn the_same_value_again_is_a_new_revision(input: CaseInput) {
    let store = input.store();
    let first = write(&*store, [put("k", "same")]).await;
    let second = write(&*store, [put("k", "same")]).await;
    assert!(second > first);
    assert_eq!(read(&*store, "k").await.expect("written").modified, second);
}

async fn created_stays_while_modified_moves(input: CaseInput) {
    let store = input.store();
    let created = write(&*store, [put("k", "1")]).await;
    let modified = write(&*store, [put("k", "2")]).await;
    let entry = read(&*store, "k").await.expect("written");
    assert_eq!((entry.created, entry.modified), (created, modified));
}

async fn a_recreated_key_is_created_anew(input: CaseInput) {
    let store = input.store();
    write(&*store, [put("k", "1")]).await;
    write(&*store, [delete("k")]).await;
    let again = write(&*store, [put("k", "1")]).await;
    let entry = read(&*store, "k").await.expect("written");
    assert_eq!((entry.created, entry.modified), (again, again));
}

async fn deleting_a_missing_key_is_no_error_and_no_event(input: CaseInput) {
    let store = input.store();
    let mut watch = watch(&*store, &["gone"], head(&*store).await).await;
    write(&*store, [delete("gone/1")]).await;
    write(&*store, [delete("gone/2"), put("here", "1")]).await;
    quiet_until(&mut *watch, head(&*store).await).await;
    assert_eq!(&value(&*store, "here").await[..], b"1");
}

async fn an_empty_commit_changes_nothing(input: CaseInput) {
    let store = input.store();
    let revision = write(&*store, [put("k", "1")]).await;
    assert!(write(&*store, []).await >= revision);
    assert_eq!(read(&*store, "k").await.expect("untouched").modified, revision);
}

async fn an_empty_commit_still_answers_its_checks(input: CaseInput) {
    let store = input.store();
    let revision = write(&*store, [put("k", "1")]).await;
    write_if(&*store, vec![Check::Unchanged(key("k"), revision), Check::Absent(key("j"))], []).await;
    super::support::refused(&*store, vec![Check::Absent(key("k"))], [], "k").await;
}

async fn a_conflict_is_no_event(input: CaseInput) {
    let store = input.store();
    let revision = write(&*store, [put("k", "1")]).await;
    let mut watch = watch(&*store, &[""], revision).await;
    let outcome = store.commit(vec![Check::Absent(key("k"))], vec![put("k", "2"), put("j", "2")]).await;
    assert_eq!(outcome.expect("answered"), Outcome::Conflict(key("k")));
    quiet_until(&mut *watch, revision).await;
}

async fn the_epoch_is_stable(input: CaseInput) {
    let store = input.store();
    let before = store.epoch().await.expect("it has an epoch");
    write(&*store, [put("k", "1")]).await;
    assert_eq!(store.epoch().await.expect("it has an epoch"), before);
    assert_eq!(input.subject.second().await.epoch().await.expect("it has an epoch"), before);
}
