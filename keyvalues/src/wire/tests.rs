//! What is written is read again, and what is not of the contract is refused.

use bytes::Bytes;

use super::{
    calls::CommitCall,
    forms::{EntryForm, OutcomeForm, WatchForm},
};
use crate::{
    contract::{Batch, Check, Entry, Event, LeaseId, Outcome, WatchItem, Write},
    key::Key,
};

fn name(text: &str) -> Key {
    Key::new(text).unwrap()
}

fn entry(value: &[u8]) -> Entry {
    let value = Bytes::copy_from_slice(value);
    Entry { key: name("a/b"), value, created: 1, modified: 2, lease: Some(LeaseId(u64::MAX)) }
}

#[test]
fn a_commit_is_said_and_understood() {
    let checks = vec![Check::Absent(name("x")), Check::Unchanged(name("y"), 7)];
    let put = Write::Put { key: name("k"), value: vec![0, 255].into(), lease: Some(LeaseId(9)) };
    let writes = vec![put, Write::delete(name("gone"))];
    let json = serde_json::to_string(&CommitCall::of(checks.clone(), writes.clone())).unwrap();
    let expected = r#"{"checks":[{"absent":"x"},{"unchanged":"y","modified":7}],"writes":[{"put":"k","value":"AP8=","lease":9},{"delete":"gone"}]}"#;
    assert_eq!(json, expected);
    let said: CommitCall = serde_json::from_str(&json).unwrap();
    assert_eq!(said.read().unwrap(), (checks, writes));
}

#[test]
fn what_is_not_of_the_contract_is_refused() {
    let refused = [
        r#"{"checks":[],"writes":[{"put":"k"}]}"#,
        r#"{"checks":[],"writes":[{"put":"k","value":"!"}]}"#,
        r#"{"checks":[{"unchanged":"k"}],"writes":[]}"#,
        r#"{"checks":[],"writes":[],"force":true}"#,
        r#"{"checks":[],"writes":[{"delete":"k","value":""}]}"#,
    ];
    for json in refused {
        assert!(serde_json::from_str::<CommitCall>(json).is_err(), "{json}");
    }
    let odd: CommitCall = serde_json::from_str(r#"{"checks":[],"writes":[{"delete":"a//b"}]}"#).unwrap();
    assert!(odd.read().unwrap_err().to_string().contains("a//b"));
}

#[test]
fn a_watch_is_one_line_for_each_item() {
    let events = vec![Event::Put(entry(b"line\nfeed")), Event::Deleted { key: name("c") }];
    let batch = Batch { revision: 5, events: events.clone() };
    let line = WatchForm::from(WatchItem::Batch(batch)).line();
    assert_eq!(line.matches('\n').count(), 1);
    let WatchForm::Batch { revision, events: said } = serde_json::from_str(&line).unwrap() else {
        panic!("{line}")
    };
    let said = said.into_iter().map(|event| Event::try_from(event).unwrap()).collect::<Vec<_>>();
    assert_eq!((revision, said), (5, events));
    for (item, expected) in
        [(WatchItem::Progress(3), "{\"progress\":3}\n"), (WatchItem::Resync, "{\"resync\":{}}\n")]
    {
        assert_eq!(WatchForm::from(item).line(), expected);
    }
}

#[test]
fn outcomes_and_entries_survive() {
    for outcome in [Outcome::Done(3), Outcome::Conflict(name("k")), Outcome::Unknown("lost".into())] {
        let json = serde_json::to_string(&OutcomeForm::from(outcome.clone())).unwrap();
        let said: OutcomeForm = serde_json::from_str(&json).unwrap();
        assert_eq!(Outcome::try_from(said).unwrap(), outcome);
    }
    let json = serde_json::to_string(&EntryForm::from(entry(&[0, 13, 10]))).unwrap();
    let said: EntryForm = serde_json::from_str(&json).unwrap();
    assert_eq!(Entry::try_from(said).unwrap(), entry(&[0, 13, 10]));
}
