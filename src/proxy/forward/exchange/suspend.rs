//! Suspending an attempt while another one is made beside it, for a race between two releases.

use std::{mem::swap, rc::Rc};

use super::{
    open::OpenCount,
    state::{Exchange, PausedAttempt},
};
use crate::{
    proxy::{
        downstream::Downstream,
        forward::{failure::Failure, raceable::may_race},
        worker::{coarse, slow_paths::SlowPath},
    },
    rollout::{
        address::Address,
        assign::{Assignment, PinEvidence},
        settings::Timeout,
    },
};

/// An attempt that goes on later, with all that is its own.
pub struct SuspendedAttempt<'a> {
    /// Where it goes, and why.
    pub assignment: Assignment,
    /// When it was suspended first, monotonic microseconds.
    pub suspended_us: u64,
    attempt: PausedAttempt,
    open: OpenCount<'a>,
    endpoint: Option<Address>,
    upstream_at_ms: u64,
    asked_at_ms: u64,
    races: bool,
}

impl<'a, D: Downstream> Exchange<'a, D> {
    /// Whether the silence of the candidate is the time to ask stable as well. If it is not, the candidate has all of its time.
    #[cold]
    pub(super) fn begins_race(&mut self) -> bool {
        if self.shield.silence_ms(&self.plan, self.send_state()).is_none() {
            return false;
        }
        let slow = self.worker.shared.slow_paths.knows(self.slow_path(), coarse::now_ms());
        let begins =
            !slow && may_race(&self.plan, &mut self.worker.lines.borrow_mut()) && self.stable_agrees();
        self.shield.be_patient();
        begins
    }

    /// What is remembered of this request if the candidate is slow and right.
    pub fn slow_path(&self) -> SlowPath {
        let (plan, routes) = (&self.plan, &self.plan.app.routes);
        let tenure = routes.release(plan.assignment.target.release).tenure;
        let method = plan.out.bytes.get(..plan.marks.method).unwrap_or_default();
        self.worker.shared.slow_paths.path(
            routes.name.as_str(),
            tenure,
            method,
            plan.marked(&plan.marks.target),
        )
    }

    /// A number that tells clients apart.
    pub fn client_number(&self) -> u64 {
        use std::hash::{DefaultHasher, Hash as _, Hasher as _};
        match self.plan.pin {
            PinEvidence::Valid(pin) => pin.client,
            PinEvidence::Hashed(hash) => hash,
            _ => {
                let mut hasher = DefaultHasher::new();
                self.plan.client.address.hash(&mut hasher);
                hasher.finish()
            }
        }
    }

    /// When the endpoint is too late for good, monotonic ms.
    pub fn late_at_ms(&self) -> u64 {
        self.upstream_at_ms.saturating_add(self.timeout(Timeout::FirstByte))
    }

    /// Suspends this attempt. Another one begins, that is assigned to stable and whose answer is taken only if it is good.
    pub fn suspend(&mut self, assignment: Assignment) -> SuspendedAttempt<'a> {
        let mut other = SuspendedAttempt {
            assignment,
            suspended_us: coarse::now_us(),
            attempt: self.pause(),
            open: OpenCount::to(self.worker, self.plan.app.release(assignment.target.release)),
            endpoint: Some(self.plan.app.endpoint(assignment.target).route.address),
            upstream_at_ms: coarse::now_ms(),
            asked_at_ms: coarse::now_ms(),
            races: true,
        };
        // The paused attempt is this one's; the other begins with what `pause` has left here.
        swap(&mut self.upload, &mut other.attempt.upload);
        swap(&mut self.download, &mut other.attempt.download);
        self.swap(&mut other);
        other
    }

    /// Goes on with the other attempt, and suspends this one.
    pub fn swap(&mut self, other: &mut SuspendedAttempt<'a>) {
        swap(&mut self.plan.assignment, &mut other.assignment);
        swap(&mut self.upload, &mut other.attempt.upload);
        swap(&mut self.download, &mut other.attempt.download);
        swap(&mut self.open, &mut other.open);
        swap(&mut self.outcome.endpoint, &mut other.endpoint);
        swap(&mut self.upstream_at_ms, &mut other.upstream_at_ms);
        swap(&mut self.asked_at_ms, &mut other.asked_at_ms);
        swap(&mut self.races, &mut other.races);
        self.down.deadline().bind_to(Rc::clone(self.plan.release()), self.plan.assignment.target.endpoint);
    }

    /// Only this attempt is left, so any answer of it is taken.
    pub fn end_race(&mut self) {
        self.races = false;
    }

    /// In a race, refuses an answer of stable that is no better than the candidate's silence.
    pub(super) fn check_race(&self, status: u16) -> Result<(), Failure> {
        let good = (100..400).contains(&status);
        if self.races && !good { Err(Failure::Status(status)) } else { Ok(()) }
    }
}
