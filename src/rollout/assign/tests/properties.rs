//! What holds for every table, pin, health and blend.

use proptest::prelude::*;

use super::*;
use crate::rollout::{blend::Blend, record::LeaveReason, table::Standing};

/// One random request to one random app.
#[derive(Debug, Clone)]
struct Case {
    app: Arc<AppRoutes>,
    health: Fake,
    pin: Pin,
    navigation: bool,
    hour: u32,
    seed: u64,
}

impl Case {
    fn asked(&self, pin: PinEvidence) -> RequestFacts {
        let seconds = u64::from(self.hour) * 3_600;
        RequestFacts { pin, navigation: self.navigation, seconds, ..RequestFacts::default() }
    }

    fn assign(&self, pin: PinEvidence, seed: u64) -> Result<Assignment, Unroutable> {
        assign(&self.app, &self.asked(pin), &self.health, &mut Drawn::new(seed))
    }

    fn serves(&self, release: ReleaseIndex) -> bool {
        self.app.release(release).endpoints.iter().any(|endpoint| self.health.serves(endpoint.slot))
    }

    /// Whether the row of the table that a move's reason names is about this pin.
    fn allows(&self, reason: Reason) -> bool {
        let pinned = self.app.by_tenure(self.pin.tenure);
        let standing = pinned.map(|release| self.app.release(release).standing);
        let empty_handed = pinned.is_some_and(|release| !self.serves(release));
        let draining = matches!(standing, Some(Standing::Draining { .. }));
        let left = |why| standing.is_none() && self.app.left(self.pin.tenure) == why;
        match reason {
            Reason::Drained => {
                draining && self.health.drain_over && self.navigation || left(LeaveReason::Drained)
            }
            Reason::DrainedEarly => draining && empty_handed,
            Reason::Abort => left(LeaveReason::Abort),
            Reason::Rollback => left(LeaveReason::Rollback),
            Reason::Replaced => left(LeaveReason::Replaced),
            Reason::Fallback => standing == Some(Standing::Candidate) && empty_handed,
            Reason::Bucket => {
                self.app.settings.transition == crate::rollout::settings::Transition::Navigate
                    && self.navigation
                    && matches!(standing, Some(Standing::Stable | Standing::Candidate))
                    && !(self.pin.left_candidate && standing == Some(Standing::Stable))
            }
            _ => false,
        }
    }
}

/// Apps with any releases on tracks and draining, any of them without endpoints.
fn apps() -> impl Strategy<Value = Arc<AppRoutes>> {
    let counts = prop::array::uniform5(0..4u8);
    let left = prop::collection::vec((1..=9u32, 0..4usize), 0..6);
    let mostly = || prop::bool::weighted(0.85);
    let present = (mostly(), mostly(), any::<bool>(), any::<bool>(), any::<bool>());
    let fields = (present, 0..=10_000u16, any::<bool>(), left, counts);
    fields.prop_map(|((stable, candidate, c, d, previous), hundredths, navigate, left, counts)| {
        let drains = [("c", 4, c), ("d", 6, d)].into_iter().filter(|(.., drains)| *drains);
        let mut draining: Vec<Value> = drains.map(|(name, tenure, _)| draining(name, tenure)).collect();
        draining.iter_mut().for_each(|release| release["served"] = json!(navigate));
        let reasons = ["drained", "abort", "rollback", "replaced"];
        let routed = [(stable, 7), (candidate, 8), (c, 4), (d, 6)];
        let is_routed = |tenure: u32| routed.contains(&(true, tenure));
        let left = left.iter().filter(|(tenure, _)| !is_routed(*tenure));
        let left: Vec<Value> =
            left.map(|(tenure, why)| json!({"tenure": tenure, "reason": reasons[*why]})).collect();
        let fields = json!({
            "stable": stable.then(|| stay("a", 7)), "candidate": candidate.then(|| stay("b", 8)),
            "blend": Blend::from_hundredths(hundredths).unwrap(), "draining": draining,
            "previous": previous.then(|| release("e")), "tenures": {"last": 9, "left": left},
        });
        let settings = json!({"transition": if navigate { "navigate" } else { "keep" }});
        let [a, b, c, d, e] = counts;
        app(fields, &settings, &[("a", a), ("b", b), ("c", c), ("d", d), ("e", e)])
    })
}

fn cases() -> impl Strategy<Value = Case> {
    let tenure = prop_oneof![3 => Just(7u32), 3 => Just(8), 4 => 0..=11u32];
    let pin = (0..bucket::BUCKETS, tenure, any::<usize>(), 0..4u32, 0..=63u8, any::<bool>());
    let health = (any::<u32>(), any::<bool>(), any::<bool>());
    (apps(), pin, health, any::<bool>(), any::<u64>()).prop_map(|(app, pin, health, navigation, seed)| {
        let (bucket, tenure, endpoint, hours_ago, moves, left_candidate) = pin;
        let (down, all_up, drain_over) = health;
        let tags: Vec<u32> = app.listed().flat_map(|r| &r.endpoints).map(|e| e.tag).chain([1]).collect();
        let slots = app.listed().flat_map(|release| &release.endpoints).map(|endpoint| endpoint.slot);
        let down = slots.filter(|slot| !all_up && down >> slot.0 & 1 == 1).collect();
        let endpoint = tags[endpoint % tags.len()];
        let pin = Pin { bucket, endpoint, moves, left_candidate, ..pin_of(tenure) };
        let health = Fake { down, drain_over, ..Fake::default() };
        Case { app, health, pin, navigation, hour: HOUR + hours_ago, seed }
    })
}

/// What every assignment must be, whatever was asked.
fn check_place(case: &Case, got: &Assignment) -> Result<(), TestCaseError> {
    let release = case.app.release(got.target.release);
    prop_assert!(release.standing != Standing::Previous, "previous is not routed");
    prop_assert!(got.target.endpoint.0 < release.endpoints.len(), "only listed endpoints");
    let slot = release.endpoint(got.target.endpoint).slot;
    let serving = release.endpoints.iter().filter(|endpoint| case.health.serves(endpoint.slot)).count();
    let ignores_health = release.standing == Standing::Stable && serving * 2 < release.endpoints.len();
    prop_assert!(case.health.serves(slot) || serving == 0 || ignores_health, "health is heeded");
    if let Some(pin) = pin_after(got) {
        prop_assert_eq!(pin.tenure, release.tenure);
        prop_assert_eq!(pin.endpoint, release.endpoint(got.target.endpoint).tag);
        prop_assert!(pin.bucket < bucket::BUCKETS);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn the_same_pin_and_table_are_the_same_release(case in cases(), other_seed: u64) {
        let pin = PinEvidence::Valid(case.pin);
        let decided = |seed| case.assign(pin, seed).map(|got| (got.target.release, got.reason, got.bounced));
        prop_assert_eq!(decided(case.seed), decided(other_seed));
    }

    #[test]
    fn a_client_moves_only_by_a_row_of_the_table(case in cases()) {
        let got = case.assign(PinEvidence::Valid(case.pin), case.seed);
        let Ok(got) = got else {
            let stable = case.app.stable.map_or(0, |stable| case.app.release(stable).endpoints.len());
            prop_assert_eq!(stable, 0, "503 without asking only where stable has no endpoint");
            return Ok(());
        };
        check_place(&case, &got)?;
        let after = pin_after(&got);
        if case.pin.tenure > case.app.tenures.last {
            prop_assert_eq!((got.reason, after), (Reason::Ahead, None));
            return Ok(());
        }
        let moved = case.app.release(got.target.release).tenure != case.pin.tenure;
        prop_assert_eq!(moved, !matches!(got.reason, Reason::Pin | Reason::RepinEndpoint));
        if let Some(after) = after {
            prop_assert_eq!((after.bucket, after.client), (case.pin.bucket, case.pin.client));
        }
        if moved {
            prop_assert!(case.allows(got.reason), "{:?}", got.reason);
            prop_assert!(got.reason == Reason::Bucket || Some(got.target.release) == case.app.stable);
            prop_assert!(matches!(got.pin, PinChange::Replace(_)));
            let after = after.unwrap();
            prop_assert_eq!(after.left_candidate, got.reason == Reason::Fallback);
            prop_assert_eq!(got.bounced, after.moves == 3);
        } else {
            prop_assert!(!got.bounced);
            prop_assert_eq!(after.is_none_or(|after| after.left_candidate == case.pin.left_candidate), true);
        }
    }

    #[test]
    fn a_pinned_endpoint_that_serves_is_kept(case in cases()) {
        let Ok(got) = case.assign(PinEvidence::Valid(case.pin), case.seed) else { return Ok(()) };
        let Some(release) = case.app.by_tenure(case.pin.tenure) else { return Ok(()) };
        let Some(endpoint) = case.app.release(release).by_tag(case.pin.endpoint) else { return Ok(()) };
        let serves = case.health.serves(case.app.release(release).endpoint(endpoint).slot);
        if serves && !matches!(got.reason, Reason::Drained | Reason::Bucket) {
            prop_assert_eq!((got.target.release, got.target.endpoint, got.reason), (release, endpoint, Reason::Pin));
        }
    }

    #[test]
    fn who_has_moved_does_not_bounce(case in cases()) {
        let mut case = case;
        // A navigation may take a client from a drained release to stable, and `navigate` take the next one on.
        for round in 0..3 {
            let Ok(got) = case.assign(PinEvidence::Valid(case.pin), case.seed + round) else { return Ok(()) };
            prop_assume!(got.reason != Reason::Ahead);
            let settled = round > 0 && got.reason == Reason::Pin;
            prop_assert!(round < 2 || settled, "round {}: {:?}", round, got);
            prop_assert!(round < 1 || settled || got.reason == Reason::Bucket, "round {}: {:?}", round, got);
            case.pin = pin_after(&got).unwrap_or(case.pin);
        }
    }

    #[test]
    fn a_shielded_client_is_on_stable_and_stays_there(case in cases(), pinned: bool, other_seed: u64) {
        let evidence = if pinned { PinEvidence::Valid(case.pin) } else { PinEvidence::None };
        let Ok(failed) = case.assign(evidence, case.seed) else { return Ok(()) };
        let mut draw = Drawn::new(case.seed);
        let got = assign_shield(&case.app, &case.asked(evidence), &failed, &case.health, &mut draw);
        let due = case.app.candidate == Some(failed.target.release)
            && case.app.stable.is_some_and(|stable| case.serves(stable));
        prop_assert_eq!(got.is_some(), due);
        let Some(got) = got else { return Ok(()) };
        check_place(&case, &got)?;
        prop_assert_eq!((Some(got.target.release), got.reason), (case.app.stable, Reason::Shielded));
        let Some(pin) = pin_after(&got) else {
            prop_assert_eq!(failed.reason, Reason::Ahead);
            return Ok(());
        };
        prop_assert!(pin.left_candidate);
        let was_elsewhere = pinned && case.pin.tenure != pin.tenure;
        prop_assert_eq!(got.bounced, was_elsewhere && pin.moves == 3);
        if pinned {
            prop_assert!(matches!(got.pin, PinChange::Replace(_)));
            prop_assert_eq!((pin.bucket, pin.client), (case.pin.bucket, case.pin.client));
            prop_assert!(was_elsewhere || pin.moves == case.pin.moves);
        }
        let again = RequestFacts { navigation: true, ..case.asked(PinEvidence::Valid(pin)) };
        let later = assign(&case.app, &again, &case.health, &mut Drawn::new(other_seed)).unwrap();
        prop_assert_eq!((Some(later.target.release), later.reason), (case.app.stable, Reason::Pin));
    }

    #[test]
    fn new_clients_go_by_bucket(case in cases(), evidence in 0..3usize) {
        let evidence = [PinEvidence::None, PinEvidence::Forged, PinEvidence::ForeignKey][evidence];
        let Ok(got) = case.assign(evidence, case.seed) else { return Ok(()) };
        check_place(&case, &got)?;
        let bucket = pin_after(&got).expect("a sticky app pins").bucket;
        let candidates = case.app.candidate.filter(|_| {
            bucket::is_candidates(bucket, case.app.bucket_offset, case.app.blend)
        });
        match candidates {
            Some(candidate) if case.serves(candidate) => prop_assert_eq!(got.target.release, candidate),
            Some(_) => prop_assert_eq!((Some(got.target.release), got.reason), (case.app.stable, Reason::Fallback)),
            None => prop_assert_eq!(Some(got.target.release), case.app.stable),
        }
        prop_assert_eq!(matches!(got.pin, PinChange::First(_)), evidence == PinEvidence::None);
    }

    #[test]
    fn siblings_are_all_other_releases_that_have_served(case in cases()) {
        let app = &case.app;
        for release in (0..app.releases.len()).map(ReleaseIndex) {
            let siblings: Vec<ReleaseIndex> = app.siblings(release).collect();
            let mut sorted = siblings.clone();
            sorted.sort_unstable();
            let meant: Vec<ReleaseIndex> = (0..app.releases.len()).map(ReleaseIndex).filter(|index| {
                let other = app.release(*index);
                let lit = other.standing != Standing::Candidate || app.blend > Blend::ZERO;
                *index != release && lit && other.served
            }).collect();
            prop_assert_eq!(sorted, meant);
            prop_assert!(app.stable.is_none_or(|stable| stable == release || siblings.first() == Some(&stable)));
        }
    }

    #[test]
    fn the_same_hash_is_the_same_place_and_another_endpoint_only_where_one_went(
        case in cases(), hash: u64, other_seed: u64, lost: u32,
    ) {
        let known = PinEvidence::Hashed(hash);
        let Ok(got) = case.assign(known, case.seed) else { return Ok(()) };
        check_place(&case, &got)?;
        prop_assert_eq!(got.pin, PinChange::Keep);
        let again = case.assign(known, other_seed).unwrap();
        prop_assert_eq!(got.target, again.target);
        let mut fewer = case.clone();
        let slots = case.app.listed().flat_map(|release| &release.endpoints).map(|endpoint| endpoint.slot);
        fewer.health.down.extend(slots.filter(|slot| lost >> slot.0 & 1 == 1));
        let slot = case.app.endpoint(got.target).slot;
        let Ok(later) = fewer.assign(known, case.seed) else { return Ok(()) };
        let endpoints = &case.app.release(got.target.release).endpoints;
        let serving = endpoints.iter().filter(|endpoint| fewer.health.serves(endpoint.slot)).count();
        // A stable release below half healthy tries every endpoint.
        if fewer.health.serves(slot) && serving * 2 >= endpoints.len() {
            prop_assert_eq!(got.target, later.target, "its endpoint still serves");
        }
    }

    #[test]
    fn any_cookie_bytes_are_routed(
        case in cases(),
        values in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..4),
        flips in prop::collection::vec((0..44usize, 0..8), 0..3),
    ) {
        let mut own = case.app.pins.encode(&case.pin).to_vec();
        flips.iter().for_each(|(at, bit)| own[*at] ^= 1u8 << *bit);
        let untouched = own == case.app.pins.encode(&case.pin).to_vec();
        let all = values.iter().map(Vec::as_slice).chain([own.as_slice()]);
        let evidence = all.fold(PinEvidence::None, |known, value| known.add(&case.app, value));
        prop_assert_eq!(evidence == PinEvidence::Valid(case.pin), untouched);
        if let Ok(got) = case.assign(evidence, case.seed) {
            check_place(&case, &got)?;
        }
    }

    #[test]
    fn raising_the_blend_only_adds_and_lowering_takes_back(
        low in 0..=10_000u16, more in 0..=10_000u16, seed: u64, bucket in 0..bucket::BUCKETS,
    ) {
        let at = |hundredths: u16| {
            let blend = Blend::from_hundredths(hundredths).unwrap();
            let fields = json!({"stable": stay("a", 1), "candidate": stay("b", 2), "blend": blend});
            app(fields, &json!({"transition": "navigate"}), &[("a", 1), ("b", 1)])
        };
        let (low, high) = (at(low.min(more)), at(low.max(more)));
        let first = |app: &AppRoutes| {
            let asked = asked(PinEvidence::None);
            assign(app, &asked, &Fake::default(), &mut Drawn::new(seed)).unwrap().target.release
        };
        prop_assert!(first(&low) <= first(&high));
        let pinned = |app: &AppRoutes, release: usize| {
            let pin = Pin { bucket, ..pin_to(app, release, 0) };
            assigned(app, &navigation(pin), &Fake::default()).target.release
        };
        for release in [0, 1] {
            prop_assert!(pinned(&low, release) <= pinned(&high, release));
            prop_assert_eq!(pinned(&low, release), pinned(&low, 1 - release), "by bucket alone");
        }
    }
}
