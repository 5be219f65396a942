//! Requests that testers send to a release of their choice.

use super::*;

fn sent(app: &AppRoutes, release: usize, affinity: Option<u64>, health: &Fake) -> Assignment {
    let assignment =
        assign_override(app, ReleaseIndex(release), affinity, health, &mut Drawn::new(3)).unwrap();
    assert_eq!((assignment.reason, assignment.pin), (Reason::Override, PinChange::Keep));
    assert!(!assignment.bounced);
    assignment
}

#[test]
fn a_tester_gets_the_release_whatever_its_health() {
    let app = two_tracks(0.0);
    for release in [0, 1] {
        assert_eq!(sent(&app, release, None, &Fake::default()).target.release.0, release);
        assert_eq!(sent(&app, release, Some(7), &Fake::without(&app, &[0, 1])).target.release.0, release);
    }
    let endpoint = &app.releases[1].endpoints[0];
    let half = Fake { down: HashSet::from([endpoint.slot]), ..Fake::default() };
    for affinity in [None, Some(1), Some(2), Some(3)] {
        assert_eq!(sent(&app, 1, affinity, &half).target.endpoint.0, 1);
    }
}

#[test]
fn one_grant_keeps_to_one_endpoint_and_grants_spread() {
    let fields = json!({"stable": stay("a", 1)});
    let app = app(fields, &json!({}), &[("a", 5)]);
    let mut counts = [0; 5];
    for affinity in 0..500 {
        let first = sent(&app, 0, Some(affinity), &Fake::default()).target.endpoint.0;
        counts[first] += 1;
        assert_eq!(sent(&app, 0, Some(affinity), &Fake::default()).target.endpoint.0, first);
        let other = &app.releases[0].endpoints[(first + 1) % 5];
        let without = Fake { down: HashSet::from([other.slot]), ..Fake::default() };
        assert_eq!(
            sent(&app, 0, Some(affinity), &without).target.endpoint.0,
            first,
            "another one's end moves nobody"
        );
    }
    assert!(counts.iter().all(|count| *count > 50), "{counts:?}");
}

#[test]
fn a_release_without_endpoints_answers_nobody() {
    let app = app(json!({"stable": stay("a", 1)}), &json!({}), &[]);
    assert!(assign_override(&app, ReleaseIndex(0), Some(1), &Fake::default(), &mut Drawn::new(1)).is_err());
}
