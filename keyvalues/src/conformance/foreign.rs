//! Other tools write into the same contents, past the store.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{
    case::{CaseInput, cases},
    subject::Foreign,
    support::{
        batch, head, key, names, only_event, put, read, refused, usually_within, value, watch, write,
        write_if,
    },
};
use crate::contract::{Check, Event};

cases! { Foreign:
    a_foreign_value_is_read,
    a_foreign_write_is_seen_within_a_second,
    a_foreign_deletion_is_seen_within_a_second,
    a_foreign_write_breaks_an_unchanged_check,
    a_foreign_write_breaks_an_absent_check,
    a_foreign_deletion_breaks_an_unchanged_check,
    our_values_are_plain_to_other_tools,
}

/// The promise of a second, and a little for the way.
const PROMISE: Duration = Duration::from_millis(1_200);

fn foreign(input: &CaseInput) -> Arc<dyn Foreign> {
    input.subject.foreign().expect("the case needs it")
}

async fn a_foreign_value_is_read(input: CaseInput) {
    foreign(&input).put(&key("f/1"), b"theirs").await;
    let store = input.store();
    assert_eq!(&value(&*store, "f/1").await[..], b"theirs");
    assert_eq!(names(&*store, &["f/"]).await, ["f/1"]);
}

async fn a_foreign_write_is_seen_within_a_second(input: CaseInput) {
    let store = input.store();
    let start = write(&*store, [put("f/1", "ours")]).await;
    let mut watch = watch(&*store, &["f/"], start).await;
    let mut took = Vec::new();
    for (name, value) in [("f/1", "theirs"), ("f/2", "new"), ("f/2", "newer"), ("f/1", "last")] {
        let begun = Instant::now();
        foreign(&input).put(&key(name), value.as_bytes()).await;
        let Event::Put(entry) = only_event(batch(&mut *watch).await) else { panic!("expected a put") };
        assert_eq!((entry.key, &entry.value[..]), (key(name), value.as_bytes()));
        took.push(begun.elapsed());
    }
    usually_within(PROMISE, took);
}

async fn a_foreign_deletion_is_seen_within_a_second(input: CaseInput) {
    let store = input.store();
    let start = write(&*store, [put("f/1", "1"), put("f/2", "2"), put("f/3", "3")]).await;
    let mut watch = watch(&*store, &["f/"], start).await;
    let mut took = Vec::new();
    for name in ["f/1", "f/2", "f/3"] {
        let begun = Instant::now();
        foreign(&input).delete(&key(name)).await;
        assert_eq!(only_event(batch(&mut *watch).await), Event::Deleted { key: key(name) });
        took.push(begun.elapsed());
        assert_eq!(read(&*store, name).await, None);
    }
    usually_within(PROMISE, took);
}

async fn a_foreign_write_breaks_an_unchanged_check(input: CaseInput) {
    let store = input.store();
    let seen = write(&*store, [put("f/1", "ours")]).await;
    foreign(&input).put(&key("f/1"), b"theirs").await;
    refused(&*store, vec![Check::Unchanged(key("f/1"), seen)], [put("f/1", "ours again")], "f/1").await;
    let theirs = read(&*store, "f/1").await.expect("theirs");
    assert_eq!(&theirs.value[..], b"theirs");
    write_if(&*store, vec![Check::Unchanged(theirs.key, theirs.modified)], [put("f/1", "ours again")]).await;
}

async fn a_foreign_write_breaks_an_absent_check(input: CaseInput) {
    let store = input.store();
    head(&*store).await;
    foreign(&input).put(&key("f/1"), b"theirs").await;
    refused(&*store, vec![Check::Absent(key("f/1"))], [put("f/1", "ours")], "f/1").await;
}

async fn a_foreign_deletion_breaks_an_unchanged_check(input: CaseInput) {
    let store = input.store();
    let seen = write(&*store, [put("f/1", "ours")]).await;
    foreign(&input).delete(&key("f/1")).await;
    refused(&*store, vec![Check::Unchanged(key("f/1"), seen)], [put("f/1", "again")], "f/1").await;
    write_if(&*store, vec![Check::Absent(key("f/1"))], [put("f/1", "again")]).await;
}

async fn our_values_are_plain_to_other_tools(input: CaseInput) {
    let store = input.store();
    write(&*store, [put("f/1", "ours")]).await;
    foreign(&input).put(&key("f/2"), b"beside").await;
    write(&*store, [put("f/2", "ours too")]).await;
    assert_eq!(&value(&*store, "f/2").await[..], b"ours too");
}
