//! What pins say, when they are sent again, which of several counts, and who gets none.

use super::*;

/// Only navigations sent the cookie again, so a page that only fetches lost its release when the cookie lapsed.
#[test]
fn a_cookie_of_another_hour_is_sent_again() {
    let app = two_tracks(50.0);
    let pin = Pin { moves: 2, ..pin_to(&app, 1, 0) };
    let later = |hours: u64| RequestFacts { seconds: SECONDS + hours * 3_600, ..navigation(pin) };
    let change = |asked: &RequestFacts| assigned(&app, asked, &Fake::default()).pin;
    assert_eq!(change(&later(0)), PinChange::Keep);
    let renewed = Pin { hour: pin.hour + 1, ..pin };
    assert_eq!(change(&later(1)), PinChange::Refresh(renewed));
    assert_eq!(change(&RequestFacts { navigation: false, ..later(1) }), PinChange::Refresh(renewed));
    assert_eq!(change(&RequestFacts { resend: true, ..later(0) }), PinChange::Refresh(pin));
    let tomorrow = Pin { hour: pin.hour + 24, move_day: pin.move_day + 1, moves: 0, ..pin };
    assert_eq!(change(&later(24)), PinChange::Refresh(tomorrow));
}

#[test]
fn a_cookie_that_lapses_early_is_sent_again_when_a_tenth_of_its_time_has_passed() {
    for (pinseconds, tenth) in [(60, 6), (7_200, 720), (35_999, 3_599), (36_000, 3_600), (400_000, 3_600)] {
        let settings = json!({ "pinseconds": pinseconds });
        let app = app(json!({"stable": stay("a", 1)}), &settings, &[("a", 1)]);
        let at = |seconds: u64, pin: Pin| {
            let asked = RequestFacts { seconds, ..asked(PinEvidence::Valid(pin)) };
            assigned(&app, &asked, &Fake::default()).pin
        };
        let start = (SECONDS / tenth + 1) * tenth;
        let PinChange::Refresh(sent) = at(start, pin_to(&app, 0, 0)) else {
            panic!("{pinseconds}: it is due")
        };
        assert_eq!(at(start + tenth - 1, sent), PinChange::Keep, "{pinseconds}");
        assert!(matches!(at(start + tenth, sent), PinChange::Refresh(_)), "{pinseconds}");
    }
}

#[test]
fn a_request_that_says_nothing_about_its_client_goes_to_stable() {
    for (blend, sticky) in [(100.0, true), (100.0, false), (0.0, true)] {
        let fields =
            json!({"stable": stay("a", 1), "candidate": stay("b", 2), "blend": blend, "sticky": sticky});
        let app = app(fields, &json!({}), &[("a", 2), ("b", 2)]);
        let asked = RequestFacts { anonymous: true, ..asked(PinEvidence::None) };
        let got = assigned(&app, &asked, &Fake::default());
        assert_eq!((Some(got.target.release), got.reason), (app.stable, Reason::NoCookie));
        assert_eq!(got.pin, PinChange::Keep);
    }
}

#[test]
fn a_first_pin_says_for_which_draw_its_client_was_drawn() {
    let app = |epochs: Value, candidate: Value| {
        let fields =
            json!({"stable": stay("a", 1), "candidate": candidate, "blend": 50, "draw_epochs": epochs});
        app(fields, &json!({}), &[("a", 1), ("b", 1)])
    };
    let with = app(json!({"last": 256, "first": 254}), stay("b", 2));
    let mut arms = HashSet::new();
    for seed in 0..50 {
        let got = assign(&with, &asked(PinEvidence::None), &Fake::default(), &mut Drawn::new(seed)).unwrap();
        let pin = pin_after(&got).unwrap();
        assert_eq!(pin.drawn_for, 2, "256 modulo 255 plus 1");
        assert_eq!(pin.drawn_to_candidate, Some(got.target.release) == with.candidate);
        // It was drawn to the candidate, whatever that can do for it now.
        let down = Fake::without(&with, &[1]);
        let got = assign(&with, &asked(PinEvidence::None), &down, &mut Drawn::new(seed)).unwrap();
        assert_eq!(pin_after(&got).unwrap().drawn_to_candidate, pin.drawn_to_candidate);
        arms.insert(pin.drawn_to_candidate);
    }
    assert_eq!(arms.len(), 2);
    let without = app(json!({"last": 256, "first": 254}), Value::Null);
    let got = assigned(&without, &asked(PinEvidence::None), &Fake::default());
    assert_eq!(pin_after(&got).unwrap().drawn_for, 0, "there is no candidate");
}

#[test]
fn a_pin_that_is_sent_again_forgets_a_draw_of_another_candidate() {
    let fields = json!({"stable": stay("a", 1), "candidate": stay("b", 2), "blend": 50,
        "draw_epochs": {"last": 256, "first": 254}});
    let app = app(fields, &json!({}), &[("a", 2), ("b", 1)]);
    for (drawn_for, kept) in [(0, 0), (255, 255), (1, 1), (2, 2), (3, 0), (254, 0)] {
        let pin = Pin { drawn_for, drawn_to_candidate: true, ..pin_to(&app, 0, 0) };
        let arm = kept != 0;
        let after = |asked: &RequestFacts| {
            let pin = pin_after(&assigned(&app, asked, &Fake::default())).unwrap();
            (pin.drawn_for, pin.drawn_to_candidate)
        };
        let refresh = RequestFacts { resend: true, ..asked(PinEvidence::Valid(pin)) };
        assert_eq!(after(&refresh), (kept, arm), "{drawn_for}: refresh");
        let elsewhere = Pin { endpoint: 1, ..pin };
        assert_eq!(
            after(&asked(PinEvidence::Valid(elsewhere))),
            (kept, arm),
            "{drawn_for}: another endpoint"
        );
        let left = Pin { tenure: 5, ..pin };
        assert_eq!(after(&asked(PinEvidence::Valid(left))), (kept, arm), "{drawn_for}: a move");
    }
}

#[test]
fn of_several_valid_pins_the_one_that_was_sent_last_counts() {
    let app = two_tracks(50.0);
    let hour = pin_of(2).hour;
    let encoded = |pin: Pin| app.pins.encode(&pin);
    let (old, new) = (encoded(Pin { hour: hour - 1, moves: 9, ..pin_of(2) }), encoded(pin_of(1)));
    let moved = encoded(Pin { moves: 1, ..pin_of(2) });
    let keys = keys(9);
    let foreign =
        crate::rollout::pin::PinCodec::new(app.name.clone(), keys, PinFormat::Two).encode(&pin_of(3));
    let of = |values: &[&[u8]]| values.iter().fold(PinEvidence::None, |known, value| known.add(&app, value));
    assert_eq!(of(&[&old, b"x", &new, &foreign]), PinEvidence::Valid(pin_of(1)));
    assert_eq!(of(&[&new, &old]), PinEvidence::Valid(pin_of(1)));
    for both in [[&new, &moved], [&moved, &new]] {
        let of_both = of(&both.map(|pin| &pin[..]));
        assert_eq!(of_both, PinEvidence::Valid(Pin { moves: 1, ..pin_of(2) }), "more moves");
    }
    let (before, after) = (Pin { hour: 65_535, ..pin_of(1) }, Pin { hour: 0, ..pin_of(2) });
    assert_eq!(of(&[&encoded(before), &encoded(after)]), PinEvidence::Valid(after), "hours come round");
    assert_eq!(of(&[b"x", &foreign, b"y"]), PinEvidence::ForeignKey);
    assert_eq!(of(&[b""]), PinEvidence::Forged);
    assert_eq!(of(&[&[b'A'; 10_000]]), PinEvidence::Forged);
    assert_eq!(of(&[]), PinEvidence::None);
}
