//! How an engine runs a deployment: how far it is, what was done, and what is being done.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use super::outcome::{Failure, StepOutcome, Untold};
use super::{
    id::DeploymentId,
    recycle::{Recycle, is_false},
    state::State,
    step::Step,
};
use crate::rollout::{address::Address, blend::Blend, command::Role, facts::Facts};

/// What stands for every engine of a router where a deployment names its engine.
pub const SPREAD: &str = "spread";

/// Steps that are kept, to be shown: those of a deployment of a hundred containers.
const STEPS_MAX: usize = 500;

/// How an engine runs a deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The engine, or `spread` for all that a router has.
    pub engine: String,
    /// Random, and part of its containers' names: it tells them from those of another deployment with this id, which another
    /// fleet may have at the same engine.
    pub mark: String,
    /// How far it is.
    pub state: State,
    /// Counts the sets of containers; it stands in their names.
    pub generation: u32,
    /// What the image's name meant when it was pulled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Counts the steps. A step is carried out only by who committed the intent with this number.
    pub fence: u64,
    /// The step that is being carried out, or was when a router ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<Step>,
    /// The engine of each container.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub engines: BTreeMap<u32, String>,
    /// When each container was started, Unix ms.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub started: BTreeMap<u32, u64>,
    /// The address at which each container is registered.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub registered: BTreeMap<u32, Address>,
    /// Containers that may be endpoints or not: a router began to register them or to take them out, and has not said what came
    /// of it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub unsettled: BTreeSet<u32>,
    /// Containers that ended and are endpoints all the same: each was the last one of a release on a track.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub kept: BTreeSet<u32>,
    /// When each container that runs has left the endpoints, Unix ms: its clients are given time before it is stopped.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub left: BTreeMap<u32, u64>,
    /// What becomes of the release once it serves. None: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub candidate: Option<CandidateWish>,
    /// How long it may take until it serves, in seconds.
    pub timeout_seconds: u32,
    /// When that time is over, Unix ms.
    pub until: u64,
    /// In whose role its commands are given; the name stands in the deployment.
    pub role: Role,
    /// The mark of the token that asked, by which approvals tell people apart.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub token: String,
    /// The network of its containers; none: their ports are published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// The path of its health check; none: as the app's settings say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health_path: Option<String>,
    /// How much memory each of its containers may use, in bytes; none: as much as there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// How many processors each may use, in thousandths; none: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_millis: Option<u32>,
    /// When it came up, Unix ms; 0: it did not yet. From then on the router keeps its endpoints right by itself.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub served_since: u64,
    /// Its release was stable.
    #[serde(default, skip_serializing_if = "is_false")]
    pub was_stable: bool,
    /// Its release was routed since it was started.
    #[serde(default, skip_serializing_if = "is_false")]
    pub was_routed: bool,
    /// Its image was removed with it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub image_removed: bool,
    /// When its containers were stopped since nobody was left at its release, Unix ms. They are kept for a rollback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parked_at: Option<u64>,
    /// The numbers of the containers that are wanted, if they are others than the first ones: a recycle gives new numbers.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub numbers: BTreeSet<u32>,
    /// What containers are made of that a recycle in place has replaced before it failed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub digests: BTreeMap<u32, String>,
    /// The last recycle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recycle: Option<Recycle>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// What hooks are still to be told, with the number of the step that it came of: a router that ends before it has told them
    /// leaves that to the next.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub untold: BTreeMap<Untold, u64>,
    /// The newest steps, oldest first.
    #[serde(default)]
    pub steps: Vec<StepDone>,
}

/// The release is to be the candidate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CandidateWish {
    /// At this blend; none: 0, or as it is.
    pub blend: Option<Blend>,
    /// With this plan, which has blends of its own; none: without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// What is said of it beside its image.
    #[serde(default, skip_serializing_if = "Facts::is_empty")]
    pub facts: Facts,
    /// It is.
    pub is_set: bool,
}

/// A step that was carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepDone {
    /// Its number.
    pub fence: u64,
    /// When, Unix ms.
    pub at: u64,
    /// How far the deployment was then.
    pub state: State,
    /// What was done, for people.
    pub text: String,
}

impl Run {
    /// Of a deployment that begins: nothing of it is there yet, and nothing becomes of its release.
    pub fn new(engine: String, mark: String, role: Role, timeout_seconds: u32, now_ms: u64) -> Self {
        Self {
            engine,
            mark,
            state: State::Pending,
            generation: 1,
            digest: None,
            fence: 0,
            intent: None,
            engines: BTreeMap::new(),
            started: BTreeMap::new(),
            registered: BTreeMap::new(),
            unsettled: BTreeSet::new(),
            kept: BTreeSet::new(),
            left: BTreeMap::new(),
            candidate: None,
            timeout_seconds,
            until: now_ms + u64::from(timeout_seconds) * 1_000,
            role,
            token: String::new(),
            network: None,
            health_path: None,
            memory_bytes: None,
            cpu_millis: None,
            served_since: 0,
            was_stable: false,
            was_routed: false,
            image_removed: false,
            parked_at: None,
            numbers: BTreeSet::new(),
            digests: BTreeMap::new(),
            recycle: None,
            failure: None,
            untold: BTreeMap::new(),
            steps: Vec::new(),
        }
    }

    /// The name of a container: it follows from the deployment, the generation and the number, so whoever looks for it finds it.
    pub fn container_name(&self, id: &DeploymentId, number: u32) -> String {
        // Engines do not take a `+`. Whose container it is, its labels say.
        format!("rolling-{}-{}-{}-{number}", id.as_str().replace('+', "_"), self.mark, self.generation)
    }

    /// The number of a container by its name; none: it is of another generation, or another deployment.
    pub fn number_of(&self, id: &DeploymentId, name: &str) -> Option<u32> {
        let number = name.rsplit_once('-')?.1.parse().ok()?;
        (self.container_name(id, number) == name).then_some(number)
    }

    /// Whether a container is an endpoint, or may be.
    pub fn may_be_registered(&self, number: u32) -> bool {
        self.registered.contains_key(&number) || self.unsettled.contains(&number)
    }

    /// Whether something may be left of a deployment that failed: until it is gone, another generation would lose sight of it.
    pub fn is_being_cleaned_up(&self) -> bool {
        let has_endpoints =
            !(self.registered.is_empty() && self.unsettled.is_empty() && self.kept.is_empty());
        self.state == State::Failed && (has_endpoints || !self.engines.is_empty())
    }

    /// Begins again, as after a stop or a failure.
    pub fn begin(&mut self, now: u64) {
        if self.state == State::Failed {
            // What the name means may have changed.
            self.generation += 1;
            self.digest = None;
            self.numbers.clear();
            self.digests.clear();
            (self.served_since, self.was_stable) = (0, false);
        }
        if let Some(recycle) = &mut self.recycle {
            recycle.break_off(now);
        }
        self.state = State::Pending;
        self.failure = None;
        self.intent = None;
        self.started.clear();
        self.left.clear();
        self.candidate = None;
        self.was_routed = false;
        self.parked_at = None;
        self.until = now + u64::from(self.timeout_seconds) * 1_000;
    }

    /// Takes a step on. `engine` is where a container is made.
    pub fn intend(&mut self, step: &Step, engine: Option<&str>, now: u64) {
        self.fence += 1;
        if let Some(recycle) = &mut self.recycle {
            recycle.intend(step, now);
        }
        let is_up = self.state == State::Serving;
        match step {
            Step::Pull if !is_up => self.state = State::Pulling,
            Step::Create { number } => {
                self.engines.insert(*number, engine.unwrap_or(&self.engine).to_owned());
                if !is_up {
                    self.state = State::Starting;
                }
            }
            Step::Start { number } => {
                self.started.insert(*number, now);
                if !is_up {
                    self.state = State::Starting;
                }
            }
            Step::Register { number, .. } | Step::Unregister { number } => {
                self.registered.remove(number);
                self.kept.remove(number);
                self.unsettled.insert(*number);
            }
            _ => {}
        }
        self.intent = Some(step.clone());
    }

    /// Notes that a step is done.
    pub fn finish(&mut self, step: &Step, outcome: StepOutcome, now: u64) {
        let (before, was_recycled) = (self.state, self.recycling().is_some());
        self.finish_for_recycle(step, &outcome, now);
        match step {
            Step::Register { number, address } => {
                self.unsettled.remove(number);
                self.registered.insert(*number, *address);
                self.left.remove(number);
            }
            Step::Unregister { number } => {
                self.unsettled.remove(number);
                self.registered.remove(number);
                self.left.insert(*number, now);
                if outcome == StepOutcome::Kept {
                    self.kept.insert(*number);
                }
            }
            Step::Stop { number } => {
                self.started.remove(number);
                self.left.remove(number);
            }
            Step::Remove { number } => {
                self.started.remove(number);
                self.engines.remove(number);
                self.left.remove(number);
            }
            Step::SetCandidate => {
                if let Some(wish) = &mut self.candidate {
                    wish.is_set = true;
                }
            }
            Step::Enter { state } => {
                self.state = *state;
                if *state == State::Serving {
                    self.served_since = now;
                }
            }
            Step::NoteStable => self.was_stable = true,
            Step::NoteRouted => self.was_routed = true,
            Step::RemoveImage => self.image_removed = true,
            Step::Park => {
                self.parked_at = Some(now);
                self.was_stable |= outcome == StepOutcome::WasStable;
            }
            Step::Unpark if self.state == State::Serving => self.parked_at = None,
            Step::Unpark => self.begin(now),
            Step::Fail { reason } => {
                self.state = State::Failed;
                let last_words = self.failure.take().map(|failure| failure.last_words).unwrap_or_default();
                self.failure = Some(Failure { reason: reason.clone(), last_words });
            }
            _ => {}
        }
        let mut text = step.to_string();
        if let StepOutcome::Pulled { digest, amount } = outcome {
            if *step == Step::Pull {
                self.digest = Some(digest);
            }
            if !amount.is_empty() {
                text = format!("{text}: {amount}");
            }
        }
        self.note_untold(before, was_recycled);
        self.say(text, now);
    }

    /// Notes what hooks are to be told of a step.
    fn note_untold(&mut self, before: State, was_recycled: bool) {
        let is_over = was_recycled && self.recycling().is_none();
        let told = match self.state {
            State::Serving if before != State::Serving => Some(Untold::Deployed),
            State::Failed if before != State::Failed => Some(Untold::DeployFailed),
            _ => None,
        };
        let told = told.into_iter().chain(is_over.then_some(Untold::Recycled));
        self.untold.extend(told.map(|told| (told, self.fence)));
    }

    /// Notes what was done, or could not be: nothing is being done any more.
    pub fn say(&mut self, text: String, now: u64) {
        self.intent = None;
        self.steps.push(StepDone { fence: self.fence, at: now, state: self.state, text });
        let over = self.steps.len().saturating_sub(STEPS_MAX);
        self.steps.drain(..over);
    }

    /// Keeps what a container said last, for when it has failed.
    pub fn note_words(&mut self, last_words: String) {
        if !last_words.is_empty() {
            self.failure = Some(Failure { reason: String::new(), last_words });
        }
    }

    /// Whether its containers had passed the health check once: what becomes of them later is no release of anybody's.
    pub fn has_served(&self) -> bool {
        self.served_since > 0
    }

    /// Whether it has come up: from then on a container that fails is replaced, and the others serve on.
    pub fn is_up(&self) -> bool {
        self.state == State::Serving || self.candidate.as_ref().is_some_and(|wish| wish.is_set)
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}
