//! Where tenures begin and end, drains of releases and endpoints, and what an event says.

use super::*;
use crate::rollout::{address::Address, command::ApprovalSubject, command_name::CommandName};

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
    assert_eq!((rollout.left(2), rollout.tenure("b")), (Some(LeaveReason::Drained), Some(3)));
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
    let drain = |name: &str, seconds| Command::DrainEndpoint {
        release: release(name),
        address,
        seconds,
        softly: false,
    };
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
        rollout.done(
            Operator,
            Command::DrainEndpoint { release: release("a"), address, seconds: None, softly: false },
        );
    }
    assert_eq!(rollout.refused(Ci, drain("a", None)), "too_many_drains");
}

#[test]
fn a_recycle_marks_endpoints_until_it_ends_and_ends_approvals_if_told() {
    let address = |last: u8| Address::from(([10, 0, 0, last], 80));
    let begin = |name: &str, last: u8, ends_approvals| Command::BeginRecycle {
        release: release(name),
        outgoing: [address(1), address(last)].into(),
        ends_approvals,
    };
    let softly = |last| Command::DrainEndpoint {
        release: release("b"),
        address: address(last),
        seconds: Some(9),
        softly: true,
    };
    let end = || Command::EndRecycle { release: release("b") };
    let mut rollout = Rollout::stable("a").candidate("b", 10);
    rollout.unchanged(Operator, begin("c", 2, false));
    rollout.unchanged(Operator, end());
    rollout.token = "another".into();
    rollout.done(Operator, Command::Approve { subject: ApprovalSubject::Release(None) });
    rollout.done(Operator, begin("b", 2, false));
    rollout.unchanged(Operator, begin("b", 2, false));
    assert_eq!(rollout.record().approvals.len(), 1);
    let replace = |old: u8, new: u8| Command::ReplaceEndpoint {
        release: release("b"),
        old: address(old),
        new: address(new),
    };
    let approved = |rollout: &Rollout| rollout.record().approvals[0].endpoints.clone();
    let before = approved(&rollout);
    rollout.unchanged(Operator, replace(9, 4));
    assert_eq!(approved(&rollout), before, "nobody has approved what it replaces");
    rollout.done(Operator, begin("b", 2, true));
    assert_eq!(rollout.record().approvals.len(), 0, "it is another image now");
    rollout.unchanged(Operator, replace(1, 4));
    rollout.done(Operator, softly(1));
    rollout.done(Operator, softly(3));
    assert!(rollout.record().is_outgoing(&release("b"), address(1)));
    rollout.done(Operator, Command::UndrainEndpoint { release: release("b"), address: address(1) });
    assert!(!rollout.record().is_outgoing(&release("b"), address(1)), "another one has its address");
    rollout.done(Operator, softly(2));
    // Who drains it by hand may cut what is open there.
    rollout.done(
        Operator,
        Command::DrainEndpoint { release: release("b"), address: address(3), seconds: None, softly: false },
    );
    rollout.unchanged(Operator, softly(3));
    rollout.done(Operator, end());
    let left: Vec<_> = rollout.record().endpoint_drains.iter().map(|drain| drain.address).collect();
    assert_eq!(
        (left, rollout.record().recycles.len()),
        (vec![address(3)], 0),
        "only what the recycle had drained is lifted"
    );
    rollout.done(Operator, begin("b", 2, false));
    rollout.done(Operator, abort(None));
    assert_eq!(rollout.record().recycles, [], "its release is not named any more");
}

#[test]
fn a_drain_ends_by_a_person_or_by_its_deadline() {
    let mut rollout = Rollout::stable("a");
    for name in ["b", "c"] {
        rollout.done(Operator, set_stable(name));
    }
    assert_eq!(rollout.done(Viewer, retire(2)).command, CommandName::Retire);
    assert_eq!((rollout.tracks().as_str(), rollout.left(2)), ("c - | a", Some(LeaveReason::Drained)));
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
