//! The conditions of a commit: each holds exactly when it should, and one that fails stops everything.

use super::{
    case::{CaseInput, cases},
    support::{delete, key, put, read, refused, value, write, write_if},
};
use crate::contract::Check::{Absent, Unchanged};

cases! { AtomicCommit:
    absent_holds_only_without_the_key,
    absent_holds_after_a_deletion,
    unchanged_holds_only_at_the_last_revision,
    unchanged_fails_on_a_missing_key,
    unchanged_fails_on_a_deleted_key,
    unchanged_fails_on_a_recreated_key,
    unchanged_fails_after_the_same_value_was_written,
    unchanged_is_per_key_not_per_store,
    one_failed_check_stops_every_write,
    the_first_failed_check_is_named,
    checks_hold_in_either_order,
    contradicting_checks_conflict,
    a_check_may_be_repeated,
    checks_may_name_keys_that_are_not_written,
    a_chain_of_unchanged_follows_done,
}

async fn absent_holds_only_without_the_key(input: CaseInput) {
    let store = input.store();
    write_if(&*store, vec![Absent(key("k"))], [put("k", "1")]).await;
    refused(&*store, vec![Absent(key("k"))], [put("k", "2")], "k").await;
    assert_eq!(&value(&*store, "k").await[..], b"1");
}

async fn absent_holds_after_a_deletion(input: CaseInput) {
    let store = input.store();
    write(&*store, [put("k", "1")]).await;
    write(&*store, [delete("k")]).await;
    write_if(&*store, vec![Absent(key("k"))], [put("k", "2")]).await;
}

async fn unchanged_holds_only_at_the_last_revision(input: CaseInput) {
    let store = input.store();
    let first = write(&*store, [put("k", "1")]).await;
    let second = write(&*store, [put("k", "2")]).await;
    for wrong in [0, first, second + 1, u64::MAX >> 2] {
        refused(&*store, vec![Unchanged(key("k"), wrong)], [put("k", "3")], "k").await;
    }
    write_if(&*store, vec![Unchanged(key("k"), second)], [put("k", "3")]).await;
}

async fn unchanged_fails_on_a_missing_key(input: CaseInput) {
    let store = input.store();
    for revision in [0, 1] {
        refused(&*store, vec![Unchanged(key("k"), revision)], [put("k", "1")], "k").await;
    }
    assert_eq!(read(&*store, "k").await, None);
}

async fn unchanged_fails_on_a_deleted_key(input: CaseInput) {
    let store = input.store();
    let written = write(&*store, [put("k", "1")]).await;
    let deleted = write(&*store, [delete("k")]).await;
    for revision in [0, written, deleted] {
        refused(&*store, vec![Unchanged(key("k"), revision)], [put("k", "2")], "k").await;
    }
}

async fn unchanged_fails_on_a_recreated_key(input: CaseInput) {
    let store = input.store();
    let before = write(&*store, [put("k", "1")]).await;
    write(&*store, [delete("k")]).await;
    let after = write(&*store, [put("k", "1")]).await;
    refused(&*store, vec![Unchanged(key("k"), before)], [put("k", "2")], "k").await;
    write_if(&*store, vec![Unchanged(key("k"), after)], [put("k", "2")]).await;
}

async fn unchanged_fails_after_the_same_value_was_written(input: CaseInput) {
    let store = input.store();
    let before = write(&*store, [put("k", "same")]).await;
    write(&*store, [put("k", "same")]).await;
    refused(&*store, vec![Unchanged(key("k"), before)], [put("k", "2")], "k").await;
}

async fn unchanged_is_per_key_not_per_store(input: CaseInput) {
    let store = input.store();
    let before = write(&*store, [put("k", "1")]).await;
    write(&*store, [put("other", "1")]).await;
    write_if(&*store, vec![Unchanged(key("k"), before)], [put("k", "2")]).await;
}

async fn one_failed_check_stops_every_write(input: CaseInput) {
    let store = input.store();
    let revision = write(&*store, [put("a", "1"), put("b", "1")]).await;
    let writes = [put("a", "2"), put("new", "2"), delete("b")];
    refused(&*store, vec![Unchanged(key("a"), revision), Absent(key("b"))], writes, "b").await;
    assert_eq!(&value(&*store, "a").await[..], b"1");
    assert_eq!(&value(&*store, "b").await[..], b"1");
    assert_eq!(read(&*store, "new").await, None);
}

async fn the_first_failed_check_is_named(input: CaseInput) {
    let store = input.store();
    let revision = write(&*store, [put("a", "1"), put("b", "1"), put("c", "1")]).await;
    let holds = Unchanged(key("a"), revision);
    refused(&*store, vec![holds.clone(), Absent(key("c")), Absent(key("b"))], [put("x", "1")], "c").await;
    refused(&*store, vec![holds, Unchanged(key("b"), 0), Absent(key("c"))], [put("x", "1")], "b").await;
}

async fn checks_hold_in_either_order(input: CaseInput) {
    let store = input.store();
    let mut revision = write(&*store, [put("there", "1")]).await;
    for flip in [false, true] {
        let mut checks = vec![Absent(key("not")), Unchanged(key("there"), revision)];
        if flip {
            checks.reverse();
        }
        revision = write_if(&*store, checks, [put("there", "2")]).await;
    }
}

async fn contradicting_checks_conflict(input: CaseInput) {
    let store = input.store();
    let revision = write(&*store, [put("k", "1")]).await;
    refused(&*store, vec![Unchanged(key("k"), revision), Absent(key("k"))], [put("k", "2")], "k").await;
}

async fn a_check_may_be_repeated(input: CaseInput) {
    let store = input.store();
    let revision = write(&*store, [put("k", "1")]).await;
    write_if(&*store, vec![Unchanged(key("k"), revision), Unchanged(key("k"), revision)], [put("k", "2")])
        .await;
}

async fn checks_may_name_keys_that_are_not_written(input: CaseInput) {
    let store = input.store();
    let revision = write(&*store, [put("guard", "1")]).await;
    write_if(&*store, vec![Unchanged(key("guard"), revision)], [put("k", "1")]).await;
    write(&*store, [put("guard", "2")]).await;
    refused(&*store, vec![Unchanged(key("guard"), revision)], [put("k", "2")], "guard").await;
    assert_eq!(&value(&*store, "k").await[..], b"1");
}

async fn a_chain_of_unchanged_follows_done(input: CaseInput) {
    let store = input.store();
    let mut revision = write_if(&*store, vec![Absent(key("k"))], [put("k", "0")]).await;
    for round in 1..=20 {
        let next = [put("k", round.to_string()), put("side", round.to_string())];
        revision = write_if(&*store, vec![Unchanged(key("k"), revision)], next).await;
    }
    assert_eq!(&value(&*store, "side").await[..], b"20");
}
