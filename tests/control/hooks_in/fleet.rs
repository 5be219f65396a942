//! Several routers on one store, and one delivery that reaches all of them: it counts once.

use serde_json::json;
use std::sync::Barrier;
use support::router::token;
use support::{eventually, router};

use super::{deliver, made, push, stage};

#[test]
fn a_delivery_that_reaches_every_router_counts_once() {
    let (first, endpoint) = stage();
    let second = router().store(&format!("http://:{}@{}", token("admin"), first.admin)).start();
    eventually("the other router knows the hook", || {
        second.api().call("GET", "/api/v1/hooks-in/shop", None).status() == 200
    });
    for round in 0..5 {
        let body = push(&format!("v{round}.0"), &endpoint);
        let start = Barrier::new(6);
        let answers: Vec<_> = std::thread::scope(|scope| {
            let senders: Vec<_> = (0..6)
                .map(|n| {
                    let (start, body, router) = (&start, &body, if n % 2 == 0 { &first } else { &second });
                    scope.spawn(move || {
                        start.wait();
                        deliver(router, "push", body)
                    })
                })
                .collect();
            senders.into_iter().map(|sender| sender.join().expect("it is answered")).collect()
        });
        let fresh = answers.iter().filter(|answer| answer.json()["repeated"] == false).count();
        let texts: Vec<_> = answers.iter().map(|answer| answer.response.text()).collect();
        assert_eq!(fresh, 1, "{texts:?}");
        assert!(answers.iter().all(|answer| matches!(answer.status(), 200 | 202)), "{texts:?}");
        let release = made(&format!("v{round}.0"));
        assert_eq!(first.api().state()["candidate"]["id"], json!(release));
        first.api().post("abort", &json!({})).expect(200);
        eventually("the other router knows what came of it", || {
            let again = deliver(&second, "push", &body);
            again.json()["repeated"] == true && again.status() == 200
        });
        assert_eq!(first.api().state()["candidate"]["id"], json!(null));
    }
}
