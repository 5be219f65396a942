//! The table of docs/design.md section 5, and the rules around it, one test for each.

use super::*;

/// A client with this pin goes to this release for this reason, and its new pin says so; on any request.
#[track_caller]
fn moves(app: &AppRoutes, pin: Pin, health: &Fake, to: usize, reason: Reason) -> Pin {
    for asked in [asked(PinEvidence::Valid(pin)), navigation(pin)] {
        assert_move(app, &asked, health, to, reason);
    }
    assert_move(app, &navigation(pin), health, to, reason)
}

#[track_caller]
pub(super) fn assert_move(
    app: &AppRoutes,
    asked: &RequestFacts,
    health: &Fake,
    to: usize,
    reason: Reason,
) -> Pin {
    let got = assigned(app, asked, health);
    assert_eq!((got.target.release.0, got.reason), (to, reason));
    let PinChange::Replace(new) = got.pin else { panic!("the pin is replaced: {got:?}") };
    let release = &app.releases[to];
    assert_eq!((new.tenure, new.endpoint), (release.tenure, release.endpoint(got.target.endpoint).tag));
    new
}

/// A client with this pin stays where it is, on any request.
#[track_caller]
pub(super) fn stays(app: &AppRoutes, pin: Pin, health: &Fake) {
    for asked in [asked(PinEvidence::Valid(pin)), navigation(pin)] {
        let got = assigned(app, &asked, health);
        let release = app.release(got.target.release);
        assert_eq!((release.tenure, got.reason, got.pin), (pin.tenure, Reason::Pin, PinChange::Keep));
        assert_eq!(release.endpoint(got.target.endpoint).tag, pin.endpoint);
    }
}

#[test]
fn blend_moves() {
    for blend in [0.0, 0.01, 50.0, 100.0] {
        let app = two_tracks(blend);
        stays(&app, pin_to(&app, 0, 0), &Fake::default());
        stays(&app, pin_to(&app, 1, 1), &Fake::default());
        let mut draw = Drawn::new(1);
        let new =
            (0..1_000).map(|_| assign(&app, &asked(PinEvidence::None), &Fake::default(), &mut draw).unwrap());
        let candidates = new.filter(|got| got.target.release.0 == 1 && got.reason == Reason::Bucket).count();
        assert!((candidates as f64 - blend * 10.0).abs() <= 4.0, "{candidates} of 1,000 at {blend} %");
    }
}

#[test]
fn promote() {
    let fields = json!({"stable": stay("b", 2), "previous": release("a"), "draining": [draining("a", 1)]});
    let app = app(fields, &json!({}), &[("a", 2), ("b", 2)]);
    assert_eq!(assigned(&app, &asked(PinEvidence::None), &Fake::default()).target.release.0, 0);
    stays(&app, pin_to(&app, 0, 1), &Fake::default());
    stays(&app, pin_to(&app, 1, 1), &Fake::default());

    // Once drainseconds have passed, at a navigation only.
    let over = Fake { drain_over: true, ..Fake::default() };
    let pin = pin_to(&app, 1, 1);
    assert_eq!(assigned(&app, &asked(PinEvidence::Valid(pin)), &over).reason, Reason::Pin);
    assert_move(&app, &navigation(pin), &over, 0, Reason::Drained);
    // But not into a stable that does not serve.
    let stable_down = Fake { drain_over: true, ..Fake::without(&app, &[0]) };
    stays(&app, pin, &stable_down);
}

#[test]
fn a_tenure_that_left() {
    let left = json!([{"tenure": 2, "reason": "abort"}, {"tenure": 3, "reason": "rollback"},
        {"tenure": 4, "reason": "replaced"}, {"tenure": 5, "reason": "drained"}]);
    let fields = json!({"stable": stay("a", 1), "candidate": stay("b", 9), "blend": 100,
        "tenures": {"last": 9, "left": left}});
    let app = app(fields, &json!({}), &[("a", 2), ("b", 2)]);
    for (tenure, reason) in [
        (2, Reason::Abort),
        (3, Reason::Rollback),
        (4, Reason::Replaced),
        (5, Reason::Drained),
        (6, Reason::Drained),
        (0, Reason::Drained),
    ] {
        let new = moves(&app, pin_of(tenure), &Fake::default(), 0, reason);
        assert_eq!((new.bucket, new.client, new.left_candidate), (5_000, 77, false));
    }
    stays(&app, pin_to(&app, 0, 0), &Fake::default());
}

#[test]
fn rollback_moves_stable_too_and_spares_those_who_drain() {
    let left = json!([{"tenure": 2, "reason": "rollback"}]);
    let fields = json!({"stable": stay("a", 3), "draining": [draining("c", 1)],
        "tenures": {"last": 3, "left": left}});
    let app = app(fields, &json!({}), &[("a", 2), ("c", 2)]);
    moves(&app, pin_of(2), &Fake::default(), 0, Reason::Rollback);
    stays(&app, pin_to(&app, 1, 0), &Fake::default());
}

#[test]
fn one_endpoint_dies() {
    for release in [0, 1] {
        let app = two_tracks(50.0);
        let pin = pin_to(&app, release, 0);
        let dead = app.releases[release].endpoints[0].slot;
        let health = Fake { down: [dead].into(), ..Fake::default() };
        let new = moves(&app, pin, &health, release, Reason::RepinEndpoint);
        assert_eq!(Pin { endpoint: pin.endpoint, ..new }, pin, "only the endpoint is another");
        stays(&app, pin_to(&app, release, 1), &health);
        let gone = Pin { endpoint: 1, ..pin };
        moves(&app, gone, &health, release, Reason::RepinEndpoint);
    }
}

#[test]
fn whole_candidate_unhealthy() {
    let app = two_tracks(100.0);
    let health = Fake::without(&app, &[1]);
    let new = moves(&app, pin_to(&app, 1, 0), &health, 0, Reason::Fallback);
    assert!(new.left_candidate);
    stays(&app, pin_to(&app, 0, 0), &health);
    let unpinned = assigned(&app, &asked(PinEvidence::None), &health);
    assert_eq!((unpinned.target.release.0, unpinned.reason), (0, Reason::Fallback));
    let PinChange::First(pin) = unpinned.pin else { panic!("a first pin") };
    assert!(!pin.left_candidate && pin.moves == 0, "it has not moved");

    let both = Fake::without(&app, &[0, 1]);
    stays(&app, pin_to(&app, 1, 0), &both);
    assert_eq!(assigned(&app, &asked(PinEvidence::None), &both).target.release.0, 0);
}

/// An endpoint that is ejected and passes its checks may work, so nobody leaves the release for it.
#[test]
fn a_suspicion_moves_nobody() {
    let app = two_tracks(50.0);
    let mut health = Fake::without(&app, &[1]);
    let suspected = app.releases[1].endpoints[1].slot;
    health.suspected.insert(suspected);
    for endpoint in 0..2 {
        let to = assigned(&app, &asked(PinEvidence::Valid(pin_to(&app, 1, endpoint))), &health);
        assert_eq!((to.target.release, app.endpoint(to.target).slot), (ReleaseIndex(1), suspected));
    }
    let mut draw = Drawn::new(5);
    let next =
        |tried: &[_], draw: &mut Drawn| suspected_endpoint(&app, ReleaseIndex(1), tried, &health, draw);
    assert!(next(&[], &mut draw).is_some() && next(&[suspected], &mut draw).is_none());
    let last = |tried: &[_], health: &Fake| {
        last_endpoint(&app, ReleaseIndex(1), tried, health, &mut Drawn::new(5)).is_some()
    };
    assert!(last(&[suspected], &health), "what its checks call down, where nothing serves");
    let well = Fake::default();
    assert!(last(&[suspected], &well), "it came back since it was last asked for");
    let all: Vec<_> = app.releases[1].endpoints.iter().map(|endpoint| endpoint.slot).collect();
    assert!(!last(&all, &well), "each once");
}

#[test]
fn a_candidate_that_lost_its_endpoints_falls_back() {
    let fields = json!({"stable": stay("a", 1), "candidate": stay("b", 2), "blend": 100});
    let app = app(fields, &json!({}), &[("a", 1)]);
    moves(&app, pin_of(2), &Fake::default(), 0, Reason::Fallback);
    moves(&app, pin_of(2), &Fake::without(&app, &[0]), 0, Reason::Fallback);
    assert_eq!(assigned(&app, &asked(PinEvidence::None), &Fake::default()).reason, Reason::Fallback);
}

#[test]
fn whole_stable_unhealthy_is_tried_and_never_left_for_the_candidate() {
    let app = two_tracks(50.0);
    let health = Fake::without(&app, &[0]);
    stays(&app, pin_to(&app, 0, 1), &health);
    stays(&app, pin_to(&app, 1, 1), &health);
    for seed in 0..100 {
        let mut draw = Drawn::new(seed);
        let bucket = draw.clone().bucket(&app);
        let got = assign(&app, &asked(PinEvidence::None), &health, &mut draw).unwrap();
        let candidate = bucket::is_candidates(bucket, app.bucket_offset, app.blend);
        assert_eq!(got.target.release.0, usize::from(candidate));
    }
}

#[test]
fn stable_ignores_health_below_half_and_heeds_it_from_there_on() {
    let fields = json!({"stable": stay("a", 1)});
    let app = app(fields, &json!({}), &[("a", 4)]);
    let slots: Vec<EndpointSlot> = app.releases[0].endpoints.iter().map(|endpoint| endpoint.slot).collect();
    let chosen = |health: &Fake| -> HashSet<EndpointSlot> {
        let draws =
            (0..200).map(|seed| assign(&app, &asked(PinEvidence::None), health, &mut Drawn::new(seed)));
        draws.map(|got| slots[got.unwrap().target.endpoint.0]).collect()
    };
    let half = Fake { down: slots[..2].iter().copied().collect(), ..Fake::default() };
    assert_eq!(chosen(&half), slots[2..].iter().copied().collect());
    moves(&app, pin_to(&app, 0, 0), &half, 0, Reason::RepinEndpoint);
    let below = Fake { down: slots[..3].iter().copied().collect(), ..Fake::default() };
    assert_eq!(chosen(&below), slots.iter().copied().collect());
    stays(&app, pin_to(&app, 0, 0), &below);
}

#[test]
fn draining_release_loses_its_endpoints() {
    let fields = json!({"stable": stay("b", 2), "draining": [draining("a", 1)]});
    let drained = app(fields.clone(), &json!({}), &[("b", 2)]);
    moves(&drained, pin_of(1), &Fake::default(), 0, Reason::DrainedEarly);
    let unhealthy = app(fields, &json!({}), &[("a", 2), ("b", 2)]);
    let new = moves(
        &unhealthy,
        pin_to(&unhealthy, 1, 0),
        &Fake::without(&unhealthy, &[1]),
        0,
        Reason::DrainedEarly,
    );
    assert!(!new.left_candidate);
    stays(&unhealthy, pin_to(&unhealthy, 1, 0), &Fake::without(&unhealthy, &[0, 1]));
}

#[test]
fn whoever_is_known_by_a_hash_goes_by_bucket_alone() {
    let known = asked(PinEvidence::Hashed(0x1234_5678_9ABC_DEF0));
    let bucket = bucket::of_random(0x1234_5678_9ABC_DEF0);
    let at = |blend: f64| two_tracks(blend);
    let share = |app: &AppRoutes| usize::from(bucket::is_candidates(bucket, app.bucket_offset, app.blend));
    for blend in [0.0, 10.0, 50.0, 90.0, 100.0] {
        let app = at(blend);
        let got = assigned(&app, &known, &Fake::default());
        assert_eq!((got.target.release.0, got.reason), (share(&app), Reason::NoCookie));
        assert_eq!((got.pin, got.bounced), (PinChange::Keep, false));
    }
    let all = at(100.0);
    let fallen = assigned(&all, &known, &Fake::without(&all, &[1]));
    assert_eq!((fallen.target.release.0, fallen.reason), (0, Reason::Fallback));
    let promoted = json!({"stable": stay("b", 2), "draining": [draining("a", 1)]});
    let promoted = app(promoted, &json!({}), &[("b", 2), ("a", 2)]);
    assert_eq!(assigned(&promoted, &known, &Fake::default()).target.release.0, 0, "nothing drains for it");
}

#[test]
fn an_endpoint_that_drains_gets_nobody_while_another_serves() {
    let drain =
        |name: &str, at: &str| json!({"release": release(name), "address": at, "since": 1, "until": 2});
    let fields = |drains: Value| json!({"stable": stay("a", 1), "candidate": stay("b", 2), "blend": 50, "endpoint_drains": drains});
    let endpoints = [("a", 3), ("b", 2)];
    let one = app(fields(json!([drain("a", "10.0.1.0:80")])), &json!({}), &endpoints);
    moves(&one, pin_to(&one, 0, 0), &Fake::default(), 0, Reason::RepinEndpoint);
    stays(&one, pin_to(&one, 0, 1), &Fake::default());
    let half = Fake { down: [one.releases[0].endpoints[1].slot].into(), ..Fake::default() };
    for seed in 0..200 {
        for health in [&Fake::default(), &half, &Fake::without(&one, &[0])] {
            let got = assign(&one, &asked(PinEvidence::None), health, &mut Drawn::new(seed)).unwrap();
            assert!(!one.endpoint(got.target).draining, "{health:?}");
        }
    }
    let all = |name: &str, place: u8, count: u8| -> Vec<Value> {
        (0..count).map(|number| drain(name, &format!("10.0.{place}.{number}:80"))).collect()
    };
    let candidate = app(fields(json!(all("b", 2, 2))), &json!({}), &endpoints);
    moves(&candidate, pin_to(&candidate, 1, 0), &Fake::default(), 0, Reason::Fallback);
    let stable = app(fields(json!(all("a", 1, 3))), &json!({}), &endpoints);
    stays(&stable, pin_to(&stable, 0, 1), &Fake::default());
}

#[test]
fn scaling_moves_no_pin_and_spreads_new_clients() {
    let fields = json!({"stable": stay("a", 1)});
    let before = app(fields.clone(), &json!({}), &[("a", 3)]);
    let after = app(fields, &json!({}), &[("a", 4)]);
    for endpoint in 0..3 {
        stays(&after, pin_to(&before, 0, endpoint), &Fake::default());
    }
    let mut counts = [0; 4];
    let mut draw = Drawn::new(1);
    for _ in 0..4_000 {
        counts[assign(&after, &asked(PinEvidence::None), &Fake::default(), &mut draw)
            .unwrap()
            .target
            .endpoint
            .0] += 1;
    }
    assert!(counts.iter().all(|count| (800..1_200).contains(count)), "{counts:?}");
}

#[test]
fn an_app_without_a_stable_release_is_unroutable() {
    let none = app(json!({}), &json!({}), &[]);
    let empty = app(json!({"stable": stay("a", 1)}), &json!({}), &[]);
    for app in [none, empty] {
        for pin in [PinEvidence::None, PinEvidence::Forged, PinEvidence::Valid(pin_of(1))] {
            let got = assign(&app, &asked(pin), &Fake::default(), &mut Drawn::new(1));
            assert_eq!(got, Err(Unroutable::NoRelease));
        }
    }
}

#[test]
fn a_newer_pin_is_routed_by_bucket_and_not_replaced() {
    let app = two_tracks(50.0);
    for candidate in [false, true] {
        let pin = Pin { bucket: bucket_of(&app, candidate), ..pin_of(10) };
        let got = assigned(&app, &navigation(pin), &Fake::default());
        let expected = (usize::from(candidate), Reason::Ahead, PinChange::Keep);
        assert_eq!((got.target.release.0, got.reason, got.pin), expected);
    }
}

#[test]
fn what_is_not_ours_is_replaced() {
    let app = two_tracks(100.0);
    for (evidence, reason) in
        [(PinEvidence::Forged, Reason::Forged), (PinEvidence::ForeignKey, Reason::ForeignKey)]
    {
        let got = assigned(&app, &asked(evidence), &Fake::default());
        assert_eq!((got.target.release.0, got.reason), (1, reason));
        assert!(matches!(got.pin, PinChange::Replace(pin) if pin.tenure == 2), "{got:?}");
    }
}

#[test]
fn an_app_that_is_not_sticky_draws_for_every_request() {
    let fields = json!({"stable": stay("a", 1), "candidate": stay("b", 2), "blend": 30, "sticky": false});
    let app = app(fields, &json!({}), &[("a", 1), ("b", 1)]);
    let asked = navigation(pin_to(&app, 0, 0));
    let mut draw = Drawn::new(9);
    let got: Vec<Assignment> =
        (0..10_000).map(|_| assign(&app, &asked, &Fake::default(), &mut draw).unwrap()).collect();
    assert!(got.iter().all(|got| got.reason == Reason::NoCookie && got.pin == PinChange::Keep));
    let candidates = got.iter().filter(|got| got.target.release.0 == 1).count();
    assert!((2_800..3_200).contains(&candidates), "{candidates}");
}

#[test]
fn transition_navigate_routes_navigations_by_bucket_again() {
    let fields = json!({"stable": stay("a", 1), "candidate": stay("b", 2), "blend": 50,
        "draining": [draining("c", 3)]});
    let app = app(fields, &json!({"transition": "navigate"}), &[("a", 1), ("b", 1), ("c", 1)]);
    let health = Fake::default();
    let (to_stable, to_candidate) = (bucket_of(&app, false), bucket_of(&app, true));
    let at_stable = Pin { bucket: to_candidate, ..pin_to(&app, 0, 0) };
    let at_candidate = Pin { bucket: to_stable, ..pin_to(&app, 1, 0) };
    assert_move(&app, &navigation(at_stable), &health, 1, Reason::Bucket);
    assert_move(&app, &navigation(at_candidate), &health, 0, Reason::Bucket);
    for pin in [at_stable, at_candidate] {
        assert_eq!(assigned(&app, &asked(PinEvidence::Valid(pin)), &health).reason, Reason::Pin);
    }
    // Left alone: whose bucket agrees, who drains, whom fallback moved here, and whoever would go where nothing serves.
    stays(&app, Pin { bucket: to_stable, ..pin_to(&app, 0, 0) }, &health);
    stays(&app, Pin { bucket: to_candidate, ..pin_to(&app, 1, 0) }, &health);
    stays(&app, Pin { bucket: to_candidate, ..pin_to(&app, 2, 0) }, &health);
    stays(&app, Pin { left_candidate: true, ..at_stable }, &health);
    stays(&app, at_stable, &Fake::without(&app, &[1]));
    stays(&app, at_candidate, &Fake::without(&app, &[0]));
}

#[test]
fn the_third_move_of_a_day_is_a_bounce() {
    let app = two_tracks(0.0);
    let mut seen = Vec::new();
    let mut moves = 0;
    for _ in 0..4 {
        let got = assigned(&app, &asked(PinEvidence::Valid(Pin { moves, ..pin_of(5) })), &Fake::default());
        moves = pin_after(&got).unwrap().moves;
        seen.push((moves, got.bounced));
    }
    assert_eq!(seen, [(1, false), (2, false), (3, true), (4, false)]);
    let yesterday = Pin { moves: 2, move_day: pin_of(5).move_day - 1, ..pin_of(5) };
    let got = assigned(&app, &asked(PinEvidence::Valid(yesterday)), &Fake::default());
    let pin = pin_after(&got).unwrap();
    assert_eq!((pin.moves, pin.move_day, got.bounced), (1, pin_of(5).move_day, false));
    let most = Pin { moves: 63, ..pin_of(5) };
    assert_eq!(
        pin_after(&assigned(&app, &asked(PinEvidence::Valid(most)), &Fake::default())).unwrap().moves,
        63
    );
}

#[test]
fn the_less_loaded_of_two_is_chosen_and_a_repeat_goes_elsewhere() {
    let app = app(json!({"stable": stay("a", 1)}), &json!({}), &[("a", 3)]);
    let slots: Vec<EndpointSlot> = app.releases[0].endpoints.iter().map(|endpoint| endpoint.slot).collect();
    let busy = Fake { loaded: slots[..2].iter().copied().collect(), ..Fake::default() };
    let picks = |tried: &[EndpointSlot], health: &Fake| -> Vec<Option<usize>> {
        let pick = |seed| another_endpoint(&app, ReleaseIndex(0), tried, health, &mut Drawn::new(seed));
        (0..300).map(|seed| pick(seed).map(|endpoint| endpoint.0)).collect()
    };
    let idle = picks(&[], &busy).iter().filter(|pick| **pick == Some(2)).count();
    assert!((150..250).contains(&idle), "two thirds of all pairs hold the idle endpoint: {idle} of 300");
    assert!(picks(&slots[..1], &busy).iter().all(|pick| matches!(pick, Some(1 | 2))));
    assert!(picks(&slots[..2], &busy).iter().all(|pick| *pick == Some(2)));
    assert!(picks(&slots, &busy).iter().all(Option::is_none));
    let down = Fake { down: slots[1..2].iter().copied().collect(), ..Fake::default() };
    assert!(picks(&slots[..1], &down).iter().all(|pick| *pick == Some(2)));
    let most_down = Fake { down: slots[..2].iter().copied().collect(), ..Fake::default() };
    assert!(picks(&slots[2..], &most_down).iter().all(|pick| matches!(pick, Some(0 | 1))));
}
