//! What another record may make of an app: nothing that the commands would not.

use super::{
    super::{
        asker::{Asker, Background},
        replacement::{Replacement, check_replacement, replace},
    },
    *,
};
use crate::rollout::{
    approval::Approval, command::ApprovalSubject, command_name::CommandName, history::PastStable,
    record::Record,
};

/// Stable `a`, and the candidate `b`, which the token `one` set.
fn present() -> Rollout {
    let mut rollout = Rollout::stable("a");
    rollout.done(Operator, set_candidate("b", Some(10)));
    rollout.approvals = 1;
    rollout
}

fn asker() -> Asker {
    Asker {
        actor: "admin".into(),
        token: "an admin's".into(),
        role: Admin,
        reason: "why".into(),
        at: 9_000,
        if_match: None,
    }
}

/// The refusal of what an app would become that needs so many approvals and had `z` stable once; empty: none.
fn refusal(
    present: &Record,
    next: Option<&Record>,
    needed: u8,
    approvals: u8,
    stables: &[&str],
) -> &'static str {
    let addresses = ["10.0.0.1:80".parse().unwrap()];
    let endpoints = next.and_then(Record::stable_release).map(|release| (release.clone(), addresses.into()));
    let background = Background {
        approvals: needed,
        stables: vec![PastStable { release: release("z"), previous: None }],
        endpoints: endpoints.into_iter().collect(),
        ..Background::default()
    };
    let stables: Vec<_> = stables.iter().map(|name| release(name)).collect();
    let replacement = Replacement { record: next, approvals, stables: &stables };
    check_replacement(present, &replacement, &asker(), &background)
        .map_or_else(|refusal| refusal.code(), |()| "")
}

fn with(record: &Record, edit: impl Fn(&mut Record)) -> Record {
    let mut record = record.clone();
    edit(&mut record);
    record
}

fn stable(name: &str) -> impl Fn(&mut Record) {
    move |record| record.stable.as_mut().unwrap().release = release(name)
}

#[test]
fn what_was_never_approved_becomes_stable_by_no_field_of_another_record() {
    let now = present().record();
    let changed = |edit: &dyn Fn(&mut Record)| refusal(&now, Some(&with(&now, edit)), 1, 1, &[]);
    assert_eq!(changed(&|_| {}), "");
    assert_eq!(changed(&stable("z")), "", "it was stable once, and a rollback goes there");
    for name in ["b", "c"] {
        assert_eq!(changed(&stable(name)), "approvals_missing", "{name}");
        assert_eq!(refusal(&now, Some(&with(&now, stable(name))), 0, 0, &[]), "", "{name}: none are needed");
        assert_eq!(changed(&|record| record.previous = Some(release(name))), "approvals_missing", "{name}");
        assert_eq!(refusal(&now, Some(&now), 1, 1, &[name]), "approvals_missing", "{name}: by its history");
    }
    assert_eq!(refusal(&now, Some(&now), 1, 1, &["a", "z"]), "");
    assert_eq!(refusal(&now, Some(&now), 1, 0, &[]), "approvals_missing", "a lower number");
    assert_eq!(refusal(&now, Some(&now), 1, 3, &[]), "", "a higher one");
    assert_eq!(refusal(&now, None, 1, 1, &[]), "approvals_set");
    assert_eq!(refusal(&now, None, 0, 0, &[]), "");
}

#[test]
fn approvals_count_that_were_given_here_and_no_others() {
    let mut rollout = present();
    let before = rollout.record();
    rollout.token = "two".into();
    for subject in [ApprovalSubject::Release(None), ApprovalSubject::Lowering(0)] {
        rollout.done(Operator, Command::Approve { subject });
    }
    let approved = rollout.record();
    assert_eq!(refusal(&approved, Some(&with(&approved, stable("b"))), 1, 1, &["b"]), "");
    assert_eq!(refusal(&approved, Some(&before), 1, 0, &[]), "");
    assert_eq!(refusal(&before, Some(&approved), 1, 1, &[]), "approvals_missing", "they come with the file");
    let lowered = with(&approved, |record| record.approvals.clear());
    assert_eq!(refusal(&before, Some(&lowered), 1, 1, &[]), "approvals_missing");
    let more = with(&approved, |record| {
        let given = &mut record.approvals[0].given;
        given
            .extend(given.clone().into_iter().map(|approval| Approval { token: "three".into(), ..approval }));
    });
    assert_eq!(refusal(&approved, Some(&more), 2, 2, &[]), "approvals_missing", "one more than was given");
}

#[test]
fn the_event_is_above_both_and_says_who_why_and_what() {
    let now = present().record();
    for (theirs, seq) in [(1, now.seq + 1), (70, 71)] {
        let next = with(&with(&now, stable("c")), |record| record.seq = theirs);
        let event = replace(&now, next, &asker());
        let record = &event.record;
        assert_eq!((record.seq, &record.command), (seq, &CommandName::Restore));
        assert_eq!((record.actor.as_str(), record.reason.as_str(), record.at), ("admin", "why", 9_000));
        assert_eq!(event.changed["stable"], serde_json::json!([release("a"), release("c")]));
    }
}
