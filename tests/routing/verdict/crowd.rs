//! A crowd: clients of many networks that come one after the other, as fast as they are answered.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use support::clock::within;
use support::{Endpoint, Reply, Router, Visitor, router, scripted};

/// Some of the router's looks, of which there is one each second at least.
const LOOKS: Duration = Duration::from_secs(10);

/// Clients that come one after the other, each from a network of its own.
pub struct Crowd {
    front: SocketAddr,
    host: String,
    came: u16,
}

impl Crowd {
    /// Of a router.
    pub fn of(router: &Router) -> Self {
        Self { front: router.front, host: router.host.clone(), came: 0 }
    }

    /// The next client.
    pub fn next(&mut self) -> Visitor {
        self.came += 1;
        let [high, low] = self.came.to_be_bytes();
        Visitor::from(self.front, &self.host, [127, 100 + high, low, 1])
    }

    /// So many clients come, and each asks for these pages; how many of them met a 5xx.
    pub fn come(&mut self, clients: usize, pages: &[&str]) -> usize {
        let mut met_failure = |_| {
            let mut client = self.next();
            pages.iter().filter(|page| client.try_get(page).is_ok_and(|v| v.response.status >= 500)).count()
                > 0
        };
        (0..clients).filter(|at| met_failure(*at)).count()
    }

    /// Clients come until a condition holds, at most so many, and a few looks of the router later; how many came.
    pub fn come_until(
        &mut self,
        most: usize,
        pages: &[&str],
        router: &Router,
        mut so: impl FnMut() -> bool,
    ) -> usize {
        for came in (10..=most).step_by(10) {
            self.come(10, pages);
            if so() {
                return came;
            }
        }
        // They may have come faster than the router looks.
        assert!(within(LOOKS, so), "not so after {most} clients: {}", verdict(router));
        most
    }
}

/// An endpoint that fails every request with this status, in the name of `v2`.
pub fn failing(status: &'static str) -> Endpoint {
    scripted(move |_| Reply::response(status, &[("X-Release", "v2")], "sorry"))
}

/// Stable `v1`, and a candidate `v2` at this blend, judged by these settings.
pub fn judged(candidate: Endpoint, blend: u32, verdict: &Value) -> support::RouterBuilder {
    let settings = json!({ "verdict": verdict }).to_string();
    let builder = router().stable("v1").candidate_on("v2", vec![candidate]).blend(blend);
    builder.key("rolling/hello/settings", &settings)
}

/// What the router says of the candidate.
pub fn verdict(router: &Router) -> Value {
    router.api().get("verdict").expect(200).json()
}

/// Whether there is no candidate any more.
pub fn is_dropped(router: &Router) -> bool {
    router.api().state()["candidate"].is_null()
}

/// The newest event of the app's history.
pub fn newest(router: &Router) -> Value {
    router.api().get("history?limit=1").expect(200).json()["events"][0].clone()
}
