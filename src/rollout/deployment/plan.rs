//! What is done next for a deployment: a pure function of its record, of what its engine shows, and of the time.
//!
//! It looks at nothing but what is so. Who carries a deployment on after another router ended in the middle of a step finds the
//! container there or not, and goes on from that; so no step has to be undone, and none is done twice.

use std::collections::BTreeSet;

use super::{
    going::down,
    record::{Deployment, DesiredState},
    replacing::{held, recycle_step, settled},
    run::Run,
    state::State,
    step::{ContainerState, Observation, ObservedContainer, Step},
};

/// How long a container of a serving deployment that ended is left alone before it is started again, in ms: one that cannot live
/// does not keep its engine busy.
pub const RESTART_PAUSE_MS: u64 = 10_000;

/// Until when a deployment has to be up, Unix ms; none: it is up, or is not to be.
pub fn deadline(deployment: &Deployment, run: &Run) -> Option<u64> {
    let comes_up = deployment.wanted() == DesiredState::Serving && run.state != State::Failed && !run.is_up();
    comes_up.then_some(run.until)
}

/// What is done when its engine does not show what is so: nothing, until the time is over in which it has to be up.
pub fn step_unseen(deployment: &Deployment, run: &Run, now: u64, why: &str) -> Step {
    match deadline(deployment, run) {
        Some(until) if now >= until => {
            Step::Fail { reason: format!("it was not up after {} s: {why}", run.timeout_seconds) }
        }
        _ => Step::Wait,
    }
}

/// How long a deployment serves at least before it is parked, in ms: a rollback that has just started it needs a moment until its
/// release is stable.
pub const PARK_AFTER_MS: u64 = 15_000;

/// What is done next.
pub fn next_step(deployment: &Deployment, run: &Run, observed: &Observation) -> Step {
    let up = Up { run, observed, wanted: settled(run, deployment.replicas), held: held(run) };
    match deployment.desired {
        DesiredState::Serving if run.parked_at.is_some() && observed.is_routed => Step::Unpark,
        DesiredState::Serving if run.parked_at.is_some() => up.take_down(observed.is_expired),
        DesiredState::Serving if run.state == State::Failed => up.clean_up(),
        // Old scripts stop and remove what they have made.
        DesiredState::Serving if deployment.old.is_none() => up.park().unwrap_or_else(|| up.bring_up()),
        DesiredState::Serving => up.bring_up(),
        DesiredState::Stopped => up.take_down(false),
        DesiredState::Removed => up.take_down(true),
    }
}

struct Up<'a> {
    run: &'a Run,
    observed: &'a Observation,
    /// The containers that are to be endpoints.
    wanted: BTreeSet<u32>,
    /// Those of which a recycle alone says what becomes of them.
    held: BTreeSet<u32>,
}

impl Up<'_> {
    /// What follows from where its release is routed, once it serves.
    fn park(&self) -> Option<Step> {
        let Observation { is_stable, is_routed, now, .. } = *self.observed;
        let is_due = now >= self.run.served_since + PARK_AFTER_MS;
        if self.run.state != State::Serving {
            return None;
        }
        // Of a candidate that was aborted nobody is left either.
        let was_routed = self.run.was_stable || self.run.was_routed;
        match was_routed {
            _ if is_stable && !self.run.was_stable => Some(Step::NoteStable),
            false if is_routed => Some(Step::NoteRouted),
            true if !is_routed && is_due => Some(Step::Park),
            _ => None,
        }
    }

    fn bring_up(&self) -> Step {
        let is_up = self.run.is_up();
        if is_up && self.run.state != State::Serving {
            return Step::Enter { state: State::Serving };
        }
        if self.run.digest.is_none() {
            return self.unless_late(Step::Pull);
        }
        if let Some(step) = self.surplus().or_else(|| self.missing()) {
            return step;
        }
        if let Some(step) = recycle_step(self.run, self.observed).filter(|_| is_up) {
            return step;
        }
        if !is_up && self.run.state != State::Checking {
            return Step::Enter { state: State::Checking };
        }
        let waiting: Vec<(u32, &ObservedContainer)> = self.unregistered().collect();
        // Before the first is an endpoint all have to be well, so that what fails has changed nothing.
        let is_held = !is_up && waiting.iter().any(|(_, container)| container.fault.is_some());
        let ready = waiting.iter().find(|(_, container)| !is_held && container.fault.is_none());
        if let Some((number, address)) = ready.and_then(|(number, it)| Some((*number, it.address?))) {
            return Step::Register { number, address };
        }
        if let Some((number, container)) = waiting.first() {
            let why = waiting.iter().find_map(|(_, it)| it.fault.clone());
            let why = why.unwrap_or_else(|| format!("it has no address ({:?})", container.state));
            return match self.is_late() {
                true => Step::Fail {
                    reason: format!("the container {number} does not pass its health check in time: {why}"),
                },
                false => Step::Wait,
            };
        }
        if self.run.candidate.as_ref().is_some_and(|wish| !wish.is_set) {
            return Step::SetCandidate;
        }
        if self.run.state == State::Serving { Step::Wait } else { Step::Enter { state: State::Serving } }
    }

    /// What there is beyond what is wanted: the highest numbers go, each out of the endpoints first.
    fn surplus(&self) -> Option<Step> {
        let number = self
            .numbers()
            .filter(|number| !self.wanted.contains(number) && !self.held.contains(number))
            .max()?;
        Some(self.down(number, true).unwrap_or(Step::Wait))
    }

    /// What is not running of what is wanted.
    fn missing(&self) -> Option<Step> {
        self.wanted.iter().copied().find_map(|number| match self.observed.containers.get(&number) {
            // An address that nobody answers at may be somebody else's tomorrow.
            None if self.run.may_be_registered(number) => Some(Step::Unregister { number }),
            None => Some(self.unless_late(Step::Create { number })),
            Some(container) => self.not_running(number, container),
        })
    }

    fn not_running(&self, number: u32, container: &ObservedContainer) -> Option<Step> {
        let start = Step::Start { number };
        match container.state {
            ContainerState::Created => Some(self.unless_late(start)),
            ContainerState::Running => {
                let moved = self.run.registered.get(&number).is_some_and(|at| container.address != Some(*at));
                moved.then_some(Step::Unregister { number })
            }
            ContainerState::Exited { code } => Some(match self.run.started.get(&number) {
                // It was stopped, and starts again.
                None => self.unless_late(start),
                // Whether it was started is not known: the router ended before it said so.
                Some(_) if self.run.intent == Some(start.clone()) => start,
                Some(at) if self.run.is_up() => {
                    let is_due = self.observed.now >= at + RESTART_PAUSE_MS;
                    match self.run.may_be_registered(number) {
                        true => Step::Unregister { number },
                        false if is_due => start,
                        false => return None,
                    }
                }
                Some(at) if container.may_have_ended_with_its_engine(*at) => self.unless_late(start),
                Some(_) => Step::Fail { reason: format!("the container {number} ended with code {code}") },
            }),
        }
    }

    /// The wanted containers that run and are no endpoints yet.
    fn unregistered(&self) -> impl Iterator<Item = (u32, &ObservedContainer)> {
        let wanted = self.observed.containers.iter().map(|(number, it)| (*number, it));
        let wanted = wanted.filter(|(number, _)| self.wanted.contains(number));
        wanted.filter(|(number, it)| {
            it.state == ContainerState::Running && !self.run.registered.contains_key(number)
        })
    }

    /// What is left of a deployment that failed goes, unless somebody has set it on a track meanwhile.
    fn clean_up(&self) -> Step {
        if self.observed.is_routed {
            return Step::Wait;
        }
        self.numbers().max().and_then(|number| self.down(number, true)).unwrap_or(Step::Wait)
    }

    fn take_down(&self, removes: bool) -> Step {
        let is_down = matches!(self.run.state, State::Draining | State::Stopped);
        if !is_down && self.run.state != State::Failed {
            return Step::Enter { state: State::Draining };
        }
        // Whoever is pinned to it stays until its drain is over.
        if self.observed.is_routed {
            return Step::Wait;
        }
        let mut numbers: Vec<u32> = self.numbers().collect();
        numbers.sort_unstable_by(|one, other| other.cmp(one));
        if let Some(step) = numbers.into_iter().find_map(|number| self.down(number, removes)) {
            return step;
        }
        match (removes, self.run.state) {
            (true, _) if self.observed.prunes_image && !self.run.image_removed => Step::RemoveImage,
            (true, _) => Step::Forget,
            (false, State::Stopped) => Step::Wait,
            (false, _) => Step::Enter { state: State::Stopped },
        }
    }

    fn down(&self, number: u32, removes: bool) -> Option<Step> {
        down(self.run, self.observed, number, removes)
    }

    /// The numbers of all containers, also of those that are endpoints and gone, and of those that may have been made.
    fn numbers(&self) -> impl Iterator<Item = u32> {
        let kept = self.run.kept.iter().filter(|_| !self.observed.is_routed);
        let endpoints = self.run.registered.keys().chain(&self.run.unsettled).chain(kept);
        self.observed.containers.keys().chain(endpoints).chain(self.run.engines.keys()).copied()
    }

    /// A step that brings it up, unless the time for that is over.
    fn unless_late(&self, step: Step) -> Step {
        if !self.is_late() {
            return step;
        }
        Step::Fail { reason: format!("it was not up after {} s: still to {step}", self.run.timeout_seconds) }
    }

    fn is_late(&self) -> bool {
        !self.run.is_up() && self.observed.now >= self.run.until
    }
}
