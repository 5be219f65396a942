//! Endpoints that a recycle replaces: each of their clients moves once, and when it navigates.

use std::collections::BTreeSet;

use super::*;

/// Endpoints of `a` at place 1: the first drains softly, it and the second are to be replaced, the third is new.
fn recycled(count: u8) -> Arc<AppRoutes> {
    let at = |number: u32| format!("10.0.1.{number}:80");
    let drain = json!({"release": release("a"), "address": at(0), "since": 1, "until": 2, "softly": true});
    let recycle = json!({"release": release("a"), "outgoing": [at(0), at(1)]});
    let fields = json!({"stable": stay("a", 1), "endpoint_drains": [drain], "recycles": [recycle]});
    app(fields, &json!({}), &[("a", count)])
}

#[test]
fn a_soft_drain_moves_a_client_when_it_navigates_and_once() {
    let app = recycled(4);
    let pin = pin_to(&app, 0, 0);
    let request = asked(PinEvidence::Valid(pin));
    for navigation in [false, true] {
        let mut to = BTreeSet::new();
        for seed in 0..200 {
            let request = RequestFacts { navigation, ..request };
            let got = assign(&app, &request, &Fake::default(), &mut Drawn::new(seed)).unwrap();
            to.insert(got.target.endpoint.0);
        }
        let expected: &[usize] = if navigation { &[2, 3] } else { &[0] };
        assert_eq!(to.into_iter().collect::<Vec<_>>(), expected, "navigation: {navigation}");
    }
    // Once its time is over, any request moves it; and nobody new comes to it.
    let over = Fake { endpoint_over: [app.releases[0].endpoints[0].slot].into(), ..Fake::default() };
    for seed in 0..200 {
        let got = assign(&app, &request, &over, &mut Drawn::new(seed)).unwrap();
        assert!(got.target.endpoint.0 >= 2, "{got:?}");
        let got = assign(&app, &asked(PinEvidence::None), &Fake::default(), &mut Drawn::new(seed)).unwrap();
        assert_ne!(got.target.endpoint.0, 0);
    }
    // One that does not serve keeps nobody, and whoever has left it goes to none that goes too.
    let down = Fake { down: [app.releases[0].endpoints[0].slot].into(), ..Fake::default() };
    for seed in 0..200 {
        let got = assign(&app, &request, &down, &mut Drawn::new(seed)).unwrap();
        assert!(got.target.endpoint.0 >= 2, "{got:?}");
    }
    for request in [asked(PinEvidence::Valid(pin_to(&app, 0, 1))), navigation(pin_to(&app, 0, 1))] {
        assert_eq!(assigned(&app, &request, &Fake::default()).target.endpoint.0, 1, "its turn has not come");
    }
}

#[test]
fn where_no_new_endpoint_serves_a_soft_drain_keeps_its_clients_until_its_end() {
    let app = recycled(3);
    let slot = |at: usize| app.releases[0].endpoints[at].slot;
    let navigates = navigation(pin_to(&app, 0, 0));
    let none = Fake { down: [slot(2)].into(), ..Fake::default() };
    let to = |health: &Fake| assign(&app, &navigates, health, &mut Drawn::new(1)).unwrap().target.endpoint.0;
    assert_eq!(to(&none), 0);
    assert_eq!(to(&Fake { endpoint_over: [slot(0)].into(), ..none }), 1, "then the next best");
}
