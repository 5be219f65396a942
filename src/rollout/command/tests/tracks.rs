//! Commands that change who is on the tracks, row by row.

use serde_json::json;

use super::*;
use crate::rollout::command::{
    asker::{Asker, Background},
    decide::decide,
};

#[test]
fn set_candidate_starts_at_blend_0_or_as_given() {
    let mut rollout = Rollout::stable("a");
    let record = rollout.done(Ci, set_candidate("b", None));
    assert_eq!((record.blend, record.candidate_release()), (percent(0), Some(&release("b"))));
    assert_eq!((record.seq, record.command.as_str(), record.actor.as_str()), (2, "set-candidate", "ci"));
    assert_eq!(Rollout::stable("a").candidate("b", 25).record().blend, percent(25));
}

#[test]
fn set_candidate_again_changes_only_a_blend_that_is_given() {
    let mut rollout = Rollout::stable("a").candidate("b", 25);
    let tenure = rollout.tenure("b");
    rollout.unchanged(Ci, set_candidate("b", None));
    rollout.unchanged(Ci, set_candidate("b", Some(25)));
    assert_eq!(rollout.done(Ci, set_candidate("b", Some(50))).blend, percent(50));
    assert_eq!(rollout.tenure("b"), tenure);
}

/// A pipeline that ran again with another build of the same release was told `unchanged`, and what it said was gone.
#[test]
fn what_is_said_of_a_release_on_its_track_is_put_down_and_changes_nothing_else() {
    let said = |commit: &str| Facts::from([("commit".to_owned(), commit.to_owned())]);
    let mut rollout = Rollout::stable("a");
    let event = |rollout: &Rollout| {
        let event = rollout.newest_event().expect("an event");
        (event.record.command, serde_json::Value::Object(event.changed))
    };
    rollout.done(Ci, saying("b", Some(25), said("1")));
    let (tenure, seq) = (rollout.tenure("b"), rollout.record().seq);
    rollout.unchanged(Ci, saying("b", None, said("1")));
    rollout.unchanged(Ci, saying("b", None, Facts::new()));
    let record = rollout.done(Ci, saying("b", None, said("2")));
    assert_eq!(record.candidate.map(|stay| stay.facts), Some(said("2")));
    assert_eq!((record.seq, record.blend, rollout.tenure("b")), (seq + 1, percent(25), tenure));
    assert_eq!(event(&rollout), (CommandName::SetFacts, json!({"facts": [said("1"), said("2")]})));
    // With something else that changes it is one event, and a promote takes them along.
    rollout.done(Ci, saying("b", Some(50), said("3")));
    assert_eq!(event(&rollout).0, CommandName::SetCandidate);
    rollout.done(Operator, promote(None));
    let again = |facts| Command::SetStable { release: release("b"), facts };
    rollout.unchanged(Ci, again(said("3")));
    let record = rollout.done(Ci, again(said("4")));
    assert_eq!(record.stable.map(|stay| stay.facts), Some(said("4")));
    // The pipeline that set it as candidate runs again.
    assert_eq!(rollout.done(Ci, saying("b", None, said("5"))).command, CommandName::SetFacts);
    let set_facts = |name: &str| Command::SetFacts { release: release(name), facts: said("6") };
    rollout.unchanged(Ci, set_facts("c"));
    rollout.if_match = Some(1);
    assert_eq!(rollout.refused(Ci, set_facts("b")), "stale");
    rollout.if_match = None;
    rollout.done(Operator, lock(None));
    assert_eq!(rollout.refused(Ci, set_facts("b")), "locked");
}

#[test]
fn set_candidate_refuses_the_stable_release() {
    assert_eq!(Rollout::stable("a").refused(Operator, set_candidate("a", None)), "release_is_stable");
}

#[test]
fn set_candidate_aborts_another_candidate_in_the_same_commit() {
    let mut rollout = Rollout::stable("a").candidate("b", 25);
    let record = rollout.done(Operator, set_candidate("c", None));
    assert_eq!(rollout.tracks(), "a c |");
    assert_eq!((rollout.left(2), record.blend), (Some(LeaveReason::Replaced), percent(0)));
}

#[test]
fn ci_names_the_candidate_it_replaces_once_that_has_clients() {
    let mut rollout = Rollout::stable("a").candidate("b", 25);
    let replacing = |name: &str| Command::SetCandidate {
        release: release("c"),
        blend: None,
        replace: Some(release(name)),
        plan: None,
        facts: Facts::new(),
    };
    assert_eq!(rollout.refused(Ci, set_candidate("c", None)), "candidate_in_use");
    assert_eq!(rollout.refused(Ci, replacing("d")), "other_candidate");
    assert_eq!(rollout.refused(Operator, replacing("d")), "other_candidate");
    rollout.done(Ci, replacing("b"));
    rollout.unchanged(Ci, replacing("b"));
    // At blend 0 nobody is hurt.
    rollout.done(Ci, set_candidate("d", None));
}

#[test]
fn a_blend_needs_the_candidate_it_is_meant_for() {
    let mut rollout = Rollout::stable("a").candidate("b", 0);
    let meant = |name: &str| Command::SetBlend { blend: percent(10), release: Some(release(name)) };
    assert_eq!(rollout.refused(Ci, meant("c")), "other_candidate");
    assert_eq!(rollout.done(Ci, meant("b")).blend, percent(10));
    rollout.unchanged(Ci, meant("b"));
    rollout.done(Operator, abort(None));
    assert_eq!(rollout.refused(Operator, set_blend(10)), "no_candidate");
    rollout.unchanged(Operator, set_blend(0));
}

#[test]
fn ci_may_be_capped() {
    let mut rollout = Rollout::stable("a");
    rollout.ci_blend_max = Some(percent(20));
    assert_eq!(rollout.refused(Ci, set_candidate("b", Some(21))), "value");
    rollout.done(Ci, set_candidate("b", Some(20)));
    let meant = |blend| Command::SetBlend { blend: percent(blend), release: Some(release("b")) };
    assert_eq!(rollout.refused(Ci, meant(21)), "value");
    assert_eq!(rollout.refused(Ci, set_candidate("b", Some(21))), "value");
    assert!(rollout.raw(Ci, OldKey::Blend, "21").is_err());
    let promote_b = promote(Some("b"));
    assert_eq!(rollout.refused(Ci, promote_b.clone()), "forbidden");
    for name in ["b", "c"] {
        assert_eq!(rollout.refused(Ci, set_stable(name)), "forbidden");
    }
    rollout.unchanged(Ci, set_stable("a"));
    rollout.done(Operator, meant(100));
    rollout.done(Operator, promote_b);
    // The way back goes where the app was before.
    rollout.done(Ci, rollback(None));
}

#[test]
fn stable_is_cleared_only_on_purpose() {
    let clear = |force| Command::ClearStable { force };
    let mut rollout = Rollout::stable("a").candidate("b", 10);
    assert_eq!(rollout.refused(Ci, clear(true)), "forbidden");
    assert_eq!(rollout.refused(Operator, clear(true)), "candidate_in_use");
    rollout.done(Operator, abort(None));
    assert_eq!(rollout.refused(Operator, clear(false)), "still_routed");
    let record = rollout.done(Operator, clear(true));
    assert_eq!((rollout.tracks().as_str(), rollout.previous().as_deref()), ("- - | a", Some("a")));
    assert_eq!(record.command.as_str(), "clear-stable");
    rollout.unchanged(Operator, clear(true));
    assert_eq!(rollout.old_keys().stable.as_deref(), Some("rolling/null"));
}

#[test]
fn an_app_is_made_once() {
    let mut rollout = Rollout::new();
    let record = rollout.done(Ci, Command::AddApp);
    assert_eq!((rollout.tracks().as_str(), record.seq), ("- - |", 1));
    rollout.unchanged(Ci, Command::AddApp);
    rollout.done(Ci, set_stable("a"));
}

#[test]
fn sticky_is_set_by_a_command() {
    let mut rollout = Rollout::stable("a");
    assert!(rollout.record().sticky);
    rollout.unchanged(Ci, Command::SetSticky { sticky: true });
    assert!(!rollout.done(Ci, Command::SetSticky { sticky: false }).sticky);
    assert_eq!(rollout.old_keys().sticky.as_deref(), Some("0"));
}

#[test]
fn promote_drains_the_old_stable_and_keeps_the_candidates_tenure() {
    let mut rollout = Rollout::stable("a").candidate("b", 100);
    let tenure = rollout.tenure("b");
    let record = rollout.done(Operator, promote(None));
    assert_eq!((rollout.tracks().as_str(), record.blend), ("b - | a", percent(0)));
    assert_eq!((rollout.tenure("b"), rollout.previous().as_deref()), (tenure, Some("a")));
    let a = &record.draining[0];
    assert_eq!((a.cause, a.since, a.until), (DrainCause::Promote, record.at, record.at + DRAIN_MAX_MS));
    assert_eq!(rollout.refused(Operator, promote(None)), "no_candidate");
}

#[test]
fn abort_ends_the_candidates_tenure_at_once() {
    let mut rollout = Rollout::stable("a").candidate("b", 50);
    let record = rollout.done(Operator, abort(None));
    assert_eq!((rollout.tracks().as_str(), record.blend), ("a - |", percent(0)));
    assert_eq!(rollout.left(2), Some(LeaveReason::Abort));
    // It comes back with a new one.
    rollout.done(Operator, set_candidate("b", None));
    assert_eq!(rollout.tenure("b"), Some(3));
}

#[test]
fn rollback_goes_to_previous_and_moves_the_clients_of_both_tracks() {
    let mut rollout = Rollout::stable("a").candidate("b", 50);
    rollout.done(Operator, promote(None));
    rollout.done(Operator, set_candidate("c", Some(50)));
    let record = rollout.done(Operator, rollback(None));
    // `a` was draining and never left; what drains meanwhile would stay.
    assert_eq!((rollout.tracks().as_str(), rollout.tenure("a")), ("a - |", Some(1)));
    assert_eq!(rollout.left(2), Some(LeaveReason::Rollback));
    assert_eq!(rollout.left(3), Some(LeaveReason::Rollback));
    assert_eq!((record.blend, record.previous), (percent(0), None));
}

#[test]
fn rollback_keeps_what_drains() {
    let mut rollout = Rollout::stable("a").candidate("b", 50);
    rollout.done(Operator, promote(None));
    rollout.done(Operator, set_candidate("c", None));
    rollout.done(Operator, promote(None));
    rollout.done(Operator, rollback(None));
    assert_eq!(rollout.tracks(), "b - | a");
    assert_eq!(rollout.previous().as_deref(), Some("a"), "what was before b, not c");
}

#[test]
fn rollback_goes_to_any_release_of_the_history() {
    let mut rollout = Rollout::stable("a");
    for name in ["b", "c", "d"] {
        rollout.done(Operator, set_stable(name));
    }
    rollout.done(Operator, finish(None));
    rollout.done(Operator, rollback(Some("b")));
    assert_eq!((rollout.tracks().as_str(), rollout.previous().as_deref()), ("b - |", Some("a")));
    assert_eq!(rollout.tenure("b"), Some(5), "it had retired");
    assert_eq!(rollout.refused(Operator, rollback(Some("x"))), "not_in_history");
}

#[test]
fn previous_is_never_what_was_rolled_back_from() {
    let mut rollout = Rollout::stable("a");
    // The history says that `b` was before `a`: the raw way back.
    rollout.done(Operator, set_stable("b"));
    rollout.done(Operator, set_stable("a"));
    rollout.done(Operator, set_stable("b"));
    rollout.done(Operator, rollback(Some("a")));
    assert_eq!(rollout.previous(), None);
    assert_eq!(rollout.refused(Operator, abort(Some("a"))), "release_is_stable");
    rollout.done(Operator, set_candidate("c", None));
    rollout.done(Operator, promote(None));
    rollout.done(Operator, rollback(None));
    assert_eq!(rollout.tracks(), "a - |");
}

#[test]
fn rollback_to_the_candidate_keeps_its_tenure() {
    let mut rollout = Rollout::stable("a");
    rollout.done(Operator, set_stable("b"));
    rollout.done(Operator, set_candidate("a", Some(10)));
    rollout.done(Operator, rollback(None));
    assert_eq!((rollout.tracks().as_str(), rollout.tenure("a")), ("a - |", Some(1)));
}

#[test]
fn rollback_without_a_way_back_is_refused() {
    assert_eq!(Rollout::stable("a").refused(Operator, rollback(None)), "no_previous");
    let mut rollout = Rollout::stable("a").candidate("b", 5);
    assert_eq!(rollout.refused(Operator, rollback(Some("a"))), "release_is_stable");
}

#[test]
fn a_repeated_rollback_goes_back_once() {
    let mut rollout = Rollout::stable("a");
    rollout.done(Operator, set_stable("b"));
    rollout.done(Operator, set_stable("c"));
    let seq = rollout.done(Ci, rollback(None)).seq;
    assert_eq!(rollout.give_at(seq - 1, Ci, &rollback(None)), Ok(Decision::Unchanged));
    rollout.unchanged(Ci, rollback(None));
    rollout.unchanged(Ci, rollback(Some("b")));
    rollout.unchanged(Operator, rollback(None));
    // Also with a lock in between, which is no second wish to go back.
    rollout.done(Operator, lock(None));
    rollout.unchanged(Operator, rollback(None));
    // Who has seen it go back may go back further.
    let seq = rollout.record().seq;
    assert!(matches!(rollout.give_at(seq, Operator, &rollback(None)), Ok(Decision::Change(_))));
    assert_eq!(rollout.tracks(), "a - |");
}

#[test]
fn a_rollback_locks_ci_out_until_an_operators_next_command() {
    let mut rollout = Rollout::stable("a");
    rollout.done(Operator, set_stable("b"));
    let record = rollout.done(Operator, rollback(None));
    assert!(record.lock.is_some_and(|lock| lock.automatic));
    assert_eq!(rollout.refused(Ci, set_candidate("c", None)), "locked");
    assert!(rollout.raw(Ci, OldKey::Stable, release("c").as_str()).is_err());
    rollout.unchanged(Operator, Command::SetSticky { sticky: true });
    assert_eq!(rollout.refused(Ci, set_candidate("c", None)), "locked", "nothing was commanded");
    rollout.done(Operator, set_candidate("c", None));
    rollout.done(Ci, set_candidate("c", Some(5)));
}

#[test]
fn neither_the_router_nor_a_raw_write_ends_the_lock_out() {
    let mut rollout = Rollout::stable("a");
    for name in ["b", "c"] {
        rollout.done(Operator, set_stable(name));
    }
    rollout.done(Operator, rollback(None));
    rollout.done(Viewer, retire(1));
    rollout.raw(Operator, OldKey::Sticky, "0").unwrap();
    assert_eq!(rollout.refused(Ci, set_candidate("d", None)), "locked");
    // An engine says that a container ends, and no person has looked.
    let address = "10.0.0.9:80".parse().unwrap();
    let drain = Command::DrainEndpoint { release: release("b"), address, seconds: Some(10), softly: false };
    let asker = Asker::of_engine("node1", "its container was told to end", rollout.now);
    let decided = decide(Some(&rollout.record()), &drain, &asker, &Background::default());
    assert!(matches!(decided, Ok(Decision::Change(event)) if event.record.lock.is_some()));
}

#[test]
fn a_persons_lock_outlasts_a_rollback() {
    let mut rollout = Rollout::stable("a");
    rollout.done(Operator, set_stable("b"));
    let until = Some(rollout.now + 60_000);
    rollout.done(Operator, lock(until));
    let lock = rollout.done(Operator, rollback(None)).lock.unwrap();
    assert_eq!((lock.reason.as_str(), lock.until, lock.automatic), ("freeze", None, false));
    rollout.done(Operator, set_candidate("c", None));
    assert_eq!(rollout.refused(Ci, set_blend(0)), "locked");
}

#[test]
fn set_stable_is_the_first_release_or_a_promote_or_drains() {
    let mut rollout = Rollout::stable("a");
    assert_eq!((rollout.tracks().as_str(), rollout.previous()), ("a - |", None));
    rollout.unchanged(Operator, set_stable("a"));
    rollout.done(Operator, set_candidate("b", Some(40)));
    let record = rollout.done(Operator, set_stable("b"));
    assert_eq!((rollout.tracks().as_str(), record.blend), ("b - | a", percent(0)));
    rollout.done(Operator, set_candidate("c", Some(40)));
    let record = rollout.done(Operator, set_stable("d"));
    assert_eq!((rollout.tracks().as_str(), record.blend), ("d c | a b", percent(40)));
    assert_eq!(record.draining[1].cause, DrainCause::SetStable);
    assert_eq!(rollout.previous().as_deref(), Some("b"));
}
