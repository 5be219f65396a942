//! What the endpoints of a release answered to its health check, and whether it may become stable with that.

use crate::{rollout::endpoint::Endpoint, schema::endpoint::EndpointAnswer};

/// Each endpoint with why its check failed; none: it passed. One by name stands for itself if it has no address. Ordered.
#[derive(Debug, Clone, Default)]
pub struct GateAnswers(Vec<(Endpoint, Option<String>)>);

impl GateAnswers {
    pub fn new(mut answers: Vec<(Endpoint, Option<String>)>) -> Self {
        answers.sort();
        Self(answers)
    }

    /// Why the release may not become stable; none: it may. At least half of its endpoints, and at least one, must pass.
    pub fn refusal(&self, release: &str) -> Option<String> {
        let passed = self.0.iter().filter(|(_, failure)| failure.is_none()).count();
        let (all, needed) = (self.0.len(), self.0.len().div_ceil(2).max(1));
        if passed >= needed {
            return None;
        }
        if all == 0 {
            return Some(format!("`{release}` has no endpoints"));
        }
        let said = |(endpoint, failure): &(Endpoint, Option<String>)| {
            format!("{endpoint} {}", failure.as_deref().unwrap_or("passed"))
        };
        let each: Vec<String> = self.0.iter().map(said).collect();
        let counts = format!("{passed} of {all} endpoints of `{release}` pass the health check");
        Some(format!("{counts}, and at least {needed} must: {}", each.join("; ")))
    }

    /// The same as the API gives it.
    pub fn to_answer(&self) -> Vec<EndpointAnswer> {
        let answer = |(endpoint, failure): &(Endpoint, Option<String>)| EndpointAnswer {
            address: endpoint.to_string(),
            passed: failure.is_none(),
            detail: failure.clone(),
        };
        self.0.iter().map(answer).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_endpoints_and_at_least_one_must_pass() {
        for (passed, all, allowed) in [
            (0, 0, false),
            (0, 1, false),
            (1, 1, true),
            (1, 2, true),
            (1, 3, false),
            (2, 3, true),
            (2, 4, true),
        ] {
            let answer = |n: u16| {
                let failure = (n >= passed).then(|| "refused the connection".to_owned());
                (Endpoint::Address(([10, 0, 0, 1], n).into()), failure)
            };
            let refusal = GateAnswers::new((0..all).map(answer).collect()).refusal("1.0");
            assert_eq!(refusal.is_none(), allowed, "{passed} of {all}");
            let names = |n: u16| refusal.as_ref().is_none_or(|text| text.contains(&format!("10.0.0.1:{n} ")));
            assert!((0..all).all(names), "{refusal:?}");
        }
    }
}
