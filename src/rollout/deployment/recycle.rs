//! Recycle: new containers in the place of those that run, one by one or a few at a time.
//!
//! A new container has a number of its own, so that both it and the one that it replaces can be told from each other for as long
//! as they run side by side. The record keeps the last recycle of a deployment after its end, to be shown.

use serde::{Deserialize, Serialize};

use super::{
    outcome::{Failure, StepOutcome},
    step::Step,
};

/// A recycle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recycle {
    /// Who asked for it: the name of a token.
    pub by: String,
    /// When, Unix ms.
    pub since: u64,
    /// The new containers are made of what the image's name means now.
    pub in_place: bool,
    /// How many containers are replaced at a time.
    pub parallel: u32,
    /// How long clients of an endpoint may stay there, in seconds.
    pub drain_seconds: u32,
    /// Whether a container is stopped before the one that replaces it is started, since both want one port.
    #[serde(default, skip_serializing_if = "is_false")]
    pub stops_first: bool,
    /// What the new containers are made of; none: that is still to be pulled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Whether the rollout record says which endpoints go.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_begun: bool,
    /// Which container takes the place of which, in this order.
    pub swaps: Vec<Swap>,
    /// Why it was stopped before its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// When it was over, Unix ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<u64>,
}

/// One container in the place of another.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Swap {
    /// The number of the one that goes.
    pub old: u32,
    /// The number of the one that comes.
    pub new: u32,
    /// When it was begun to make the new one, Unix ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begun_at: Option<u64>,
    /// Until when clients of the old one may stay there, Unix ms; none: it does not drain yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drains_until: Option<u64>,
    /// Whether the new one was an endpoint once.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_in: bool,
    /// Whether nothing is left of the old one.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_done: bool,
}

impl Swap {
    /// How far it is: `waiting`, `starting`, `draining`, `stopping`, `done`, or `kept` once its recycle is over without it.
    pub fn state(&self, is_old_registered: bool, is_under_way: bool) -> &'static str {
        match self {
            Self { is_done: true, .. } => "done",
            _ if !is_under_way => "kept",
            Self { drains_until: Some(_), .. } if is_old_registered => "draining",
            Self { is_in: true, .. } if !is_old_registered => "stopping",
            Self { begun_at: None, drains_until: None, .. } => "waiting",
            _ => "starting",
        }
    }
}

impl Recycle {
    /// Whether it goes on.
    pub fn is_under_way(&self) -> bool {
        self.ended_at.is_none()
    }

    /// Whether it carries out what an order asks for, whoever asks.
    pub fn carries_out(&self, order: &RecycleOrder) -> bool {
        let asked = (order.in_place, order.parallel, order.drain_seconds, order.stops_first);
        asked == (self.in_place, self.parallel, self.drain_seconds, self.stops_first)
    }

    /// Whether every container was replaced.
    pub fn is_complete(&self) -> bool {
        self.swaps.iter().all(|swap| swap.is_done)
    }

    /// The swap by which a container comes.
    pub fn coming(&self, number: u32) -> Option<&Swap> {
        self.swaps.iter().find(|swap| swap.new == number)
    }

    /// The swap by which a container goes.
    pub fn going(&self, number: u32) -> Option<&Swap> {
        self.swaps.iter().find(|swap| swap.old == number)
    }

    /// Notes a step that is taken on.
    pub(super) fn intend(&mut self, step: &Step, now: u64) {
        if let Step::Create { number } = step
            && let Some(swap) = self.swaps.iter_mut().find(|swap| swap.new == *number)
        {
            swap.begun_at.get_or_insert(now);
        }
    }

    /// Notes a step that is done.
    pub(super) fn finish(&mut self, step: &Step, outcome: &StepOutcome, now: u64) {
        let drain_ms = u64::from(self.drain_seconds) * 1_000;
        let old = |swap: &&mut Swap, number: u32| swap.old == number && !swap.is_done;
        match step {
            Step::PullAnew => {
                if let StepOutcome::Pulled { digest, .. } = outcome {
                    self.digest = Some(digest.clone());
                }
            }
            Step::BeginRecycle => self.is_begun = true,
            Step::Register { number, .. } => {
                let coming = self.swaps.iter_mut().find(|swap| swap.new == *number);
                coming.into_iter().for_each(|swap| swap.is_in = true);
            }
            Step::Drain { number } => {
                // Nobody is there who could be given time, if it is no endpoint of a routed release.
                let length = if *outcome == StepOutcome::NotRouted { 0 } else { drain_ms };
                let going = self.swaps.iter_mut().find(|swap| old(swap, *number));
                going.into_iter().for_each(|swap| swap.drains_until = Some(now + length));
            }
            Step::Remove { number } => {
                let going = self.swaps.iter_mut().find(|swap| old(swap, *number) && swap.is_in);
                going.into_iter().for_each(|swap| swap.is_done = true);
            }
            Step::FailRecycle { reason, .. } => {
                self.failure = Some(Failure { reason: reason.clone(), last_words: String::new() });
            }
            Step::EndRecycle => self.ended_at = Some(now),
            _ => {}
        }
    }

    /// Ends it, since what it replaces is no longer to serve.
    pub(super) fn break_off(&mut self, now: u64) {
        if self.is_under_way() {
            let reason = "the deployment was stopped meanwhile".to_owned();
            self.failure.get_or_insert(Failure { reason, last_words: String::new() });
            self.ended_at = Some(now);
        }
    }
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecycleOrder {
    /// The name of the token.
    pub by: String,
    /// With what the image's name means now.
    pub in_place: bool,
    /// How many at a time.
    pub parallel: u32,
    /// How long clients may stay, in seconds.
    pub drain_seconds: u32,
    /// Whether its containers want one port of their host.
    pub stops_first: bool,
}

/// Whether a field is left out of what is stored.
pub(super) fn is_false(flag: &bool) -> bool {
    !flag
}
