//! Which endpoints of the candidate the failing sessions met: one bad endpoint of several is a matter for ejection, and not a
//! fault of the release.

use serde::{Deserialize, Serialize};

use super::{block::number, bound::ln_ways};
use crate::rollout::address::Address;

/// That chance alone brought so many failing sessions to one endpoint must be as unlikely as this.
const CHANCE_MOST: f64 = 0.01;

/// How many failing sessions of the candidate met one of its endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointFailures {
    /// The endpoint that failed them.
    pub endpoint: Address,
    /// How many sessions.
    pub failing: u64,
}

/// The endpoints of a candidate that failed sessions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FailingEndpoints {
    /// How many endpoints the candidate has.
    pub endpoints: u64,
    /// Those that failed a session, the one that failed the most first.
    pub failing: Vec<EndpointFailures>,
}

/// One endpoint that failed far more sessions than its share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadEndpoint {
    /// The endpoint.
    pub endpoint: Address,
    /// How many failing sessions met it,
    pub failing: u64,
    /// of how many in all,
    pub of: u64,
    /// and how many endpoints there are.
    pub endpoints: u64,
}

impl FailingEndpoints {
    /// Adds what one router has counted.
    pub fn add(&mut self, counted: &[EndpointFailures]) {
        for other in counted {
            match self.failing.iter_mut().find(|known| known.endpoint == other.endpoint) {
                Some(known) => known.failing += other.failing,
                None => self.failing.push(*other),
            }
        }
        self.failing.sort_unstable_by_key(|known| (std::cmp::Reverse(known.failing), known.endpoint));
    }

    /// The one endpoint of several that failed most of the sessions, where that is hardly by chance.
    pub fn bad_one(&self) -> Option<BadEndpoint> {
        let EndpointFailures { endpoint, failing } = *self.failing.first()?;
        let of = self.failing.iter().map(|known| known.failing).sum();
        let by_chance = number(self.endpoints) * tail(failing, of, self.endpoints);
        let is_bad = self.endpoints > 1 && failing * 2 > of && by_chance <= CHANCE_MOST;
        is_bad.then_some(BadEndpoint { endpoint, failing, of, endpoints: self.endpoints })
    }
}

impl BadEndpoint {
    /// "27 of 30 failing sessions met 10.0.0.3:80, one of 3 endpoints".
    pub fn words(&self) -> String {
        let Self { endpoint, failing, of, endpoints } = self;
        format!("{failing} of {of} failing sessions met {endpoint}, one of {endpoints} endpoints")
    }
}

/// The probability that at least `least` of `of` sessions meet one of so many endpoints, if each is met as often.
fn tail(least: u64, of: u64, endpoints: u64) -> f64 {
    let share = 1.0 / number(endpoints.max(2));
    let one =
        |count: u64| ln_ways(of, count) + number(count) * share.ln() + number(of - count) * (-share).ln_1p();
    (least..=of).map(|count| one(count).exp()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn met(endpoints: u64, counts: &[u64]) -> FailingEndpoints {
        let mut found = FailingEndpoints { endpoints, ..FailingEndpoints::default() };
        let counted = counts.iter().zip(1..).map(|(failing, port)| EndpointFailures {
            endpoint: Address::from(([10, 0, 0, 3], port)),
            failing: *failing,
        });
        found.add(&counted.collect::<Vec<_>>());
        found
    }

    #[test]
    fn one_endpoint_is_named_where_chance_does_not_explain_it() {
        let bad = met(3, &[2, 27, 1]).bad_one().unwrap();
        assert_eq!(bad.words(), "27 of 30 failing sessions met 10.0.0.3:2, one of 3 endpoints");
        assert!(met(3, &[6]).bad_one().is_some());
        assert_eq!(met(3, &[3]).bad_one(), None, "three sessions may meet one endpoint");
        assert_eq!(met(3, &[12, 9, 9]).bad_one(), None, "all are bad");
        assert_eq!(met(1, &[30]).bad_one(), None, "there is only one");
        assert_eq!(met(3, &[]).bad_one(), None);
    }

    #[test]
    fn several_routers_add_up_by_endpoint() {
        let mut all = met(3, &[5, 1]);
        all.add(&met(3, &[1, 9]).failing);
        let counts: Vec<(u16, u64)> =
            all.failing.iter().map(|met| (met.endpoint.tcp().unwrap().port(), met.failing)).collect();
        assert_eq!(counts, [(2, 10), (1, 6)]);
    }

    #[test]
    fn the_tail_is_that_of_the_binomial() {
        assert!((tail(3, 3, 3) - 1.0 / 27.0).abs() < 1e-12);
        assert!((tail(0, 9, 3) - 1.0).abs() < 1e-12);
    }
}
