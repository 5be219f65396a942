//! Many at once: nothing is lost, nothing is half done, everybody sees the same order.

use std::{collections::HashMap, sync::Arc};

use futures_util::future::join_all;

use super::{
    case::{CaseInput, cases},
    support::{Follower, batch, delete, head, key, put, read, soon, value, watch, write},
};
use crate::contract::{Batch, Check, Event, Outcome, Store, WatchItem};

cases! { AtomicCommit:
    compare_and_set_counts_exactly,
    one_of_many_creators_wins,
    two_guarded_commits_never_both_win,
    two_clients_see_each_other,
    a_watch_has_no_gap_under_concurrent_writers,
    every_watch_sees_the_same_order,
    a_hundred_watches_see_a_change,
    a_cancelled_commit_is_whole_or_absent,
    a_follower_ends_where_the_store_is,
}

const WRITERS: usize = 6;
const ROUNDS: usize = 15;

fn number(bytes: &[u8]) -> usize {
    std::str::from_utf8(bytes).ok().and_then(|text| text.parse().ok()).expect("cases write numbers")
}

/// Adds one to a counter, by compare and set, as often as it takes.
async fn increment(store: &dyn Store, name: &str) {
    loop {
        let (check, next) = match read(store, name).await {
            None => (Check::Absent(key(name)), 1),
            Some(entry) => (Check::Unchanged(entry.key, entry.modified), number(&entry.value) + 1),
        };
        match store.commit(vec![check], vec![put(name, next.to_string())]).await.expect("answered") {
            Outcome::Done(_) => return,
            Outcome::Conflict(_) => tokio::task::yield_now().await,
            Outcome::Unknown(text) => panic!("a healthy store knows: {text}"),
        }
    }
}

async fn compare_and_set_counts_exactly(input: CaseInput) {
    let clients = [input.store(), input.subject.second().await];
    let tasks = (0..WRITERS).map(|writer| {
        let store = Arc::clone(&clients[writer % 2]);
        tokio::spawn(async move {
            for _ in 0..ROUNDS {
                increment(&*store, "counter").await;
            }
        })
    });
    for ended in soon("the writers' end", join_all(tasks)).await {
        ended.expect("the writer is well");
    }
    assert_eq!(number(&value(&*clients[0], "counter").await), WRITERS * ROUNDS);
}

async fn one_of_many_creators_wins(input: CaseInput) {
    let clients = [input.store(), input.subject.second().await];
    for round in 0..5 {
        let name = format!("claim/{round}");
        let tries = (0..10).map(|claimant| {
            let check = vec![Check::Absent(key(&name))];
            let writes =
                vec![put(&name, claimant.to_string()), put(&format!("{name}/of"), claimant.to_string())];
            clients[claimant % 2].commit(check, writes)
        });
        let outcomes = soon("the claims", join_all(tries)).await;
        let winners =
            outcomes.iter().enumerate().filter(|(_, outcome)| matches!(outcome, Ok(Outcome::Done(_))));
        let [(winner, _)] = winners.collect::<Vec<_>>()[..] else { panic!("{outcomes:?}") };
        assert_eq!(number(&value(&*clients[0], &name).await), winner);
        assert_eq!(number(&value(&*clients[1], &format!("{name}/of")).await), winner);
    }
}

/// Each commit is guarded by the key that the other one writes.
async fn two_guarded_commits_never_both_win(input: CaseInput) {
    let (one, other) = (input.store(), input.subject.second().await);
    for round in 0..10 {
        let (left, right) = (format!("left/{round}"), format!("right/{round}"));
        let (first, second) = soon("both answers", async {
            tokio::join!(
                one.commit(vec![Check::Absent(key(&right))], vec![put(&left, "1")]),
                other.commit(vec![Check::Absent(key(&left))], vec![put(&right, "1")]),
            )
        })
        .await;
        let done = [&first, &second].into_iter().filter(|outcome| matches!(outcome, Ok(Outcome::Done(_))));
        assert_eq!(done.count(), 1, "{first:?} {second:?}");
    }
}

async fn two_clients_see_each_other(input: CaseInput) {
    let (one, other) = (input.store(), input.subject.second().await);
    let mut watch = watch(&*other, &["k"], head(&*other).await).await;
    let revision = write(&*one, [put("k", "1")]).await;
    assert_eq!(read(&*other, "k").await, read(&*one, "k").await);
    assert_eq!(batch(&mut *watch).await.revision, revision);
    assert!(head(&*other).await >= revision);
}

/// Starts writers that each count up a key of their own, and write a shared one beside it.
fn spawn_writers(clients: &[Arc<dyn Store>; 2]) -> Vec<tokio::task::JoinHandle<()>> {
    let spawn = |writer: usize| {
        let store = Arc::clone(&clients[writer % 2]);
        tokio::spawn(async move {
            for round in 1..=ROUNDS {
                let own = put(&format!("own/{writer}"), round.to_string());
                write(&*store, [own, put("own/shared", writer.to_string())]).await;
            }
        })
    };
    (0..WRITERS).map(spawn).collect()
}

async fn a_watch_has_no_gap_under_concurrent_writers(input: CaseInput) {
    let clients = [input.store(), input.subject.second().await];
    let mut follower = Follower::listed(&*clients[0], &["own/"]).await;
    let mut watch = watch(&*clients[0], &["own/"], follower.revision).await;
    let writers = spawn_writers(&clients);
    let mut reached = HashMap::<String, usize>::new();
    for _ in 0..WRITERS * ROUNDS {
        let batch = batch(&mut *watch).await;
        let own = batch.events.iter().find(|event| event.key().as_str() != "own/shared");
        let Some(Event::Put(entry)) = own else { panic!("{batch:?}") };
        let count = reached.entry(entry.key.to_string()).or_default();
        assert_eq!(number(&entry.value), *count + 1, "a gap in {}", entry.key);
        *count += 1;
        follower.follow(batch);
    }
    soon("the writers' end", join_all(writers)).await;
    assert_eq!(Follower::listed(&*clients[0], &["own/"]).await.entries, follower.entries);
}

async fn every_watch_sees_the_same_order(input: CaseInput) {
    let clients = [input.store(), input.subject.second().await];
    let start = head(&*clients[0]).await;
    let read_all = |store: Arc<dyn Store>| async move {
        let mut watch = watch(&*store, &["own/"], start).await;
        let mut batches = Vec::<Batch>::new();
        while batches.len() < WRITERS * ROUNDS {
            let mut batch = batch(&mut *watch).await;
            batch.events.sort_by(|one, other| one.key().cmp(other.key()));
            batches.push(batch);
        }
        batches
    };
    let readers = (0..8).map(|reader| tokio::spawn(read_all(Arc::clone(&clients[reader % 2]))));
    let readers = readers.collect::<Vec<_>>();
    let writers = spawn_writers(&clients);
    let seen = soon("every reader", join_all(readers)).await;
    let seen = seen.into_iter().map(|batches| batches.expect("the reader is well")).collect::<Vec<_>>();
    assert!(seen.iter().all(|batches| *batches == seen[0]));
    soon("the writers' end", join_all(writers)).await;
}

async fn a_hundred_watches_see_a_change(input: CaseInput) {
    let store = input.store();
    let start = head(&*store).await;
    let mut watches = Vec::new();
    for _ in 0..100 {
        watches.push(watch(&*store, &["k"], start).await);
    }
    let revision = write(&*store, [put("k", "1")]).await;
    for mut watch in watches {
        assert_eq!(batch(&mut *watch).await.revision, revision);
    }
}

async fn a_cancelled_commit_is_whole_or_absent(input: CaseInput) {
    let store = input.store();
    for round in 0..20_u64 {
        let (left, right) = (format!("cut/{round}/left"), format!("cut/{round}/right"));
        let commit = store.commit(vec![], vec![put(&left, "1"), put(&right, "1")]);
        // Cut at ever later moments: before the first poll's end, under way, perhaps done.
        drop(tokio::time::timeout(std::time::Duration::from_micros(100 * round), commit).await);
        // A commit of our own comes after anything that the cut one may still do.
        write(&*store, [put("after", round.to_string())]).await;
        let listing = store.list(&[&format!("cut/{round}/")]).await.expect("it lists");
        let revisions = listing.entries.iter().map(|entry| entry.modified).collect::<Vec<_>>();
        assert!(
            matches!(revisions[..], []) || matches!(revisions[..], [one, other] if one == other),
            "{listing:?}"
        );
    }
}

/// A mixed load of puts and deletions; the follower adds up to the store's own listing.
async fn a_follower_ends_where_the_store_is(input: CaseInput) {
    let clients = [input.store(), input.subject.second().await];
    let mut follower = Follower::listed(&*clients[0], &["mix/"]).await;
    let mut watch = watch(&*clients[0], &["mix/"], follower.revision).await;
    let tasks = (0..WRITERS).map(|writer| {
        let store = Arc::clone(&clients[writer % 2]);
        tokio::spawn(async move {
            for round in 0..ROUNDS {
                let name = format!("mix/{}", (writer * 7 + round * 3) % 10);
                let change =
                    if (writer + round) % 3 == 0 { delete(&name) } else { put(&name, round.to_string()) };
                write(&*store, [change]).await;
            }
        })
    });
    for ended in soon("the writers' end", join_all(tasks)).await {
        ended.expect("the writer is well");
    }
    let end = write(&*clients[0], [put("mix/end", "1")]).await;
    while follower.revision < end {
        match super::support::next(&mut *watch).await {
            WatchItem::Batch(batch) => follower.follow(batch),
            WatchItem::Progress(_) => {}
            WatchItem::Resync => panic!("a watch that keeps up has no reason to resync"),
        }
    }
    assert_eq!(Follower::listed(&*clients[0], &["mix/"]).await.entries, follower.entries);
}
