//! Shielding, row by row: who moves from a failing candidate to stable, and who stays there.

use super::{
    rows::{assert_move, stays},
    *,
};

/// The assignment to stable after the candidate failed this request.
fn after_failing(app: &AppRoutes, asked: &RequestFacts) -> Option<Assignment> {
    let failed = assigned(app, asked, &Fake::default());
    assign_shield(app, asked, &failed, &Fake::default(), &mut Drawn::new(5))
}

#[test]
fn shielding_moves_from_the_candidate_to_stable_only() {
    let app = two_tracks(50.0);
    let got = after_failing(&app, &asked(PinEvidence::Valid(pin_to(&app, 1, 0)))).unwrap();
    assert_eq!((got.target.release.0, got.reason, got.bounced), (0, Reason::Shielded, false));
    let PinChange::Replace(pin) = got.pin else { panic!("{got:?}") };
    assert_eq!((pin.tenure, pin.moves, pin.left_candidate), (1, 1, true));
    assert_eq!(after_failing(&app, &asked(PinEvidence::Valid(pin_to(&app, 0, 0)))), None);

    let third = Pin { moves: 2, ..pin_to(&app, 1, 0) };
    assert!(after_failing(&app, &asked(PinEvidence::Valid(third))).unwrap().bounced);

    let failed = assigned(&app, &asked(PinEvidence::Valid(third)), &Fake::default());
    let stable_down = Fake::without(&app, &[0]);
    let asked = asked(PinEvidence::Valid(third));
    assert_eq!(assign_shield(&app, &asked, &failed, &stable_down, &mut Drawn::new(1)), None);
    let tested = Assignment { reason: Reason::Override, ..failed };
    assert_eq!(assign_shield(&app, &asked, &tested, &Fake::default(), &mut Drawn::new(1)), None);
}

#[test]
fn who_was_shielded_is_left_alone_until_stable_changes() {
    let with = |stable: Value, draining: Value| {
        let fields = json!({"stable": stable, "candidate": stay("b", 2), "blend": 100, "draining": draining});
        app(fields, &json!({"transition": "navigate"}), &[("a", 2), ("b", 2), ("c", 2)])
    };
    let before = with(stay("a", 1), json!([]));
    let new = after_failing(&before, &asked(PinEvidence::None)).unwrap();
    let PinChange::First(first) = new.pin else { panic!("{new:?}") };
    // Somebody whom a navigation would have taken to the candidate has not moved when the candidate fails.
    let back = after_failing(&before, &navigation(pin_to(&before, 0, 0))).unwrap();
    let PinChange::Replace(back) = back.pin else { panic!("{back:?}") };
    assert_eq!((back.tenure, back.moves), (1, 0));
    for pin in [first, back] {
        assert!(pin.left_candidate);
        stays(&before, pin, &Fake::default());
        // The tenure on stable changes: once their release has drained, the bit is gone.
        let after = with(stay("c", 3), json!([draining("a", 1)]));
        let over = Fake { drain_over: true, ..Fake::default() };
        let moved = assert_move(&after, &navigation(pin), &over, 0, Reason::Drained);
        assert!(!moved.left_candidate);
        assert_eq!(assigned(&after, &navigation(moved), &over).reason, Reason::Bucket);
    }
}

#[test]
fn without_pins_only_the_request_is_shielded() {
    let fields = json!({"stable": stay("a", 1), "candidate": stay("b", 2), "blend": 100, "sticky": false});
    let app = app(fields, &json!({}), &[("a", 1), ("b", 1)]);
    let got = after_failing(&app, &asked(PinEvidence::None)).unwrap();
    assert_eq!((got.target.release.0, got.reason, got.pin), (0, Reason::Shielded, PinChange::Keep));
}
