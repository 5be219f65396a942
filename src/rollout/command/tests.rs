//! Every row of the table of commands, and the rules below it (docs/design.md section 4).

use super::*;
use crate::{
    limits::{DRAINING_MAX, EVENTS_MAX, TENURES_LEFT_MAX},
    rollout::{
        adopt::OldKey,
        keys,
        record::{DrainCause, LeftReason},
        tests::fixture::{
            DRAIN_MAX_MS, Rollout, abort, app, percent, promote, release, rollback, set_blend, set_candidate,
        },
    },
};

use Role::{Admin, Ci, Operator, Viewer};

fn set_stable(name: &str) -> Command {
    Command::SetStable { release: release(name) }
}

fn lock(until: Option<u64>) -> Command {
    Command::Lock { reason: "freeze".into(), until }
}

fn finish(tenure: Option<Tenure>) -> Command {
    Command::FinishDrain { tenure, automatic: false }
}

fn retire(tenure: Tenure) -> Command {
    Command::FinishDrain { tenure: Some(tenure), automatic: true }
}

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

#[test]
fn set_candidate_refuses_the_stable_release() {
    assert_eq!(Rollout::stable("a").refused(Operator, set_candidate("a", None)), "release_is_stable");
}

#[test]
fn set_candidate_aborts_another_candidate_in_the_same_commit() {
    let mut rollout = Rollout::stable("a").candidate("b", 25);
    let record = rollout.done(Operator, set_candidate("c", None));
    assert_eq!(rollout.tracks(), "a c |");
    assert_eq!((rollout.left(2), record.blend), (Some(LeftReason::Replaced), percent(0)));
}

#[test]
fn ci_names_the_candidate_it_replaces_once_that_has_clients() {
    let mut rollout = Rollout::stable("a").candidate("b", 25);
    let replacing = |name: &str| Command::SetCandidate {
        release: release("c"),
        blend: None,
        replace: Some(release(name)),
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
    rollout.done(Operator, meant(100));
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
    assert_eq!(rollout.left(2), Some(LeftReason::Abort));
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
    assert_eq!(rollout.left(2), Some(LeftReason::Rollback));
    assert_eq!(rollout.left(3), Some(LeftReason::Rollback));
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
    assert_eq!(refusal.to_string(), "a `viewer` token may not do this; it needs `ci`");
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
fn a_release_that_returns_while_it_drains_never_left() {
    let mut rollout = Rollout::stable("a").candidate("b", 10);
    rollout.done(Operator, promote(None));
    rollout.done(Operator, set_candidate("a", None));
    assert_eq!((rollout.tracks().as_str(), rollout.tenure("a")), ("b a |", Some(1)));
    // After it has retired it gets a new tenure.
    rollout.done(Operator, promote(None));
    rollout.done(Operator, finish(None));
    rollout.done(Operator, set_candidate("b", None));
    assert_eq!((rollout.left(2), rollout.tenure("b")), (Some(LeftReason::Drained), Some(3)));
}

#[test]
fn a_release_has_served_from_its_first_client_without_a_pin_until_its_tenure_ends() {
    let served = |rollout: &Rollout| {
        let record = rollout.record();
        let stays = record.stable.iter().chain(&record.candidate).map(|stay| (&stay.release, stay.served));
        let all = stays.chain(record.draining.iter().map(|draining| (&draining.release, draining.served)));
        all.map(|(release, served)| format!("{} {served}", release.name())).collect::<Vec<_>>().join(", ")
    };
    let mut rollout = Rollout::stable("a").candidate("b", 0);
    assert_eq!(served(&rollout), "a true, b false");
    rollout.done(Operator, set_blend(10));
    rollout.done(Operator, set_blend(0));
    assert_eq!(served(&rollout), "a true, b true");
    rollout.done(Operator, abort(None));
    rollout.done(Operator, set_candidate("b", None));
    assert_eq!(served(&rollout), "a true, b false", "another tenure");
    rollout.raw(Operator, OldKey::Candidate, release("c").as_str()).unwrap();
    assert_eq!(served(&rollout), "a true, c false, b false", "it drains without ever having served");
    rollout.done(Operator, promote(None));
    assert_eq!(served(&rollout), "c true, b false, a true");
    rollout.done(Operator, set_candidate("a", None));
    assert_eq!(served(&rollout), "c true, a true, b false", "it never left");
}

#[test]
fn an_endpoint_drains_until_it_is_lifted_or_its_release_is_gone() {
    let address = "10.0.0.9:3000".parse().unwrap();
    let drain = |name: &str, seconds| Command::DrainEndpoint { release: release(name), address, seconds };
    let undrain = |name: &str| Command::UndrainEndpoint { release: release(name), address };
    let mut rollout = Rollout::stable("a").candidate("b", 10);
    assert_eq!(rollout.refused(Operator, drain("c", None)), "not_routed");
    assert_eq!(rollout.refused(Viewer, drain("b", None)), "forbidden");
    assert_eq!(rollout.refused(Ci, drain("b", Some(u64::MAX))), "value");
    let record = rollout.done(Ci, drain("b", None));
    let [drained] = &record.endpoint_drains[..] else { panic!("{record:?}") };
    assert_eq!((drained.since, drained.length_ms()), (rollout.now, DRAIN_MAX_MS));
    rollout.unchanged(Ci, drain("b", None));
    let moved = rollout.done(Ci, drain("b", Some(60))).endpoint_drains;
    assert_eq!((moved[0].since, moved[0].length_ms()), (drained.since, 60_000));
    rollout.unchanged(Ci, drain("b", Some(60)));
    assert!(rollout.newest_event().unwrap().changed.is_empty(), "the same endpoints drain");
    rollout.done(Operator, promote(None));
    assert_eq!(rollout.record().endpoint_drains, moved, "it goes on with its release");
    rollout.done(Operator, undrain("b"));
    rollout.unchanged(Operator, undrain("b"));
    rollout.done(Operator, drain("b", None));
    rollout.done(Operator, rollback(None));
    assert_eq!(rollout.record().endpoint_drains, [], "its release is not named any more");
    for port in 1..=u16::try_from(crate::limits::ENDPOINT_DRAINS_MAX).unwrap() {
        let address = ([10, 0, 0, 9], port).into();
        rollout.done(Operator, Command::DrainEndpoint { release: release("a"), address, seconds: None });
    }
    assert_eq!(rollout.refused(Ci, drain("a", None)), "too_many_drains");
}

#[test]
fn a_drain_ends_by_a_person_or_by_its_deadline() {
    let mut rollout = Rollout::stable("a");
    for name in ["b", "c"] {
        rollout.done(Operator, set_stable(name));
    }
    assert_eq!(rollout.done(Viewer, retire(2)).command, "retire");
    assert_eq!((rollout.tracks().as_str(), rollout.left(2)), ("c - | a", Some(LeftReason::Drained)));
    rollout.unchanged(Viewer, retire(2));
    rollout.unchanged(Viewer, retire(3));
    assert_eq!(rollout.refused(Operator, finish(Some(3))), "not_draining");
    rollout.unchanged(Operator, finish(Some(2)));
    rollout.done(Operator, finish(None));
    rollout.unchanged(Operator, finish(None));
    assert_eq!(rollout.tracks(), "c - |");
}

#[test]
fn at_most_eight_releases_drain_and_sixty_four_ends_are_kept() {
    let mut rollout = Rollout::stable("r0");
    for number in 1..100 {
        rollout.done(Operator, set_stable(&format!("r{number}")));
    }
    let record = rollout.record();
    assert_eq!(record.draining.len(), DRAINING_MAX);
    assert_eq!(record.draining[0].release, release("r91"), "the oldest retires first");
    assert_eq!(record.tenures.left.len(), TENURES_LEFT_MAX);
    assert_eq!(record.tenures.left.last().map(|left| left.tenure), Some(91));
}

#[test]
fn the_newest_thousand_events_stay() {
    let mut rollout = Rollout::stable("a");
    for seq in 2..=EVENTS_MAX + 3 {
        rollout.done(Operator, Command::SetSticky { sticky: seq % 2 == 1 });
    }
    let kept: Vec<u64> = rollout.events().iter().map(|event| event.record.seq).collect();
    assert_eq!((kept.len() as u64, kept[0]), (EVENTS_MAX, EVENTS_MAX + 3));
    assert!(!rollout.store.contains_key(&keys::event(&app(), 3)));
    assert!(rollout.store.contains_key(&keys::event(&app(), 4)));
}

#[test]
fn an_event_says_what_changed() {
    let mut rollout = Rollout::stable("a").candidate("b", 10);
    rollout.done(Operator, promote(None));
    let changed = serde_json::to_value(&rollout.events()[0].changed).unwrap();
    let (a, b) = (release("a"), release("b"));
    let expected = serde_json::json!({
        "stable": [a, b], "candidate": [b, null], "blend": [10, 0], "previous": [null, a], "draining": [[], [a]],
    });
    assert_eq!(changed, expected);
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
