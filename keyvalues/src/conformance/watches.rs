//! Watches: batches in order, none left out, and proof of life in between.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    case::{CaseInput, cases},
    support::{
        Follower, batch, batch_or_resync, delete, head, key, next, only_event, put, quiet_until, read, soon,
        usually_within, watch, write,
    },
};
use crate::{
    contract::{Event, StoreError, WatchItem},
    limits::{PROGRESS_EVERY, VALUE_BYTES_MAX},
};

cases! { AtomicCommit:
    a_watch_yields_batches_in_order,
    a_commit_is_one_batch,
    a_batch_holds_only_watched_keys,
    watched_prefixes_are_plain_strings,
    overlapping_prefixes_yield_an_event_once,
    a_watch_of_the_empty_prefix_sees_everything,
    a_watch_of_no_prefix_is_quiet,
    an_event_carries_the_entry_that_get_shows,
    a_deletion_is_seen,
    a_deleted_and_recreated_key_is_seen_twice,
    a_watch_begins_after_its_revision,
    a_watch_from_an_earlier_revision_replays_or_resyncs,
    a_watch_from_before_everything_replays_or_resyncs,
    a_watch_from_the_future_resyncs,
    a_resync_is_followed_by_a_working_watch,
    a_slow_watch_leaves_nothing_out,
    a_watch_from_compacted_history_resyncs,
    an_idle_watch_makes_progress_in_time,
    progress_goes_on_while_other_keys_change,
    progress_never_passes_an_unseen_change,
    a_cancelled_next_loses_nothing,
    a_dropped_watch_harms_nobody,
}

/// What is promised, and a little for the way.
const PROMISE: Duration = PROGRESS_EVERY.saturating_add(Duration::from_millis(200));

async fn a_watch_yields_batches_in_order(input: CaseInput) {
    let store = input.store();
    let mut watch = watch(&*store, &["w/"], head(&*store).await).await;
    let mut expected = Vec::new();
    for round in 0..30 {
        expected.push(write(&*store, [put("w/k", round.to_string())]).await);
    }
    for (round, revision) in expected.into_iter().enumerate() {
        let batch = batch(&mut *watch).await;
        assert_eq!(batch.revision, revision);
        let Event::Put(entry) = only_event(batch) else { panic!("expected a put") };
        assert_eq!(entry.value, round.to_string());
    }
}

async fn a_commit_is_one_batch(input: CaseInput) {
    let store = input.store();
    let start = write(&*store, [put("old", "1")]).await;
    let mut watch = watch(&*store, &[""], start).await;
    let revision = write(&*store, [put("a", "1"), delete("old"), put("z/y", "2")]).await;
    let batch = batch(&mut *watch).await;
    assert_eq!(batch.revision, revision);
    let mut touched = batch.events.iter().map(|event| event.key().as_str()).collect::<Vec<_>>();
    touched.sort_unstable();
    assert_eq!(touched, ["a", "old", "z/y"]);
}

async fn a_batch_holds_only_watched_keys(input: CaseInput) {
    let store = input.store();
    let mut watch = watch(&*store, &["in/", "also"], head(&*store).await).await;
    write(&*store, [put("out", "1")]).await;
    let revision = write(&*store, [put("in/1", "1"), put("out", "2"), put("also", "3")]).await;
    let batch = batch(&mut *watch).await;
    assert_eq!((batch.revision, batch.events.len()), (revision, 2));
    assert!(batch.events.iter().all(|event| event.key().as_str() != "out"));
}

async fn watched_prefixes_are_plain_strings(input: CaseInput) {
    let store = input.store();
    let mut watch = watch(&*store, &["ap*", "p/"], head(&*store).await).await;
    write(&*store, [put("apx", "1"), put("p", "1"), put("pp/1", "1")]).await;
    let revision = write(&*store, [put("ap*x", "1"), put("p/x", "1"), put("q/p/x", "1")]).await;
    let batch = batch(&mut *watch).await;
    assert_eq!((batch.revision, batch.events.len()), (revision, 2));
}

async fn overlapping_prefixes_yield_an_event_once(input: CaseInput) {
    let store = input.store();
    let mut watch = watch(&*store, &["o/p/", "o/", "o/p/q", "o/"], head(&*store).await).await;
    for _ in 0..2 {
        let revision = write(&*store, [put("o/p/q", "1"), put("o/r", "1")]).await;
        let batch = batch(&mut *watch).await;
        assert_eq!((batch.revision, batch.events.len()), (revision, 2));
    }
}

async fn a_watch_of_the_empty_prefix_sees_everything(input: CaseInput) {
    let store = input.store();
    let mut watch = watch(&*store, &[""], head(&*store).await).await;
    for name in ["!", "a/b", "\u{10ffff}/x"] {
        write(&*store, [put(name, "1")]).await;
        assert_eq!(only_event(batch(&mut *watch).await).key(), &key(name));
    }
}

async fn a_watch_of_no_prefix_is_quiet(input: CaseInput) {
    let store = input.store();
    let mut watch = watch(&*store, &[], head(&*store).await).await;
    let revision = write(&*store, [put("k", "1")]).await;
    quiet_until(&mut *watch, revision).await;
}

async fn an_event_carries_the_entry_that_get_shows(input: CaseInput) {
    let store = input.store();
    let mut watch = watch(&*store, &["k"], head(&*store).await).await;
    for value in ["1", "2"] {
        write(&*store, [put("k", value)]).await;
        let shown = read(&*store, "k").await.expect("written");
        assert_eq!(only_event(batch(&mut *watch).await), Event::Put(shown));
    }
}

async fn a_deletion_is_seen(input: CaseInput) {
    let store = input.store();
    let start = write(&*store, [put("d/1", "1"), put("d/2", "1")]).await;
    let mut watch = watch(&*store, &["d/"], start).await;
    let revision = write(&*store, [delete("d/1")]).await;
    let batch = batch(&mut *watch).await;
    assert_eq!(batch.revision, revision);
    assert_eq!(only_event(batch), Event::Deleted { key: key("d/1") });
}

async fn a_deleted_and_recreated_key_is_seen_twice(input: CaseInput) {
    let store = input.store();
    let start = write(&*store, [put("k", "1")]).await;
    let mut watch = watch(&*store, &["k"], start).await;
    write(&*store, [delete("k")]).await;
    let again = write(&*store, [put("k", "2")]).await;
    assert_eq!(only_event(batch(&mut *watch).await), Event::Deleted { key: key("k") });
    let Event::Put(entry) = only_event(batch(&mut *watch).await) else { panic!("expected a put") };
    assert_eq!((entry.created, entry.modified), (again, again));
}

async fn a_watch_begins_after_its_revision(input: CaseInput) {
    let store = input.store();
    let seen = write(&*store, [put("k", "seen")]).await;
    let mut watch = watch(&*store, &["k"], seen).await;
    let unseen = write(&*store, [put("k", "unseen")]).await;
    assert_eq!(batch(&mut *watch).await.revision, unseen);
}

async fn a_watch_from_an_earlier_revision_replays_or_resyncs(input: CaseInput) {
    let store = input.store();
    let mut revisions = Vec::new();
    for round in 0..10 {
        revisions.push(write(&*store, [put("k", round.to_string())]).await);
    }
    let mut watch = watch(&*store, &["k"], revisions[3]).await;
    for expected in &revisions[4..] {
        let Some(batch) = batch_or_resync(&mut *watch).await else { return };
        assert_eq!(batch.revision, *expected);
    }
}

async fn a_watch_from_before_everything_replays_or_resyncs(input: CaseInput) {
    let store = input.store();
    let first = write(&*store, [put("k", "1")]).await;
    write(&*store, [put("k", "2")]).await;
    let mut watch = watch(&*store, &["k"], 0).await;
    if let Some(batch) = batch_or_resync(&mut *watch).await {
        assert_eq!(batch.revision, first);
    }
}

async fn a_watch_from_the_future_resyncs(input: CaseInput) {
    let store = input.store();
    let revision = write(&*store, [put("k", "1")]).await;
    let mut watch = watch(&*store, &["k"], revision + 1_000_000).await;
    assert_eq!(next(&mut *watch).await, WatchItem::Resync);
}

async fn a_resync_is_followed_by_a_working_watch(input: CaseInput) {
    let store = input.store();
    let revision = write(&*store, [put("k", "1")]).await;
    let mut lost = watch(&*store, &["k"], revision + 1_000_000).await;
    assert_eq!(next(&mut *lost).await, WatchItem::Resync);
    let mut follower = Follower::listed(&*store, &["k"]).await;
    let mut found = watch(&*store, &["k"], follower.revision).await;
    write(&*store, [put("k", "2")]).await;
    follower.follow(batch(&mut *found).await);
    assert_eq!(follower.entries.get(&key("k")).cloned(), read(&*store, "k").await);
}

/// 24 MiB of changes that nobody fetches: more than any backend may queue. It gets them all, or hears that it has to list
/// again: by a resync, or by the end of the watch where a server gives up on a reader that does not read.
async fn a_slow_watch_leaves_nothing_out(input: CaseInput) {
    let store = input.store();
    let mut watch = watch(&*store, &["slow"], head(&*store).await).await;
    let mut revisions = Vec::new();
    for round in 0..24_u8 {
        revisions.push(write(&*store, [put("slow", vec![round; VALUE_BYTES_MAX])]).await);
    }
    let mut expected = revisions.into_iter();
    while expected.len() > 0 {
        match soon("a watch item", watch.next()).await {
            Ok(WatchItem::Batch(batch)) => assert_eq!(Some(batch.revision), expected.next()),
            Ok(WatchItem::Progress(_)) => {}
            Ok(WatchItem::Resync) | Err(StoreError::Unreachable(_)) => return,
            Err(error) => panic!("the watch ended otherwise: {error}"),
        }
    }
}

async fn a_watch_from_compacted_history_resyncs(input: CaseInput) {
    let store = input.store();
    let old = write(&*store, [put("k", "1")]).await;
    for round in 0..3 {
        write(&*store, [put("k", round.to_string())]).await;
    }
    input.subject.compact().await;
    let mut watch = watch(&*store, &["k"], old).await;
    assert_eq!(batch_or_resync(&mut *watch).await, None, "a compacted history was replayed");
}

async fn an_idle_watch_makes_progress_in_time(input: CaseInput) {
    let store = input.store();
    let revision = write(&*store, [put("k", "1")]).await;
    let mut watch = watch(&*store, &["k"], revision).await;
    let mut silences = Vec::new();
    for _ in 0..4 {
        let before = Instant::now();
        let WatchItem::Progress(reached) = next(&mut *watch).await else { panic!("expected progress") };
        assert!(reached >= revision);
        silences.push(before.elapsed());
    }
    usually_within(PROMISE, silences);
}

async fn progress_goes_on_while_other_keys_change(input: CaseInput) {
    let store = input.store();
    let mut watch = watch(&*store, &["quiet/"], head(&*store).await).await;
    let noise = async {
        loop {
            write(&*store, [put("noise", "1")]).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let silences = async {
        let mut silences = Vec::new();
        for _ in 0..4 {
            let before = Instant::now();
            assert!(matches!(next(&mut *watch).await, WatchItem::Progress(_)));
            silences.push(before.elapsed());
        }
        silences
    };
    tokio::select! {
        () = noise => unreachable!("it never ends"),
        silences = silences => usually_within(PROMISE, silences),
    }
}

/// Progress up to a revision says that nothing up to it is unseen.
async fn progress_never_passes_an_unseen_change(input: CaseInput) {
    let store = input.store();
    let mut watch = watch(&*store, &["k"], head(&*store).await).await;
    for round in 0..3 {
        // Long enough for progress to be due while the change is on its way.
        tokio::time::sleep(PROGRESS_EVERY - Duration::from_millis(10)).await;
        let revision = write(&*store, [put("k", round.to_string())]).await;
        loop {
            match next(&mut *watch).await {
                WatchItem::Progress(reached) => assert!(reached < revision, "{reached} passes {revision}"),
                WatchItem::Batch(batch) => break assert_eq!(batch.revision, revision),
                WatchItem::Resync => panic!("a watch that keeps up has no reason to resync"),
            }
        }
    }
}

async fn a_cancelled_next_loses_nothing(input: CaseInput) {
    let store = input.store();
    let mut watch = watch(&*store, &["k"], head(&*store).await).await;
    for round in 0..20_u64 {
        let revision = write(&*store, [put("k", round.to_string())]).await;
        let found = loop {
            let patience = Duration::from_micros(50 * round);
            match tokio::time::timeout(patience, watch.next()).await {
                Ok(item) => match item.expect("the watch lives") {
                    WatchItem::Batch(batch) => break batch,
                    WatchItem::Progress(_) => {}
                    WatchItem::Resync => panic!("a watch that keeps up has no reason to resync"),
                },
                Err(_) if round % 2 == 0 => break batch(&mut *watch).await,
                Err(_) => {}
            }
        };
        assert_eq!(found.revision, revision);
    }
}

async fn a_dropped_watch_harms_nobody(input: CaseInput) {
    let store = input.store();
    let start = head(&*store).await;
    let mut kept = watch(&*store, &["k"], start).await;
    for _ in 0..10 {
        drop(watch(&*store, &["k"], start).await);
    }
    let revision = write(&*store, [put("k", "1")]).await;
    assert_eq!(batch(&mut *kept).await.revision, revision);
}
