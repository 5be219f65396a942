//! Who may give a command: locks, roles, what `ci` must name, and repeated commands.

use super::*;

#[test]
fn a_lock_holds_ci_back_from_everything_but_abort() {
    let mut rollout = Rollout::stable("a").candidate("b", 10);
    rollout.done(Operator, lock(None));
    let named = Command::SetBlend { blend: percent(20), release: Some(release("b")) };
    let sticky = Command::SetSticky { sticky: false };
    for command in [
        set_candidate("b", None),
        set_candidate("c", None),
        named,
        sticky,
        promote(Some("b")),
        set_stable("c"),
        rollback(None),
    ] {
        assert_eq!(rollout.refused(Ci, command), "locked");
    }
    rollout.done(Ci, abort(Some("b")));
    assert!(rollout.record().lock.is_some());
    rollout.done(Operator, set_candidate("b", None));
    assert!(rollout.record().lock.is_some(), "a person's lock stands until a person ends it");
    rollout.done(Operator, Command::Unlock);
    rollout.unchanged(Operator, Command::Unlock);
    rollout.done(Ci, promote(Some("b")));
}

#[test]
fn a_lock_may_end_by_itself() {
    let mut rollout = Rollout::stable("a");
    let passed = Some(rollout.now);
    assert_eq!(rollout.refused(Operator, lock(passed)), "value");
    let until = Some(rollout.now + 10_000);
    rollout.done(Operator, lock(until));
    rollout.unchanged(Operator, lock(until));
    assert_eq!(rollout.refused(Ci, set_candidate("b", None)), "locked");
    rollout.now += 10_000;
    assert_eq!(rollout.done(Ci, set_candidate("b", None)).lock, None);
}

#[test]
fn roles_may_what_they_may() {
    let mut rollout = Rollout::stable("a").candidate("b", 10);
    for command in [set_candidate("c", None), abort(Some("b")), rollback(None), set_stable("c"), finish(None)]
    {
        assert_eq!(rollout.refused(Viewer, command), "forbidden");
    }
    for command in [lock(None), Command::Unlock, finish(None)] {
        assert_eq!(rollout.refused(Ci, command), "forbidden");
    }
    rollout.done(Admin, lock(None));
    let refusal = rollout.give(Viewer, &promote(None)).unwrap_err();
    assert_eq!(refusal.to_string(), "a `viewer` token may not give this command; it needs the role `ci`");
}

#[test]
fn ci_must_say_what_it_saw() {
    let mut rollout = Rollout::stable("a").candidate("b", 10);
    for command in [promote(None), abort(None), set_blend(20)] {
        assert_eq!(rollout.refused(Ci, command.clone()), "precondition_required");
        let seq = rollout.record().seq;
        assert_eq!(rollout.give_at(seq - 1, Ci, &command).unwrap_err().code(), "stale");
    }
    let seq = rollout.record().seq;
    assert!(rollout.give_at(seq, Ci, &set_blend(20)).is_ok());
    rollout.done(Ci, promote(Some("b")));
}

#[test]
fn the_release_named_is_checked_before_if_match() {
    let mut rollout = Rollout::stable("a").candidate("b", 10);
    let code = |answer: Result<Decision, Refusal>| answer.unwrap_err().code();
    assert_eq!(code(rollout.give_at(1, Operator, &promote(Some("c")))), "other_candidate");
    assert_eq!(code(rollout.give_at(1, Operator, &abort(Some("c")))), "other_candidate");
    assert_eq!(code(rollout.give_at(1, Operator, &promote(Some("b")))), "stale");
    assert_eq!(code(rollout.give_at(1, Operator, &set_stable("c"))), "stale");
}

#[test]
fn a_repeated_promote_is_answered() {
    let mut rollout = Rollout::stable("a").candidate("b", 10);
    let seq = rollout.done(Ci, promote(Some("b"))).seq;
    rollout.unchanged(Ci, promote(Some("b")));
    assert_eq!(rollout.give_at(seq - 1, Ci, &promote(Some("b"))), Ok(Decision::Unchanged));
    rollout.done(Viewer, retire(1));
    rollout.unchanged(Ci, promote(Some("b")));
    // Once something else moved, it is a new wish that cannot be met.
    rollout.done(Operator, set_candidate("c", None));
    assert_eq!(rollout.refused(Ci, promote(Some("b"))), "other_candidate");
    rollout.done(Operator, abort(None));
    assert_eq!(rollout.refused(Ci, promote(Some("b"))), "no_candidate");
}

#[test]
fn a_repeated_abort_is_answered() {
    let mut rollout = Rollout::stable("a").candidate("b", 10);
    rollout.done(Ci, abort(Some("b")));
    rollout.unchanged(Ci, abort(Some("b")));
    rollout.unchanged(Operator, abort(None));
    rollout.done(Operator, set_candidate("b", None));
    rollout.done(Operator, set_candidate("c", None));
    rollout.unchanged(Ci, abort(Some("b")));
    assert_eq!(rollout.refused(Ci, abort(Some("d"))), "other_candidate");
}

#[test]
fn an_app_without_a_rollout_takes_its_first_release() {
    for command in
        [promote(None), rollback(None), set_blend(1), lock(None), Command::SetSticky { sticky: false }]
    {
        assert_eq!(Rollout::new().refused(Operator, command), "no_rollout");
    }
    Rollout::new().unchanged(Operator, abort(None));
    let mut rollout = Rollout::new();
    rollout.done(Operator, set_candidate("a", Some(5)));
    rollout.done(Operator, promote(None));
    assert_eq!((rollout.tracks().as_str(), rollout.previous()), ("a - |", None));
}

#[test]
fn refusals_name_what_to_do() {
    let mut rollout = Rollout::stable("a").candidate("b", 25);
    let message = rollout.give(Ci, &set_candidate("c", None)).unwrap_err().to_string();
    assert_eq!(
        message,
        "apps/shop-b-80/containers is the candidate, at blend 25: to replace it by apps/shop-c-80/containers, \
         send \"replace\": \"apps/shop-b-80/containers\""
    );
    rollout.done(Operator, Command::Lock { reason: String::new(), until: None });
    let message = rollout.give(Ci, &set_candidate("c", None)).unwrap_err().to_string();
    assert_eq!(message, "locked by operator: no reason given");
    let long = Command::Lock { reason: "x".repeat(1_001), until: None };
    assert_eq!(rollout.refused(Operator, long), "value");
}
