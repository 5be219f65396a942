//! What survives closing and opening again.

use super::{
    case::{CaseInput, cases},
    support::{Follower, batch_or_resync, delete, head, key, put, read, watch, write, write_if},
};
use crate::contract::Check;

cases! { Durable:
    contents_survive_reopening,
    deletions_survive_reopening,
    the_epoch_survives_reopening,
    revisions_go_on_after_reopening,
    checks_hold_across_reopening,
    a_watch_resumes_after_reopening,
}

async fn contents_survive_reopening(mut input: CaseInput) {
    let before = {
        let store = input.store();
        write(&*store, [put("a", "1"), put("b", vec![0, 255, 10])]).await;
        write(&*store, [put("a", "2")]).await;
        Follower::listed(&*store, &[""]).await
    };
    input.subject.reopen().await;
    let after = Follower::listed(&*input.store(), &[""]).await;
    assert_eq!(after.entries, before.entries);
    assert!(after.revision >= before.revision);
}

async fn deletions_survive_reopening(mut input: CaseInput) {
    {
        let store = input.store();
        write(&*store, [put("a", "1"), put("b", "1")]).await;
        write(&*store, [delete("a")]).await;
    }
    input.subject.reopen().await;
    assert_eq!(read(&*input.store(), "a").await, None);
    assert!(read(&*input.store(), "b").await.is_some());
}

async fn the_epoch_survives_reopening(mut input: CaseInput) {
    let before = input.store().epoch().await.expect("it has an epoch");
    input.subject.reopen().await;
    assert_eq!(input.store().epoch().await.expect("it has an epoch"), before);
}

async fn revisions_go_on_after_reopening(mut input: CaseInput) {
    let before = write(&*input.store(), [put("a", "1")]).await;
    input.subject.reopen().await;
    assert!(head(&*input.store()).await >= before);
    assert!(write(&*input.store(), [put("a", "2")]).await > before);
}

async fn checks_hold_across_reopening(mut input: CaseInput) {
    let before = write(&*input.store(), [put("a", "1")]).await;
    input.subject.reopen().await;
    write_if(&*input.store(), vec![Check::Unchanged(key("a"), before)], [put("a", "2")]).await;
}

async fn a_watch_resumes_after_reopening(mut input: CaseInput) {
    let (seen, missed) = {
        let store = input.store();
        let seen = write(&*store, [put("a", "1")]).await;
        (seen, [write(&*store, [put("a", "2")]).await, write(&*store, [delete("a"), put("b", "1")]).await])
    };
    input.subject.reopen().await;
    let store = input.store();
    let next = write(&*store, [put("a", "3")]).await;
    let mut watch = watch(&*store, &[""], seen).await;
    for expected in missed.into_iter().chain([next]) {
        let Some(batch) = batch_or_resync(&mut *watch).await else { return };
        assert_eq!(batch.revision, expected);
    }
}
