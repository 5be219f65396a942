//! Approvals: who counts, for what, and which doors they hold.

use super::*;
use crate::rollout::{adopt::OldKey, command::ApprovalSubject, record::Record};

fn approve(name: Option<&str>) -> Command {
    Command::Approve { subject: ApprovalSubject::Release(name.map(release)) }
}

fn lower(to: u8) -> Command {
    Command::Approve { subject: ApprovalSubject::Lowering(to) }
}

fn settings(approvals: u8) -> Command {
    Command::ChangeSettings { approvals }
}

/// Stable `a`, and the candidate `b`, which the token `author` set. Two approvals are needed.
fn guarded() -> Rollout {
    let mut rollout = Rollout::stable("a");
    rollout.token = "author".into();
    rollout.done(Operator, set_candidate("b", Some(10)));
    rollout.approvals = 2;
    rollout
}

/// Gives a command with this token.
fn by(rollout: &mut Rollout, token: &str, command: Command) -> Result<Decision, Refusal> {
    rollout.token = token.into();
    rollout.give(Operator, &command)
}

fn code(result: Result<Decision, Refusal>) -> &'static str {
    result.map_or_else(|refusal| refusal.code(), |_| "")
}

fn count(record: &Record) -> usize {
    record.approvals.iter().map(|approvals| approvals.given.len()).sum()
}

#[test]
fn two_other_operators_approve_before_a_candidate_becomes_stable() {
    let mut rollout = guarded();
    assert_eq!(code(by(&mut rollout, "one", promote(None))), "approvals_missing");
    assert_eq!(code(by(&mut rollout, "author", approve(None))), "own_release");
    by(&mut rollout, "one", approve(None)).unwrap();
    assert_eq!(by(&mut rollout, "one", approve(Some("b"))), Ok(Decision::Unchanged), "a token counts once");
    let refusal = by(&mut rollout, "author", promote(None)).unwrap_err();
    assert!(
        refusal.to_string().contains("has 1 of 2 approvals") && refusal.to_string().contains("(operator)")
    );
    by(&mut rollout, "two", approve(None)).unwrap();
    by(&mut rollout, "author", promote(None)).unwrap();
    assert_eq!((rollout.tracks().as_str(), count(&rollout.record())), ("b - | a", 0));
    let told = rollout.newest_event().unwrap().changed["approvals"].to_string();
    assert!(told.contains("containers/operator"), "the history says who approved: {told}");
}

#[test]
fn neither_ci_nor_a_viewer_approves() {
    let mut rollout = guarded();
    rollout.token = "one".into();
    for command in
        [approve(None), lower(0), Command::WithdrawApproval { subject: ApprovalSubject::Lowering(0) }]
    {
        assert_eq!(rollout.refused(Ci, command.clone()), "forbidden");
        assert_eq!(rollout.refused(Viewer, command), "forbidden");
    }
    rollout.token = String::new();
    assert_eq!(rollout.refused(Admin, approve(None)), "tokens_unknown");
}

#[test]
fn an_approval_that_is_taken_back_does_not_count() {
    let mut rollout = guarded();
    let withdraw = || Command::WithdrawApproval { subject: ApprovalSubject::Release(None) };
    for token in ["one", "two"] {
        by(&mut rollout, token, approve(None)).unwrap();
    }
    assert_eq!(by(&mut rollout, "three", withdraw()), Ok(Decision::Unchanged), "only one's own");
    by(&mut rollout, "one", withdraw()).unwrap();
    assert_eq!(code(by(&mut rollout, "author", promote(None))), "approvals_missing");
    by(&mut rollout, "two", withdraw()).unwrap();
    assert_eq!(rollout.record().approvals, []);
}

#[test]
fn every_door_is_held_and_the_way_back_is_not() {
    let mut rollout = guarded();
    assert_eq!(code(by(&mut rollout, "one", set_stable("b"))), "approvals_missing");
    assert_eq!(code(by(&mut rollout, "one", set_stable("c"))), "approvals_missing");
    for name in ["b", "c"] {
        let refused = rollout.raw(Operator, OldKey::Stable, release(name).as_str()).unwrap_err();
        assert_eq!(refused.code(), "approvals_missing", "{name}");
    }
    // Past the router it waits, and the candidate stays where it is meanwhile.
    rollout.write_past(OldKey::Stable, Some(release("b").as_str()));
    rollout.write_past(OldKey::Candidate, Some("rolling/null"));
    assert_eq!(rollout.adopt().pending, Some(release("b")));
    assert_eq!(rollout.tracks(), "a b |");
    for token in ["one", "two"] {
        by(&mut rollout, token, approve(None)).unwrap();
    }
    assert_eq!(rollout.old_keys().stable.as_deref(), Some(release("b").as_str()), "approving leaves it");
    rollout.adopt();
    assert_eq!(rollout.tracks(), "b - | a");
    // It was stable in the tenure that it has.
    rollout.done(Operator, set_stable("a"));
    rollout.done(Operator, set_stable("b"));
    rollout.done(Operator, rollback(None));
    assert_eq!(rollout.tracks(), "a - |");
    // What was rolled back from comes back in a new tenure, which nobody approved.
    rollout.done(Operator, set_candidate("b", Some(10)));
    assert_eq!(rollout.refused(Operator, promote(None)), "approvals_missing");
}

#[test]
fn a_release_on_no_track_is_approved_for_whoever_then_sets_it() {
    let mut rollout = guarded();
    for token in ["one", "two"] {
        by(&mut rollout, token, approve(Some("c"))).unwrap();
    }
    assert_eq!(
        code(by(&mut rollout, "two", set_stable("c"))),
        "approvals_missing",
        "the author does not count"
    );
    assert_eq!(
        code(by(&mut rollout, "two", promote(None))),
        "approvals_missing",
        "they are of another release"
    );
    by(&mut rollout, "three", set_stable("c")).unwrap();
    assert_eq!(rollout.tracks(), "c b | a");
    // On a track it has a tenure, which these were not of.
    for token in ["one", "two"] {
        by(&mut rollout, token, approve(Some("d"))).unwrap();
    }
    by(&mut rollout, "three", set_candidate("d", None)).unwrap();
    assert_eq!(code(by(&mut rollout, "one", promote(None))), "approvals_missing");
    assert_eq!(code(by(&mut rollout, "one", approve(Some("c")))), "release_is_stable");
}

#[test]
fn a_new_endpoint_ends_approvals_and_one_that_leaves_does_not() {
    let mut rollout = guarded();
    rollout.endpoints = vec!["10.0.0.1:80", "10.0.0.2:80"];
    for token in ["one", "two"] {
        by(&mut rollout, token, approve(None)).unwrap();
    }
    rollout.endpoints = vec!["10.0.0.2:80", "10.0.0.3:80"];
    let refusal = by(&mut rollout, "three", promote(None)).unwrap_err();
    assert!(refusal.to_string().contains("10.0.0.3:80 is new"), "{refusal}");
    // Whoever approves again approves what is there now, alone.
    by(&mut rollout, "one", approve(None)).unwrap();
    assert_eq!(count(&rollout.record()), 1);
    by(&mut rollout, "two", approve(None)).unwrap();
    rollout.endpoints = vec!["10.0.0.3:80"];
    by(&mut rollout, "three", promote(None)).unwrap();
}

/// A recycle of the same image has to be approved by nobody.
#[test]
fn an_endpoint_that_takes_the_place_of_another_one_has_its_approvals() {
    let mut rollout = guarded();
    rollout.endpoints = vec!["10.0.0.1:80"];
    for token in ["one", "two"] {
        by(&mut rollout, token, approve(None)).unwrap();
    }
    let at = |text: &str| text.parse().unwrap();
    let replace =
        |old: &str, new: &str| Command::ReplaceEndpoint { release: release("b"), old: at(old), new: at(new) };
    rollout.unchanged(Operator, replace("10.0.0.9:80", "10.0.0.3:80"));
    rollout.done(Operator, replace("10.0.0.1:80", "10.0.0.2:80"));
    rollout.unchanged(Operator, replace("10.0.0.1:80", "10.0.0.2:80"));
    rollout.endpoints = vec!["10.0.0.2:80", "10.0.0.3:80"];
    assert_eq!(code(by(&mut rollout, "three", promote(None))), "approvals_missing");
    rollout.endpoints = vec!["10.0.0.2:80"];
    by(&mut rollout, "three", promote(None)).unwrap();
}

#[test]
fn without_endpoints_there_is_nothing_to_approve() {
    let mut rollout = guarded();
    rollout.endpoints = Vec::new();
    assert_eq!(code(by(&mut rollout, "one", approve(None))), "endpoints");
    rollout.endpoints = vec!["10.0.0.1:80"];
    rollout.done(Operator, abort(None));
    assert_eq!(code(by(&mut rollout, "one", approve(None))), "no_candidate");
}

#[test]
fn approvals_end_with_the_tenure() {
    let mut rollout = guarded();
    by(&mut rollout, "one", approve(None)).unwrap();
    rollout.done(Operator, set_blend(50));
    assert_eq!(count(&rollout.record()), 1);
    rollout.done(Operator, abort(None));
    assert_eq!(count(&rollout.record()), 0);
}

#[test]
fn the_number_is_lowered_by_as_many_operators_as_it_says() {
    let mut rollout = guarded();
    for to in [0, 1] {
        assert_eq!(code(by(&mut rollout, "one", settings(to))), "approvals_missing");
    }
    assert_eq!(code(by(&mut rollout, "one", lower(2))), "value", "that is not lower");
    for token in ["one", "two"] {
        by(&mut rollout, token, lower(1)).unwrap();
    }
    assert_eq!(by(&mut rollout, "two", lower(1)), Ok(Decision::Unchanged));
    assert_eq!(code(by(&mut rollout, "two", settings(1))), "approvals_missing", "the author does not count");
    assert_eq!(code(by(&mut rollout, "three", settings(0))), "approvals_missing", "that was not approved");
    by(&mut rollout, "three", settings(2)).unwrap();
    assert_eq!(rollout.record().lowerings.len(), 1, "other settings change nothing about it");
    by(&mut rollout, "three", settings(1)).unwrap();
    assert_eq!(rollout.record().lowerings, []);
    rollout.approvals = 1;
    by(&mut rollout, "one", settings(3)).unwrap();
}

/// Records of before have no mark of whoever set the candidate.
#[test]
fn without_a_mark_names_tell_the_author() {
    let mut rollout = Rollout::stable("a");
    rollout.token = String::new();
    rollout.done(Operator, set_candidate("b", None));
    rollout.approvals = 1;
    assert_eq!(code(by(&mut rollout, "one", approve(None))), "own_release");
    rollout.token = "one".into();
    rollout.done(Admin, approve(None));
    rollout.done(Operator, promote(None));
}
