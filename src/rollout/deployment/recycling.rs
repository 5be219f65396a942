//! What a recycle makes of the set of containers of a deployment.

use std::collections::BTreeSet;

use super::{
    outcome::StepOutcome,
    recycle::{Recycle, RecycleOrder, Swap},
    run::Run,
    state::State,
    step::Step,
};

impl Run {
    /// The recycle that goes on.
    pub fn recycling(&self) -> Option<&Recycle> {
        self.recycle.as_ref().filter(|recycle| recycle.is_under_way())
    }

    /// The numbers of the containers that are wanted: those that a recycle has put in the place of others, and as many as are
    /// missing beside them.
    pub fn wanted(&self, replicas: u32) -> BTreeSet<u32> {
        let mut wanted: BTreeSet<u32> = self.numbers.iter().copied().take(replicas as usize).collect();
        let mut next = self.numbers.last().map_or(0, |last| last + 1);
        while wanted.len() < replicas as usize {
            wanted.insert(next);
            next += 1;
        }
        wanted
    }

    /// What a container is made of.
    pub fn digest_of(&self, number: u32) -> Option<&String> {
        let comes = self.recycling().filter(|recycle| recycle.coming(number).is_some());
        let own = comes.and_then(|recycle| recycle.digest.as_ref());
        own.or_else(|| self.digests.get(&number)).or(self.digest.as_ref())
    }

    /// Whether the recycle that goes on makes containers of anything else than those were made of that it replaces.
    pub fn recycle_changes_image(&self) -> bool {
        let Some(recycle) = self.recycling() else { return false };
        let made_of = |number: &u32| self.digests.get(number).or(self.digest.as_ref());
        recycle.swaps.iter().any(|swap| !swap.is_done && made_of(&swap.old) != recycle.digest.as_ref())
    }

    /// Begins a recycle of so many containers.
    pub fn begin_recycle(&mut self, order: RecycleOrder, replicas: u32, now: u64) {
        let RecycleOrder { by, in_place, parallel, drain_seconds, stops_first } = order;
        let wanted = self.wanted(replicas);
        let first = wanted.iter().chain(self.engines.keys()).max().map_or(0, |last| last + 1);
        let swaps = wanted.iter().zip(first..).map(|(old, new)| Swap { old: *old, new, ..Swap::default() });
        let recycle = Recycle {
            by,
            since: now,
            in_place,
            parallel,
            drain_seconds,
            stops_first,
            digest: if in_place { None } else { self.digest.clone() },
            is_begun: false,
            swaps: swaps.collect(),
            failure: None,
            ended_at: None,
        };
        self.numbers = wanted;
        self.recycle = Some(recycle);
    }

    /// Notes for a recycle that a step is done, and what follows from it for the set of containers.
    pub(super) fn finish_for_recycle(&mut self, step: &Step, outcome: &StepOutcome, now: u64) {
        let Some(recycle) = self.recycle.as_mut().filter(|recycle| recycle.is_under_way()) else { return };
        recycle.finish(step, outcome, now);
        match step {
            Step::Remove { number } => {
                let Some(swap) = recycle.going(*number).filter(|swap| swap.is_done) else { return };
                self.numbers.remove(number);
                self.numbers.insert(swap.new);
                self.digests.remove(number);
                if let Some(digest) =
                    recycle.digest.as_ref().filter(|digest| self.digest.as_ref() != Some(*digest))
                {
                    self.digests.insert(swap.new, digest.clone());
                }
            }
            Step::Park | Step::Enter { state: State::Draining } => recycle.break_off(now),
            Step::EndRecycle if recycle.is_complete() => {
                self.digest.clone_from(&recycle.digest);
                self.digests.clear();
            }
            _ => {}
        }
    }

    /// The new container of a recycle that a step is about, or 0 if it is about none yet; none: the recycle does not stand or fall
    /// with the step.
    pub fn fails_recycle(&self, step: &Step) -> Option<u32> {
        let recycle = self.recycling()?;
        match step {
            Step::PullAnew => Some(0),
            Step::Create { number } | Step::Start { number } | Step::Register { number, .. } => {
                recycle.coming(*number).filter(|swap| !swap.is_in).map(|swap| swap.new)
            }
            _ => None,
        }
    }

    /// Keeps what the new container said last with which a recycle failed.
    pub fn note_recycle_words(&mut self, last_words: String) {
        if let Some(failure) = self.recycle.as_mut().and_then(|recycle| recycle.failure.as_mut()) {
            failure.last_words = last_words;
        }
    }
}
