//! What a recycle does next: the new container comes up, is registered, and only then the old one drains, leaves and is removed.
//! Where both want one port of their host, the old one goes first.

use std::collections::BTreeSet;

use super::{
    going::down,
    recycle::{Recycle, Swap},
    run::Run,
    step::{ContainerState, Observation, Step},
};

/// The next step of a recycle; none: nothing is to be done for it now.
pub(super) fn recycle_step(run: &Run, observed: &Observation) -> Option<Step> {
    let recycle = run.recycling()?;
    if recycle.failure.is_none() && recycle.digest.is_none() {
        return Some(match observed.now >= recycle.since + patience_ms(run) {
            false => Step::PullAnew,
            true => Step::FailRecycle { number: 0, reason: "the image was not there in time".to_owned() },
        });
    }
    if recycle.failure.is_none() && !recycle.is_begun {
        return Some(Step::BeginRecycle);
    }
    let mut swaps = in_hand(run, recycle).peekable();
    if swaps.peek().is_none() {
        return Some(Step::EndRecycle);
    }
    let step = |swap| Replacing { run, recycle, swap, observed }.step();
    swaps.filter_map(step).find(|step| *step != Step::Wait)
}

/// The containers that are to run as endpoints, whatever a recycle has begun, and those that it is about to replace.
pub(super) fn settled(run: &Run, replicas: u32) -> BTreeSet<u32> {
    let mut settled = run.wanted(replicas);
    let Some(recycle) = run.recycling() else { return settled };
    for swap in recycle.swaps.iter().filter(|swap| !swap.is_done) {
        let goes_first = recycle.stops_first && recycle.failure.is_none() && swap.drains_until.is_some();
        if swap.is_in || goes_first {
            settled.remove(&swap.old);
        }
        if swap.is_in {
            settled.insert(swap.new);
        }
    }
    settled
}

/// The containers that a recycle has in hand: it alone says what becomes of them.
pub(super) fn held(run: &Run) -> BTreeSet<u32> {
    let swaps = run.recycling().into_iter().flat_map(|recycle| in_hand(run, recycle));
    swaps.flat_map(|swap| [swap.old, swap.new]).collect()
}

/// The swaps that are carried out now: as many as may be, and after a failure those of which something new is there.
fn in_hand<'a>(run: &'a Run, recycle: &'a Recycle) -> impl Iterator<Item = &'a Swap> {
    let has_failed = recycle.failure.is_some();
    let open = recycle.swaps.iter().filter(|swap| !swap.is_done).take(recycle.parallel.max(1) as usize);
    open.filter(move |swap| !has_failed || swap.is_in || run.engines.contains_key(&swap.new))
}

fn patience_ms(run: &Run) -> u64 {
    u64::from(run.timeout_seconds) * 1_000
}

struct Replacing<'a> {
    run: &'a Run,
    recycle: &'a Recycle,
    swap: &'a Swap,
    observed: &'a Observation,
}

impl Replacing<'_> {
    fn step(&self) -> Option<Step> {
        if self.swap.is_in {
            return self.take_old_out().or_else(|| Some(self.remove_old()));
        }
        if self.recycle.failure.is_some() {
            return down(self.run, self.observed, self.swap.new, true);
        }
        let frees_port =
            || self.take_old_out().or_else(|| down(self.run, self.observed, self.swap.old, false));
        match self.recycle.stops_first {
            true => frees_port().or_else(|| self.bring_new()),
            false => self.bring_new(),
        }
    }

    /// The old one leaves the endpoints: softly, as long as somebody is there and there is time.
    fn take_old_out(&self) -> Option<Step> {
        let number = self.swap.old;
        if self.swap.is_in && self.run.kept.contains(&number) {
            // As long as it is the only endpoint it stays one.
            let has_other = self.run.registered.contains_key(&self.swap.new);
            return Some(if has_other { Step::Unregister { number } } else { Step::Wait });
        }
        let is_endpoint = self.run.may_be_registered(number);
        let Some(until) = self.swap.drains_until else {
            // One that goes first is told so although it is no endpoint: else it would be started again.
            return (is_endpoint || !self.swap.is_in).then_some(Step::Drain { number });
        };
        if !is_endpoint {
            return None;
        }
        let runs =
            self.observed.containers.get(&number).is_some_and(|it| it.state == ContainerState::Running);
        let is_free = self.observed.now >= until || self.observed.idle.contains(&number) || !runs;
        Some(if is_free { Step::Unregister { number } } else { Step::Wait })
    }

    fn remove_old(&self) -> Step {
        let number = self.swap.old;
        // What an engine never made is removed all the same, so that it counts as gone.
        down(self.run, self.observed, number, true).unwrap_or(Step::Remove { number })
    }

    fn bring_new(&self) -> Option<Step> {
        let number = self.swap.new;
        let Some(container) = self.observed.containers.get(&number) else {
            return Some(self.unless_late(Step::Create { number }));
        };
        let start = Step::Start { number };
        match container.state {
            ContainerState::Created => Some(self.unless_late(start)),
            ContainerState::Exited { code } => Some(match self.run.started.get(&number) {
                Some(at)
                    if self.run.intent != Some(start.clone())
                        && !container.may_have_ended_with_its_engine(*at) =>
                {
                    self.fail(format!("the container {number} ended with code {code}"))
                }
                _ => self.unless_late(start),
            }),
            ContainerState::Running => match (container.address, &container.fault) {
                (Some(address), None) => Some(Step::Register { number, address }),
                (_, fault) if self.is_late() => {
                    let why = fault.as_deref().unwrap_or("it has no address");
                    Some(self.fail(format!(
                        "the container {number} does not pass its health check in time: {why}"
                    )))
                }
                _ => None,
            },
        }
    }

    fn unless_late(&self, step: Step) -> Step {
        if !self.is_late() {
            return step;
        }
        self.fail(format!("it took more than {} s: still to {step}", self.run.timeout_seconds))
    }

    fn is_late(&self) -> bool {
        self.swap.begun_at.is_some_and(|at| self.observed.now >= at + patience_ms(self.run))
    }

    fn fail(&self, reason: String) -> Step {
        Step::FailRecycle { number: self.swap.new, reason }
    }
}
