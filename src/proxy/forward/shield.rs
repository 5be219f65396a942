//! Shielding: stable answers a request that the candidate failed (docs/design.md section 6).
//!
//! Stable is asked whether it takes the request before the candidate is given up on, so that an answer of the candidate, or
//! the rest of its time, is never thrown away for nothing. Deliberately absent: any way from stable to the candidate.

use super::failure::{Failure, SendState};
use crate::{
    proxy::{
        route::{self, Plan},
        worker::{Worker, coarse, local::RequestDraw},
    },
    rollout::assign::{Assignment, RequestFacts, assign_shield},
};

/// What shielding means for one request.
#[derive(Debug, Default)]
pub struct Shield {
    /// The candidate has the request, and stable may get it.
    armed: bool,
    /// The method only reads, so the request may be sent again after it was sent.
    reads: bool,
    /// The candidate has all of its time: its silence is no reason to ask stable.
    patient: bool,
    /// The assignment to stable, once stable has agreed to take the request. Boxed, since that is rare.
    agreed: Option<Box<Assignment>>,
}

impl Shield {
    /// For one request, as it was assigned.
    pub fn new(plan: &Plan) -> Self {
        let routes = &plan.app.routes;
        if routes.candidate != Some(plan.assignment.target.release) {
            return Self::default();
        }
        let covered = routes.settings.shielding.covers(plan.marked(&plan.marks.target));
        let tested = plan.is_overridden();
        let method = plan.out.bytes.get(..plan.marks.method).unwrap_or_default();
        Self {
            armed: covered && !tested && routes.stable.is_some(),
            reads: matches!(method, b"GET" | b"HEAD" | b"OPTIONS"),
            patient: false,
            agreed: None,
        }
    }

    /// Whether stable may be asked what the candidate was: all of the request is held, nothing was answered, and nothing
    /// was sent or the method only reads.
    pub fn covers(&self, state: SendState) -> bool {
        self.armed && state.held && !state.answered && (!state.sent || self.reads)
    }

    /// Whether a failure of the candidate leads to stable. Its time-out does not if the request must not be sent twice, or was
    /// in a race.
    pub fn answers(&self, failure: Failure, state: SendState) -> bool {
        self.covers(state) && failure.worth_shielding() && !(self.patient && failure == Failure::FirstByte)
    }

    /// For how long the candidate may be silent before stable is asked as well, in ms; `None` where it is not.
    pub fn silence_ms(&self, plan: &Plan, state: SendState) -> Option<u64> {
        let asks = !self.patient && self.covers(state);
        asks.then(|| plan.app.routes.settings.shielding.first_byte_ms)
    }

    /// From now on the candidate's silence is no reason to ask stable.
    pub fn be_patient(&mut self) {
        self.patient = true;
    }

    /// Stable still takes this request if the candidate fails it.
    pub fn restore(&mut self, agreed: Assignment) {
        *self = Self { armed: true, reads: true, patient: true, agreed: Some(Box::new(agreed)) };
    }

    /// Whether stable takes this request. A request that stable declined is not offered to it again.
    pub fn stable_agrees(&mut self, worker: &Worker, plan: &Plan, state: SendState) -> bool {
        if self.agreed.is_none() && self.covers(state) {
            self.agreed = ask_stable(worker, plan).map(Box::new);
            self.armed = self.agreed.is_some();
        }
        self.agreed.is_some()
    }

    /// The assignment that stable has agreed to. The shield is used up by it.
    pub fn take_agreed(&mut self) -> Option<Assignment> {
        std::mem::take(self).agreed.map(|agreed| *agreed)
    }
}

/// Asks stable. It declines shielded requests before its own: beyond their rate, and where it has no room at once.
#[cold]
fn ask_stable(worker: &Worker, plan: &Plan) -> Option<Assignment> {
    let (pin, navigation, seconds) = (plan.pin, plan.navigation, route::seconds());
    let facts = RequestFacts { pin, navigation, seconds, ..RequestFacts::default() };
    let random = || worker.random();
    let mut draw = RequestDraw { app: &plan.app, random: &random };
    let to = assign_shield(&plan.app.routes, &facts, &plan.assignment, plan.app.as_ref(), &mut draw);
    let to = to.filter(|to| worker.has_room_at_once(plan.app.endpoint(to.target)));
    if to.is_none() {
        worker.counters().shields_denied_stable.add(1);
    } else if !worker.shared.shields.take(coarse::now_us()) {
        worker.counters().shields_denied_rate.add(1);
        return None;
    }
    to
}
