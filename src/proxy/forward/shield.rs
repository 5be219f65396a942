//! Shielding: a request that the candidate failed is answered by stable (docs/design.md section 6).
//!
//! Whether stable takes it is decided before the candidate is given up on, so that an answer of the candidate's, or
//! the rest of its time, is never thrown away for nothing. Deliberately absent: any way from stable to the candidate.

use super::{charge, exchange::Exchange, failure::Failure};
use crate::{
    live::activity::standing_index,
    proxy::{
        downstream::Downstream,
        route::{self, Plan},
        worker::{coarse, local::RequestDraw},
    },
    rollout::assign::{Assignment, RequestFacts, assign_shield},
};

/// What shielding means for one request.
#[derive(Debug, Default)]
pub struct Shield {
    /// The candidate has it, and stable may get it.
    armed: bool,
    /// Its method only reads, so that it may be sent again after it was sent.
    reads: bool,
    /// Where in stable it goes, once stable has agreed to take it.
    agreed: Option<Assignment>,
}

impl Shield {
    /// For one request, as it was assigned.
    pub fn new(plan: &Plan) -> Self {
        let app = &plan.app.routes;
        if app.candidate != Some(plan.assignment.target.release) {
            return Self::default();
        }
        let covered = app.settings.shielding.covers(plan.marked(&plan.marks.target));
        let tested = plan.is_overridden();
        let method = plan.out.bytes.get(..plan.marks.method).unwrap_or_default();
        Self {
            armed: covered && !tested && app.stable.is_some(),
            reads: matches!(method, b"GET" | b"HEAD" | b"OPTIONS"),
            agreed: None,
        }
    }
}

impl<D: Downstream> Exchange<'_, D> {
    /// Whether stable may be asked what the candidate was: all of it is held, nothing was answered, and nothing was
    /// sent or the method only reads.
    pub(super) fn is_shielded(&self) -> bool {
        let progress = self.progress();
        self.shield.armed && progress.held && !progress.answered && (!progress.sent || self.shield.reads)
    }

    /// How long the endpoint may take to the first byte of its response, in ms.
    pub(super) fn first_byte_ms(&self) -> u64 {
        let most = self.worker.limits().first_byte_ms;
        if let Some(sibling) = self.sibling_first_byte_ms(self.upstream_at_ms()) {
            return most.min(sibling);
        }
        if self.shield.armed && self.is_shielded() {
            most.min(self.plan.app.routes.settings.shielding.first_byte_ms)
        } else {
            most
        }
    }

    /// Whether stable takes this request. It sheds shielded ones before its own: beyond their rate, and where it has
    /// no room at once. A request that it does not take it is not asked for again.
    pub(super) fn stable_agrees(&mut self) -> bool {
        if self.shield.agreed.is_none() && self.is_shielded() {
            self.shield.agreed = self.ask_stable();
            self.shield.armed = self.shield.agreed.is_some();
        }
        self.shield.agreed.is_some()
    }

    #[cold]
    fn ask_stable(&self) -> Option<Assignment> {
        let (worker, plan) = (self.worker, &self.plan);
        let request = RequestFacts { pin: plan.pin, navigation: plan.navigation, hour: route::hour() };
        let random = || worker.random();
        let mut draw = RequestDraw { app: &plan.app, random: &random };
        let to = assign_shield(&plan.app.routes, &request, &plan.assignment, plan.app.as_ref(), &mut draw);
        let to = to.filter(|to| {
            let endpoint = plan.app.endpoint(to.target);
            let most = worker.limits().endpoint_in_flight_max;
            most == 0 || endpoint.state.in_flight() < most && worker.queues.len(endpoint.route.slot) == 0
        });
        if to.is_none() {
            worker.counters().shields_denied_stable.add(1);
        } else if !worker.shared.shields.take(coarse::now_us()) {
            worker.counters().shields_denied_rate.add(1);
            return None;
        }
        to
    }

    /// The endpoint answered 502, 503 or 504, which is its failure. Gives the answer up if stable will be asked.
    #[cold]
    pub(super) fn doubt(&mut self, status: u16) -> Result<(), Failure> {
        let failure = Failure::Status(status);
        if self.stable_agrees() {
            return Err(failure);
        }
        charge(self, failure);
        Ok(())
    }

    /// Gives the request to stable, if stable takes it: the candidate is charged with an error, and the client moves.
    #[cold]
    pub(super) fn move_to_stable(&mut self) -> bool {
        if !self.stable_agrees() {
            return false;
        }
        let Some(assignment) = std::mem::take(&mut self.shield).agreed else { return false };
        let worker = self.worker;
        let cell = self.plan.release().state.cell(worker.index);
        cell.statuses[standing_index(Some(self.plan.standing()))][4].add(1);
        worker.counters().shielded.add(1);
        self.plan.assignment = assignment;
        route::count_shielded(worker, &self.plan);
        self.change_release();
        true
    }
}
