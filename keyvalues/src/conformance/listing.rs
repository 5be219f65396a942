//! Views: consistent, ordered, and cut by plain prefixes.

use std::sync::Arc;

use super::{
    case::{CaseInput, cases},
    support::{Follower, batch, delete, key, names, put, soon, watch, write},
};
use crate::contract::Store;

cases! { AtomicCommit:
    an_empty_store_lists_nothing,
    a_listing_is_ordered_by_key,
    overlapping_prefixes_list_each_key_once,
    prefixes_are_plain_strings,
    the_empty_prefix_lists_everything,
    no_prefix_lists_nothing,
    pattern_characters_in_a_prefix_are_literal,
    a_prefix_that_ends_in_the_last_character_works,
    deleted_keys_are_not_listed,
    a_listing_holds_nothing_after_its_revision,
    a_listing_holds_everything_up_to_its_revision,
    a_listing_of_many_keys_is_whole,
    a_listing_agrees_with_get,
    a_listing_under_concurrent_commits_is_never_torn,
    a_listing_and_its_watch_leave_no_gap,
    pages_are_a_listing_in_parts,
}

/// Commits that a concurrent writer makes.
const ROUNDS: u32 = 60;

async fn an_empty_store_lists_nothing(input: CaseInput) {
    assert!(names(&*input.store(), &[""]).await.is_empty());
}

async fn a_listing_is_ordered_by_key(input: CaseInput) {
    let store = input.store();
    for name in ["l/b", "l/a/z", "l/a", "l/é", "l/B", "l/a-", "l/a0"] {
        write(&*store, [put(name, "1")]).await;
    }
    let listed = names(&*store, &["l/"]).await;
    assert_eq!(listed, ["l/B", "l/a", "l/a-", "l/a/z", "l/a0", "l/b", "l/é"]);
}

async fn overlapping_prefixes_list_each_key_once(input: CaseInput) {
    let store = input.store();
    write(&*store, [put("a/1", "1"), put("a/b/2", "1"), put("c/3", "1"), put("d", "1")]).await;
    assert_eq!(names(&*store, &["c/", "a/b/", "a/", "a/", "c/3"]).await, ["a/1", "a/b/2", "c/3"]);
}

async fn prefixes_are_plain_strings(input: CaseInput) {
    let store = input.store();
    write(
        &*store,
        [put("app", "1"), put("app/x", "1"), put("apple", "1"), put("ap", "1"), put("b/app", "1")],
    )
    .await;
    assert_eq!(names(&*store, &["app"]).await, ["app", "app/x", "apple"]);
    assert_eq!(names(&*store, &["app/"]).await, ["app/x"]);
    assert_eq!(names(&*store, &["app/x/"]).await, [""; 0]);
}

async fn the_empty_prefix_lists_everything(input: CaseInput) {
    let store = input.store();
    write(&*store, [put("!", "1"), put("m/n", "1"), put("\u{10ffff}", "1")]).await;
    assert_eq!(names(&*store, &[""]).await, ["!", "m/n", "\u{10ffff}"]);
    assert_eq!(names(&*store, &["m/", ""]).await.len(), 3);
}

async fn no_prefix_lists_nothing(input: CaseInput) {
    let store = input.store();
    let revision = write(&*store, [put("k", "1")]).await;
    let listing = store.list(&[]).await.expect("it lists");
    assert!(listing.entries.is_empty() && listing.revision >= revision);
}

async fn pattern_characters_in_a_prefix_are_literal(input: CaseInput) {
    let store = input.store();
    write(
        &*store,
        [put("p*/1", "1"), put("px/1", "1"), put("p?/1", "1"), put("p[x]/1", "1"), put("p\\*", "1")],
    )
    .await;
    assert_eq!(names(&*store, &["p*"]).await, ["p*/1"]);
    assert_eq!(names(&*store, &["p?/"]).await, ["p?/1"]);
    assert_eq!(names(&*store, &["p[x]"]).await, ["p[x]/1"]);
    assert_eq!(names(&*store, &["p\\"]).await, ["p\\*"]);
}

async fn a_prefix_that_ends_in_the_last_character_works(input: CaseInput) {
    let store = input.store();
    write(
        &*store,
        [put("z\u{10ffff}/a", "1"), put("z\u{10ffff}\u{10ffff}", "1"), put("z", "1"), put("{", "1")],
    )
    .await;
    assert_eq!(names(&*store, &["z\u{10ffff}"]).await, ["z\u{10ffff}/a", "z\u{10ffff}\u{10ffff}"]);
}

async fn deleted_keys_are_not_listed(input: CaseInput) {
    let store = input.store();
    write(&*store, [put("d/1", "1"), put("d/2", "1")]).await;
    write(&*store, [delete("d/1")]).await;
    assert_eq!(names(&*store, &["d/"]).await, ["d/2"]);
}

async fn a_listing_holds_nothing_after_its_revision(input: CaseInput) {
    let store = input.store();
    let writer = spawn_pairs(Arc::clone(&store), ROUNDS);
    while !writer.is_finished() {
        let listing = store.list(&[""]).await.expect("it lists");
        for entry in &listing.entries {
            assert!(entry.modified <= listing.revision, "{entry:?} in a view of {}", listing.revision);
        }
        tokio::task::yield_now().await;
    }
    soon("the writer's end", writer).await.expect("the writer is well");
}

async fn a_listing_holds_everything_up_to_its_revision(input: CaseInput) {
    let store = input.store();
    for round in 0..20 {
        let revision = write(&*store, [put(&format!("e/{round}"), "1")]).await;
        let listing = store.list(&["e/"]).await.expect("it lists");
        assert!(listing.revision >= revision);
        assert_eq!(listing.entries.len(), round + 1);
    }
}

async fn a_listing_of_many_keys_is_whole(input: CaseInput) {
    let store = input.store();
    for hundred in 0..10 {
        let writes =
            (0..100).map(|one| put(&format!("big/{:04}", hundred * 100 + one), "x")).collect::<Vec<_>>();
        write(&*store, writes).await;
    }
    let expected = (0..1_000).map(|index| format!("big/{index:04}")).collect::<Vec<_>>();
    assert_eq!(names(&*store, &["big/"]).await, expected);
}

async fn a_listing_agrees_with_get(input: CaseInput) {
    let store = input.store();
    write(&*store, [put("g/1", "1"), put("g/2", "2")]).await;
    write(&*store, [put("g/1", "3")]).await;
    for entry in store.list(&["g/"]).await.expect("it lists").entries {
        assert_eq!(store.get(&entry.key).await.expect("it reads"), Some(entry));
    }
}

async fn pages_are_a_listing_in_parts(input: CaseInput) {
    let store = input.store();
    for ten in 0..3 {
        let writes = (0..10).map(|one| put(&format!("p/{ten}{one}"), "x"));
        write(&*store, writes.chain([put(&format!("q{ten}"), "x")]).collect::<Vec<_>>()).await;
    }
    for (prefix, entries_max) in [("p/", 1), ("p/", 7), ("p/", 30), ("", 4), ("p/2", 100), ("none", 5)] {
        let (mut after, mut found) = (None, Vec::new());
        loop {
            let page = store.page(prefix, after.as_ref(), entries_max).await.expect("it lists");
            let Some(last) = page.entries.last() else { break };
            after = Some(last.key.clone());
            found.extend(page.entries);
        }
        let whole = store.list(&[prefix]).await.expect("it lists");
        assert_eq!(found, whole.entries, "{prefix} by {entries_max}");
    }
}

/// Writes the same number under two prefixes, again and again.
fn spawn_pairs(store: Arc<dyn Store>, rounds: u32) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        for round in 1..=rounds {
            write(&*store, [put("left/k", round.to_string()), put("right/k", round.to_string())]).await;
        }
    })
}

async fn a_listing_under_concurrent_commits_is_never_torn(input: CaseInput) {
    let store = input.store();
    write(&*store, [put("left/k", "0"), put("right/k", "0")]).await;
    let writer = spawn_pairs(input.subject.second().await, ROUNDS);
    while !writer.is_finished() {
        let listing = store.list(&["right/", "left/"]).await.expect("it lists");
        let [left, right] = &listing.entries[..] else { panic!("{listing:?}") };
        assert_eq!((&left.key, &right.key), (&key("left/k"), &key("right/k")));
        assert_eq!((&left.value, left.modified), (&right.value, right.modified), "a torn view");
        tokio::task::yield_now().await;
    }
    soon("the writer's end", writer).await.expect("the writer is well");
}

async fn a_listing_and_its_watch_leave_no_gap(input: CaseInput) {
    let store = input.store();
    write(&*store, [put("left/k", "0"), put("right/k", "0")]).await;
    let writer = spawn_pairs(input.subject.second().await, ROUNDS);
    let mut known = 0;
    while known < ROUNDS {
        let mut follower = Follower::listed(&*store, &["left/"]).await;
        let mut watch = watch(&*store, &["left/"], follower.revision).await;
        known = number(&follower);
        for _ in 0..3 {
            if known < ROUNDS {
                follower.follow(batch(&mut *watch).await);
                assert_eq!(number(&follower), known + 1, "a gap");
                known += 1;
            }
        }
    }
    soon("the writer's end", writer).await.expect("the writer is well");
}

fn number(follower: &Follower) -> u32 {
    let value = &follower.entries[&key("left/k")].value;
    std::str::from_utf8(value).ok().and_then(|text| text.parse().ok()).expect("the writer writes numbers")
}
