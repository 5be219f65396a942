//! The named limits: what is within is taken, what is beyond is refused whole.

use super::{
    case::{CaseInput, cases},
    support::{key, names, put, read, value, write, write_if},
};
use crate::{
    contract::{Check, Store, StoreError, Write},
    key::KEY_BYTES_MAX,
    limits::{COMMIT_BYTES_MAX, COMMIT_CHECKS_MAX, COMMIT_WRITES_MAX, VALUE_BYTES_MAX},
};

cases! { AtomicCommit:
    a_commit_of_the_most_writes_is_taken,
    one_write_more_is_refused,
    the_most_checks_are_taken_and_one_more_is_refused,
    a_key_written_twice_in_one_commit_is_refused,
    the_largest_value_is_taken,
    a_larger_value_is_refused,
    more_bytes_than_a_commit_carries_are_refused,
    the_longest_key_is_taken,
    a_key_may_hold_any_printable_text,
}

async fn invalid(store: &dyn Store, checks: Vec<Check>, writes: Vec<Write>) {
    let answer = store.commit(checks, writes).await;
    assert!(matches!(answer, Err(StoreError::Invalid(_))), "{answer:?}");
}

fn many(count: usize) -> Vec<Write> {
    (0..count).map(|index| put(&format!("many/{index:03}"), index.to_string())).collect()
}

async fn a_commit_of_the_most_writes_is_taken(input: CaseInput) {
    let store = input.store();
    let revision = write(&*store, many(COMMIT_WRITES_MAX)).await;
    let listing = store.list(&["many/"]).await.expect("it lists");
    assert_eq!(listing.entries.len(), COMMIT_WRITES_MAX);
    assert!(listing.entries.iter().all(|entry| entry.modified == revision));
}

async fn one_write_more_is_refused(input: CaseInput) {
    let store = input.store();
    invalid(&*store, vec![], many(COMMIT_WRITES_MAX + 1)).await;
    assert!(names(&*store, &["many/"]).await.is_empty());
}

async fn the_most_checks_are_taken_and_one_more_is_refused(input: CaseInput) {
    let store = input.store();
    let absent =
        |count| (0..count).map(|index| Check::Absent(key(&format!("no/{index}")))).collect::<Vec<_>>();
    write_if(&*store, absent(COMMIT_CHECKS_MAX), many(COMMIT_WRITES_MAX)).await;
    invalid(&*store, absent(COMMIT_CHECKS_MAX + 1), vec![put("k", "1")]).await;
    assert_eq!(read(&*store, "k").await, None);
}

async fn a_key_written_twice_in_one_commit_is_refused(input: CaseInput) {
    let store = input.store();
    invalid(&*store, vec![], vec![put("k", "1"), put("j", "1"), put("k", "2")]).await;
    invalid(&*store, vec![], vec![put("k", "1"), Write::delete(key("k"))]).await;
    assert!(names(&*store, &[""]).await.is_empty());
}

async fn the_largest_value_is_taken(input: CaseInput) {
    let store = input.store();
    let largest = vec![0xa5; VALUE_BYTES_MAX];
    write(&*store, [put("k", &largest)]).await;
    assert_eq!(value(&*store, "k").await, largest);
}

async fn a_larger_value_is_refused(input: CaseInput) {
    let store = input.store();
    write(&*store, [put("k", "before")]).await;
    invalid(&*store, vec![], vec![put("j", "1"), put("k", vec![0; VALUE_BYTES_MAX + 1])]).await;
    assert_eq!(&value(&*store, "k").await[..], b"before");
    assert_eq!(read(&*store, "j").await, None);
}

async fn more_bytes_than_a_commit_carries_are_refused(input: CaseInput) {
    let store = input.store();
    let half = vec![b'x'; COMMIT_BYTES_MAX / 2 - 1];
    write(&*store, [put("a", &half), put("b", &half)]).await;
    invalid(&*store, vec![], vec![put("a", &half), put("b", &half), put("c", "1")]).await;
    assert_eq!(read(&*store, "c").await, None);
}

async fn the_longest_key_is_taken(input: CaseInput) {
    let store = input.store();
    let longest = format!("long/{}", "k".repeat(KEY_BYTES_MAX - "long/".len()));
    write(&*store, [put(&longest, "1")]).await;
    assert_eq!(names(&*store, &["long/"]).await, [longest]);
}

async fn a_key_may_hold_any_printable_text(input: CaseInput) {
    let store = input.store();
    let odd = [
        "a b",
        "a%2Fb",
        "a+b",
        "a?b=c&d",
        "a*",
        "a[bc]",
        "a{b}",
        "a\\b",
        "a\"b'",
        "a:b",
        "a;b",
        "grüße/日本/🚦",
        "~",
        "a#b",
        "-",
        "$x",
        "\u{10ffff}",
    ];
    for (index, name) in odd.iter().enumerate() {
        write(&*store, [put(&format!("odd/{name}"), index.to_string())]).await;
    }
    for (index, name) in odd.iter().enumerate() {
        assert_eq!(value(&*store, &format!("odd/{name}")).await, index.to_string());
    }
    assert_eq!(names(&*store, &["odd/"]).await.len(), odd.len());
}
