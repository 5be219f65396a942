//! What survives closing and opening again.

use super::{
    Given, cases,
    support::{Follower, batch_or_resync, delete, head, key, put, read, watch, write, write_if},
};
use crate::Check;

cases! { Durable:
    contents_survive_reopening,
    deletions_survive_reopening,
    the_epoch_survives_reopening,
    revisions_go_on_after_reopening,
    checks_hold_across_reopening,
    a_watch_resumes_after_reopening,
}

async fn contents_survive_reopening(mut given: Given) {
    let before = {
        let store = given.store();
        write(&*store, [put("a", "1"), put("b", vec![0, 255, 10])]).await;
        write(&*store, [put("a", "2")]).await;
        Follower::listed(&*store, &[""]).await
    };
    given.subject.reopen().await;
    let after = Follower::listed(&*given.store(), &[""]).await;
    assert_eq!(after.entries, before.entries);
    assert!(after.revision >= before.revision);
}

async fn deletions_survive_reopening(mut given: Given) {
    {
        let store = given.store();
        write(&*store, [put("a", "1"), put("b", "1")]).await;
        write(&*store, [delete("a")]).await;
    }
    given.subject.reopen().await;
    assert_eq!(read(&*given.store(), "a").await, None);
    assert!(read(&*given.store(), "b").await.is_some());
}

async fn the_epoch_survives_reopening(mut given: Given) {
    let before = given.store().epoch().await.expect("it has an epoch");
    given.subject.reopen().await;
    assert_eq!(given.store().epoch().await.expect("it has an epoch"), before);
}

async fn revisions_go_on_after_reopening(mut given: Given) {
    let before = write(&*given.store(), [put("a", "1")]).await;
    given.subject.reopen().await;
    assert!(head(&*given.store()).await >= before);
    assert!(write(&*given.store(), [put("a", "2")]).await > before);
}

async fn checks_hold_across_reopening(mut given: Given) {
    let before = write(&*given.store(), [put("a", "1")]).await;
    given.subject.reopen().await;
    write_if(&*given.store(), vec![Check::Unchanged(key("a"), before)], [put("a", "2")]).await;
}

async fn a_watch_resumes_after_reopening(mut given: Given) {
    let (seen, missed) = {
        let store = given.store();
        let seen = write(&*store, [put("a", "1")]).await;
        (seen, [write(&*store, [put("a", "2")]).await, write(&*store, [delete("a"), put("b", "1")]).await])
    };
    given.subject.reopen().await;
    let store = given.store();
    let next = write(&*store, [put("a", "3")]).await;
    let mut watch = watch(&*store, &[""], seen).await;
    for expected in missed.into_iter().chain([next]) {
        let Some(batch) = batch_or_resync(&mut *watch).await else { return };
        assert_eq!(batch.revision, expected);
    }
}
