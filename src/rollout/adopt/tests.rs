//! The raw rules (docs/design.md section 4), one by one.

use super::{adoption::Adoption, old_keys::OldKey};
use crate::rollout::{
    command::{Command, Decision, Refusal, Role},
    record::{DrainCause, LeaveReason},
    release::NULL,
    tests::fixture::{Rollout, abort, percent, promote, release, rollback, set_candidate},
};

use Role::{Ci, Operator, Viewer};

/// Writes through the API as an old script with an operator's token does.
fn write(rollout: &mut Rollout, key: OldKey, value: &str) -> Adoption {
    rollout.raw(Operator, key, value).unwrap()
}

fn write_release(rollout: &mut Rollout, key: OldKey, name: &str) -> Adoption {
    write(rollout, key, release(name).as_str())
}

/// What a router that sees the store now would still change: nothing.
fn assert_settled(rollout: &mut Rollout) {
    let before = rollout.store.clone();
    let adopted = rollout.adopt();
    assert_eq!(adopted.decision, Decision::Unchanged);
    assert_eq!(adopted.mirror, []);
    assert_eq!(rollout.store, before);
}

#[test]
fn what_a_command_mirrored_changes_nothing() {
    let mut rollout = Rollout::stable("a").candidate("b", 12);
    assert_eq!(rollout.old_keys().blend.as_deref(), Some("12"));
    assert_settled(&mut rollout);
    rollout.done(Operator, promote(None));
    assert_eq!(rollout.old_keys().candidate.as_deref(), Some(NULL));
    assert_settled(&mut rollout);
}

#[test]
fn a_first_adoption_takes_all_keys_as_they_are() {
    let mut rollout = Rollout::new();
    assert_eq!(rollout.adopt().decision, Decision::Unchanged, "an empty store is no app");
    rollout.write_past(OldKey::Blend, Some("30"));
    rollout.write_past(OldKey::Sticky, Some("0"));
    rollout.write_past(OldKey::Stable, Some(release("a").as_str()));
    rollout.write_past(OldKey::Candidate, Some(release("b").as_str()));
    rollout.adopt();
    let record = rollout.record();
    assert_eq!((rollout.tracks().as_str(), record.blend, record.sticky), ("a b |", percent(30), false));
    assert_eq!((record.seq, record.command.as_str(), record.previous), (1, "adopt", None));
    assert_settled(&mut rollout);
}

#[test]
fn missing_keys_read_as_null_0_and_1_and_are_written_back() {
    let mut rollout = Rollout::new();
    rollout.write_past(OldKey::Stable, Some(release("a").as_str()));
    rollout.adopt();
    let record = rollout.record();
    assert_eq!((rollout.tracks().as_str(), record.blend, record.sticky), ("a - |", percent(0), true));
    for key in OldKey::ALL {
        rollout.write_past(key, None);
    }
    let adopted = rollout.adopt();
    assert_eq!((adopted.decision, adopted.mirror.len()), (Decision::Unchanged, 4));
    assert_eq!(rollout.old_keys().stable.as_deref(), Some(release("a").as_str()));
    assert_settled(&mut rollout);
}

#[test]
fn the_old_scripts_promote_keeps_tenure_and_pins_in_any_order() {
    let writes = [(OldKey::Stable, "b"), (OldKey::Blend, "0"), (OldKey::Candidate, NULL)];
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let mut rollout = Rollout::stable("a").candidate("b", 30);
        let tenure = rollout.tenure("b");
        for (key, value) in order.map(|index| writes[index]) {
            let value = if key == OldKey::Stable { release(value).to_string() } else { value.to_owned() };
            write(&mut rollout, key, &value);
        }
        assert_eq!(rollout.tracks(), "b - | a", "{order:?}");
        assert_eq!((rollout.tenure("b"), rollout.tenure("a")), (tenure, Some(1)));
        assert_eq!((rollout.previous().as_deref(), rollout.record().blend), (Some("a"), percent(0)));
        assert_eq!(rollout.record().draining[0].cause, DrainCause::Raw);
        assert_eq!(rollout.record().tenures.left, []);
        assert_settled(&mut rollout);
    }
}

#[test]
fn all_three_at_once_past_the_router_come_to_the_same() {
    let mut rollout = Rollout::stable("a").candidate("b", 30);
    rollout.write_past(OldKey::Stable, Some(release("b").as_str()));
    rollout.write_past(OldKey::Blend, Some("0"));
    rollout.write_past(OldKey::Candidate, Some(NULL));
    rollout.adopt();
    assert_eq!((rollout.tracks().as_str(), rollout.tenure("b")), ("b - | a", Some(2)));
    assert_settled(&mut rollout);
}

#[test]
fn the_later_null_of_the_candidate_changes_nothing() {
    let mut rollout = Rollout::stable("a").candidate("b", 30);
    write_release(&mut rollout, OldKey::Stable, "b");
    assert_eq!(rollout.tracks(), "b - | a");
    assert_eq!(rollout.record().blend, percent(0));
    assert_eq!(write(&mut rollout, OldKey::Candidate, NULL).decision, Decision::Unchanged);
    assert_eq!(write(&mut rollout, OldKey::Blend, "0").decision, Decision::Unchanged);
}

#[test]
fn a_candidate_equal_to_stable_routes_as_none() {
    let mut rollout = Rollout::stable("a").candidate("b", 30);
    write_release(&mut rollout, OldKey::Candidate, "a");
    assert_eq!(rollout.tracks(), "a - | b");
    assert_eq!(rollout.old_keys().candidate.as_deref(), Some(NULL), "the old keys say what is routed");
    assert_eq!(write_release(&mut rollout, OldKey::Candidate, "a").decision, Decision::Unchanged);
    write_release(&mut rollout, OldKey::Stable, "c");
    assert_eq!(rollout.tracks(), "c - | b a");
    assert_settled(&mut rollout);
}

#[test]
fn a_raw_candidate_takes_effect_at_blend_0_until_the_blend_is_written_again() {
    let mut rollout = Rollout::stable("a").candidate("b", 30);
    write_release(&mut rollout, OldKey::Candidate, "c");
    assert_eq!((rollout.tracks().as_str(), rollout.record().blend), ("a c | b", percent(0)));
    assert_eq!(rollout.old_keys().blend.as_deref(), Some("0"));
    assert_settled(&mut rollout);
    write(&mut rollout, OldKey::Blend, "30");
    assert_eq!(rollout.record().blend, percent(30));
}

#[test]
fn past_the_router_the_order_of_writes_says_whether_the_blend_was_written_again() {
    let past = |order: &[OldKey]| {
        let mut rollout = Rollout::stable("a").candidate("b", 30);
        for key in order {
            let value = if *key == OldKey::Blend { "30".to_owned() } else { release("c").to_string() };
            rollout.write_past(*key, Some(&value));
        }
        rollout.adopt();
        assert_settled(&mut rollout);
        assert_eq!(rollout.tracks(), "a c | b");
        rollout.record().blend
    };
    assert_eq!(past(&[OldKey::Candidate]), percent(0));
    assert_eq!(past(&[OldKey::Blend, OldKey::Candidate]), percent(0));
    assert_eq!(past(&[OldKey::Candidate, OldKey::Blend]), percent(30), "the same value, written again");
}

#[test]
fn a_blend_written_before_the_candidate_does_not_count_for_it() {
    let mut rollout = Rollout::stable("a");
    write(&mut rollout, OldKey::Blend, "10");
    assert_eq!(rollout.record().blend, percent(10));
    write_release(&mut rollout, OldKey::Candidate, "b");
    assert_eq!(rollout.record().blend, percent(0));
}

#[test]
fn a_raw_stable_drains_the_earlier_one_and_sets_previous() {
    let mut rollout = Rollout::stable("a").candidate("b", 30);
    write_release(&mut rollout, OldKey::Stable, "c");
    assert_eq!((rollout.tracks().as_str(), rollout.previous().as_deref()), ("c b | a", Some("a")));
    assert_eq!(rollout.record().blend, percent(30));
    // The way back by script: who returns while it drains never left.
    write_release(&mut rollout, OldKey::Stable, "a");
    assert_eq!((rollout.tracks().as_str(), rollout.tenure("a")), ("a b | c", Some(1)));
}

#[test]
fn the_tracks_may_be_swapped() {
    let mut rollout = Rollout::stable("a").candidate("b", 30);
    rollout.write_past(OldKey::Stable, Some(release("b").as_str()));
    rollout.write_past(OldKey::Candidate, Some(release("a").as_str()));
    rollout.adopt();
    assert_eq!(
        (rollout.tracks().as_str(), rollout.tenure("a"), rollout.tenure("b")),
        ("b a |", Some(1), Some(2))
    );
    assert_eq!(rollout.record().blend, percent(0));
}

#[test]
fn a_raw_null_over_a_release_that_serves_is_stored_and_not_adopted() {
    // The old promote script, run twice: the second time there is no candidate to make stable.
    let mut rollout = Rollout::stable("a").candidate("b", 30);
    rollout.done(Operator, promote(None));
    for null in [NULL, "apps/app-rolling/null-80/containers"] {
        let held = write(&mut rollout, OldKey::Stable, null);
        assert_eq!((held.decision, held.held), (Decision::Unchanged, Some(OldKey::Stable)));
        assert_eq!(rollout.old_keys().stable.as_deref(), Some(null), "it is there to be seen");
        assert_settled(&mut rollout);
    }
    write(&mut rollout, OldKey::Candidate, NULL);
    write(&mut rollout, OldKey::Blend, "0");
    write(&mut rollout, OldKey::Sticky, "0");
    assert_eq!((rollout.tracks().as_str(), rollout.record().sticky), ("b - | a", false));
    // A command writes the key back.
    rollout.done(Operator, set_candidate("c", None));
    assert_eq!(rollout.old_keys().stable.as_deref(), Some(release("b").as_str()));
    assert_settled(&mut rollout);
}

#[test]
fn the_old_set_up_script_takes_no_live_app_off_line() {
    let setup =
        [(OldKey::Stable, NULL), (OldKey::Candidate, NULL), (OldKey::Blend, "0"), (OldKey::Sticky, "1")];
    for past in [false, true] {
        let mut rollout = Rollout::stable("a").candidate("b", 30);
        for (key, value) in setup {
            match past {
                true => rollout.write_past(key, Some(value)),
                false => drop(write(&mut rollout, key, value)),
            }
        }
        rollout.adopt();
        assert_eq!(rollout.tracks(), "a - | b", "stable serves everyone");
        assert_settled(&mut rollout);
    }
}

#[test]
fn a_candidate_that_is_all_an_app_has_stays_too() {
    let mut rollout = Rollout::new();
    write_release(&mut rollout, OldKey::Candidate, "b");
    write(&mut rollout, OldKey::Blend, "100");
    assert_eq!(write(&mut rollout, OldKey::Candidate, NULL).held, Some(OldKey::Candidate));
    assert_eq!(rollout.tracks(), "- b |");
    // Once it is stable, the null means nothing any more.
    write_release(&mut rollout, OldKey::Stable, "b");
    assert_eq!(rollout.tracks(), "b - |");
    assert_settled(&mut rollout);
}

#[test]
fn a_raw_null_leaves_the_track_of_a_release_without_endpoints() {
    let mut rollout = Rollout::stable("a").candidate("b", 30);
    rollout.done(Operator, promote(None));
    rollout.without_endpoints.insert(release("b"));
    write(&mut rollout, OldKey::Stable, "apps/app-rolling/null-80/containers");
    rollout.without_endpoints.clear();
    assert_eq!((rollout.tracks().as_str(), rollout.previous().as_deref()), ("- - | a b", Some("b")));
    // It comes back with its pins, and with the way back it had.
    write_release(&mut rollout, OldKey::Stable, "b");
    assert_eq!((rollout.tracks().as_str(), rollout.tenure("b")), ("b - | a", Some(2)));
    assert_eq!(rollout.previous().as_deref(), Some("a"));
}

#[test]
fn a_stable_without_endpoints_waits_for_its_first() {
    let mut rollout = Rollout::stable("a").candidate("b", 30);
    rollout.done(Operator, promote(None));
    rollout.done(Operator, set_candidate("d", Some(30)));
    rollout.without_endpoints.insert(release("c"));
    let adopted = write_release(&mut rollout, OldKey::Stable, "c");
    assert_eq!((adopted.decision, adopted.pending), (Decision::Unchanged, Some(release("c"))));
    assert_eq!(rollout.tracks(), "b d | a");
    // Other raw writes and the end of a drain leave it waiting.
    write(&mut rollout, OldKey::Blend, "50");
    write(&mut rollout, OldKey::Candidate, NULL);
    rollout.done(Viewer, Command::FinishDrain { tenure: Some(1), automatic: true });
    assert_eq!(rollout.tracks(), "b d |");
    assert_eq!(rollout.old_keys().stable.as_deref(), Some(release("c").as_str()));
    rollout.without_endpoints.clear();
    rollout.adopt();
    assert_eq!((rollout.tracks().as_str(), rollout.previous().as_deref()), ("c - | b d", Some("b")));
    assert_settled(&mut rollout);
}

#[test]
fn a_command_ends_the_wait() {
    let mut rollout = Rollout::stable("a");
    rollout.without_endpoints.insert(release("c"));
    write_release(&mut rollout, OldKey::Stable, "c");
    rollout.done(Operator, set_candidate("b", None));
    assert_eq!(rollout.old_keys().stable.as_deref(), Some(release("a").as_str()));
    assert_settled(&mut rollout);
}

#[test]
fn a_first_stable_may_wait_too() {
    let mut rollout = Rollout::new();
    rollout.without_endpoints.insert(release("a"));
    assert_eq!(write_release(&mut rollout, OldKey::Stable, "a").pending, Some(release("a")));
    assert_eq!(rollout.tracks(), "- - |");
    assert_eq!(rollout.old_keys().stable.as_deref(), Some(release("a").as_str()));
    write(&mut rollout, OldKey::Candidate, NULL);
    write(&mut rollout, OldKey::Blend, "0");
    write(&mut rollout, OldKey::Sticky, "1");
    rollout.without_endpoints.clear();
    rollout.adopt();
    assert_eq!((rollout.tracks().as_str(), rollout.previous()), ("a - |", None));
    assert_settled(&mut rollout);
}

#[test]
fn a_bad_value_harms_only_itself() {
    let mut rollout = Rollout::stable("a").candidate("b", 30);
    rollout.write_past(OldKey::Stable, Some("not a release"));
    rollout.write_past(OldKey::Blend, Some("50"));
    let adopted = rollout.adopt();
    assert_eq!(rollout.record().blend, percent(50));
    let fault =
        "stable/id: `not a release` is not `rolling/null` or `apps/<app>-<release>-<port>/containers`";
    assert_eq!(adopted.faults.iter().map(ToString::to_string).collect::<Vec<_>>(), [fault]);
    assert_eq!(rollout.old_keys().stable.as_deref(), Some("not a release"), "its owner can still see it");
    for (key, value) in [(OldKey::Blend, "101"), (OldKey::Sticky, "yes"), (OldKey::Candidate, "")] {
        assert!(matches!(rollout.raw(Operator, key, value), Err(Refusal::Value { .. })), "{value}");
    }
    write(&mut rollout, OldKey::Sticky, "0\n");
    assert!(!rollout.record().sticky);
}

#[test]
fn raw_writes_have_their_tokens_role_and_respect_the_lock() {
    let mut rollout = Rollout::stable("a").candidate("b", 30);
    let code = |answer: Result<Adoption, Refusal>| answer.unwrap_err().code();
    assert_eq!(code(rollout.raw(Viewer, OldKey::Blend, "1")), "forbidden");
    rollout.done(Operator, Command::Lock { reason: "freeze".into(), until: None });
    assert_eq!(code(rollout.raw(Ci, OldKey::Candidate, NULL)), "locked");
    write(&mut rollout, OldKey::Blend, "1");
    rollout.done(Operator, Command::Unlock);
    rollout.raw(Ci, OldKey::Blend, "2").unwrap();
    assert_eq!((rollout.record().command.as_str(), rollout.record().actor.as_str()), ("raw", "ci"));
}

#[test]
fn ci_gives_no_release_to_everybody_while_its_blend_is_capped() {
    let mut rollout = Rollout::stable("a").candidate("b", 10);
    rollout.ci_blend_max = Some(percent(20));
    for name in ["b", "c"] {
        let refused = rollout.raw(Ci, OldKey::Stable, release(name).as_str()).unwrap_err();
        assert_eq!(refused, Refusal::Capped { cap: percent(20) });
    }
    // Nor one that is only waiting for its endpoints, which a pipeline may register.
    rollout.without_endpoints.insert(release("c"));
    assert!(rollout.raw(Ci, OldKey::Stable, release("c").as_str()).is_err());
    rollout.raw(Ci, OldKey::Stable, release("a").as_str()).unwrap();
    write_release(&mut rollout, OldKey::Stable, "b");
    assert_eq!(rollout.tracks(), "b - | a");
}

#[test]
fn a_raw_way_off_the_track_never_moves_clients_at_once() {
    let mut rollout = Rollout::stable("a").candidate("b", 30);
    write(&mut rollout, OldKey::Candidate, NULL);
    assert_eq!(rollout.tracks(), "a - | b");
    rollout.unchanged(Operator, abort(Some("b")));
    assert_eq!(rollout.left(2), None);
    rollout.done(Operator, Command::FinishDrain { tenure: Some(2), automatic: false });
    assert_eq!(rollout.left(2), Some(LeaveReason::Drained));
}

#[test]
fn a_rollback_undoes_a_script() {
    let mut rollout = Rollout::stable("a");
    write_release(&mut rollout, OldKey::Stable, "b");
    rollout.done(Operator, rollback(None));
    assert_eq!((rollout.tracks().as_str(), rollout.left(2)), ("a - |", Some(LeaveReason::Rollback)));
    assert_settled(&mut rollout);
}

/// A script promotes by four writes. While the release does not pass, nobody of the candidate may be sent away.
#[test]
fn a_release_that_does_not_pass_waits_and_the_candidate_stays() {
    let mut rollout = Rollout::stable("a").candidate("b", 30);
    rollout.unfit = Some(release("b"));
    assert_eq!(write_release(&mut rollout, OldKey::Stable, "b").pending, Some(release("b")));
    write(&mut rollout, OldKey::Candidate, NULL);
    write(&mut rollout, OldKey::Blend, "0");
    assert_eq!((rollout.tracks().as_str(), rollout.record().blend), ("a b |", percent(0)));
    assert_eq!(rollout.old_keys().stable.as_deref(), Some(release("b").as_str()));
    assert_eq!(rollout.old_keys().candidate.as_deref(), Some(NULL));
    assert_settled(&mut rollout);
    // What changes neither track nor lock leaves it.
    let drain = Command::DrainEndpoint {
        release: release("a"),
        address: "10.0.0.1:80".parse().unwrap(),
        seconds: None,
        softly: false,
    };
    rollout.done(Operator, drain);
    rollout.done(Operator, Command::ChangeSettings { approvals: 0 });
    assert_eq!(rollout.old_keys().stable.as_deref(), Some(release("b").as_str()));
    rollout.unfit = None;
    rollout.adopt();
    assert_eq!(rollout.tracks(), "b - | a");
    assert_settled(&mut rollout);
}

#[test]
fn a_later_change_of_tracks_or_a_lock_ends_the_wait() {
    for command in
        [set_candidate("c", None), abort(None), Command::Lock { reason: "an incident".into(), until: None }]
    {
        let mut rollout = Rollout::stable("a").candidate("b", 30);
        rollout.unfit = Some(release("b"));
        write_release(&mut rollout, OldKey::Stable, "b");
        rollout.done(Operator, command.clone());
        rollout.unfit = None;
        assert_settled(&mut rollout);
        assert_eq!(rollout.record().stable_release(), Some(&release("a")), "{command:?}");
    }
}
