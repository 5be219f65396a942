//! Waiting until the router knows what the model knows at once: whose endpoints answer, which drains are over; and then holding
//! its state against the model's.

use super::client::{Client, is_at};
use super::routing::Evidence;
use super::steps::Kind;
use super::world::{Outcomes, World, name, state_of};
use serde_json::Value;
use support::clock::{PATIENCE, within};
use support::router::id;

impl World {
    /// The app's state says what the model says.
    pub(super) fn compare_state(&self) -> Outcomes {
        let (state, model) = (state_of(&self.api), &self.model);
        let track = |track: &str| {
            let stay = &state[track];
            (!stay.is_null())
                .then(|| (stay["id"].as_str().unwrap_or_default().to_owned(), stay["tenure"].as_u64()))
        };
        let stay = |stay: (usize, u32)| (id(&name(stay.0)), Some(u64::from(stay.1)));
        let draining: Vec<_> = state["draining"].as_array().into_iter().flatten().collect();
        let draining: Vec<_> = draining
            .iter()
            .map(|stay| (stay["id"].as_str().unwrap_or_default().to_owned(), stay["tenure"].as_u64()))
            .collect();
        let blend = state["blend"].as_f64().unwrap_or(-1.0);
        let same = track("stable") == model.stable.map(stay)
            && track("candidate") == model.candidate.map(stay)
            && draining == model.draining.iter().copied().map(stay).collect::<Vec<_>>()
            && (blend - f64::from(model.blend) / 100.0).abs() < 0.001
            && state["sticky"].as_bool() == Some(model.sticky)
            && state["previous"]["id"].as_str().map(str::to_owned)
                == model.previous.map(|release| id(&name(release)));
        if same {
            return Ok(());
        }
        let parts = ["stable", "candidate", "draining", "blend", "sticky", "previous"]
            .map(|part| brief(&state[part]));
        Err(format!("the state is {parts:?}, not {}", model.told()))
    }

    /// Waits until the router knows which endpoints answer.
    pub(super) fn settle_health(&mut self) -> Outcomes {
        let doubtful = self.model.routed().any(|stay| self.model.down(stay.0).next().is_some());
        if !doubtful && self.doubted().is_empty() {
            return Ok(());
        }
        if within(PATIENCE, || self.doubted().is_empty()) {
            return Ok(());
        }
        Err(format!("these are not told apart from what they are: {:?}", self.doubted()))
    }

    /// Endpoints that the router believes to serve and do not, or the other way round.
    pub(super) fn doubted(&self) -> Vec<(usize, usize)> {
        let metrics = self.api.metrics();
        let healthy = |release: usize, number: usize| {
            let address = self.sites[&(release, number)].address.to_string();
            metrics.sum("rolling_endpoint_healthy", &[("release", &name(release)), ("address", &address)])
                > 0.5
        };
        let routed: Vec<usize> = self.model.routed().map(|stay| stay.0).collect();
        let wrong = routed.into_iter().flat_map(|release| {
            let up = self.model.serving(release).filter(move |number| !healthy(release, *number));
            let down = self.model.down(release).filter(move |number| healthy(release, *number));
            up.chain(down).map(move |number| (release, number)).collect::<Vec<_>>()
        });
        wrong.collect()
    }

    /// Waits until the router has looked at its deadlines: a client of each draining release asks, without taking the cookie
    /// that it may get, until it goes where the model says.
    pub(super) fn settle_drains(&mut self) -> Outcomes {
        for (_, tenure) in self.model.draining.clone() {
            let pinned =
                |client: &Client| matches!(client.evidence, Evidence::Valid(pin) if pin.tenure == tenure);
            let Some(at) = self.clients.iter().position(pinned).filter(|_| self.model.sticky) else {
                continue;
            };
            let evidence = self.clients[at].evidence;
            let allowed = self.model.route(evidence, Kind::Navigation);
            let reached = within(PATIENCE, || {
                let answer = self.ask(at, Kind::Navigation, "probe");
                answer.is_ok_and(|answer| allowed.iter().any(|outcome| is_at(*outcome, &answer)))
            });
            if !reached {
                return Err(format!("a client of tenure {tenure} does not come to {allowed:?}"));
            }
        }
        Ok(())
    }
}

/// A part of the state, without what is counted.
fn brief(part: &Value) -> String {
    match part {
        Value::Array(parts) => format!("{:?}", parts.iter().map(brief).collect::<Vec<_>>()),
        Value::Object(stay) => format!("{} {}", stay["release"], stay.get("tenure").unwrap_or(&Value::Null)),
        other => other.to_string(),
    }
}
