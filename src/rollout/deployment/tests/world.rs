//! An engine, the endpoints and the tracks, simulated, with a router that may end at any point of a step.

use std::collections::{BTreeMap, BTreeSet};

use crate::rollout::{
    address::Address,
    command::Role,
    deployment::{
        compose::{port::Port, service::Service},
        plan::{next_step, step_unseen},
        record::{Deployment, DesiredState},
        run::{CandidateWish, Run, StepOutcome},
        state::State,
        step::{ContainerState, Observation, ObservedContainer, Step},
    },
};

/// What a router that ends in the middle of a step has done of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kill {
    /// Nothing, not even said so.
    NothingDone,
    /// It has committed the intent.
    IntentCommitted,
    /// It has carried it out, and not said so.
    EffectDone,
}

/// What becomes of the containers of one deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Live,
    /// Containers end as soon as they run.
    Die,
    /// Containers never pass their health check.
    Ail,
    /// Nobody may set the candidate.
    Refuse,
}

/// An engine, the endpoints, the tracks, and the stored record.
#[derive(Debug)]
pub(super) struct World {
    pub(super) stored: Deployment,
    pub(super) containers: BTreeMap<u32, ContainerState>,
    pub(super) endpoints: BTreeMap<u32, Address>,
    /// Where nobody is left.
    pub(super) idle: BTreeSet<u32>,
    /// Which drain softly.
    pub(super) draining: BTreeSet<u32>,
    pub(super) is_candidate: bool,
    /// The history says that its release was stable.
    pub(super) was_stable: bool,
    pub(super) is_routed: bool,
    pub(super) is_stable: bool,
    pub(super) is_expired: bool,
    pub(super) prunes_image: bool,
    pub(super) is_image_removed: bool,
    /// The engine answers nothing.
    pub(super) is_lost: bool,
    pub(super) engine_lost_at: Option<u64>,
    /// How often each effect was had, by its text.
    pub(super) effects: BTreeMap<String, u32>,
    pub(super) fate: Fate,
    pub(super) is_forgotten: bool,
    pub(super) now: u64,
}

pub(super) fn deployment(replicas: u32) -> Deployment {
    Deployment {
        app: "shop".parse().unwrap(),
        id: "shop-1.0".parse().unwrap(),
        service: None,
        spec: Service {
            image: "shop:1.0".into(),
            ports: vec![Port { host: None, container: 80 }],
            ..Service::default()
        },
        replicas,
        desired: DesiredState::Serving,
        created_by: "ci".into(),
        created_at: 1,
        old: None,
        run: Some(Run {
            candidate: Some(CandidateWish { blend: None, plan: None, facts: BTreeMap::new(), is_set: false }),
            ..Run::new("node1".into(), "0badcafe".into(), Role::Ci, 60, 0)
        }),
    }
}

impl World {
    pub(super) fn new(replicas: u32, fate: Fate) -> Self {
        Self {
            stored: deployment(replicas),
            containers: BTreeMap::new(),
            endpoints: BTreeMap::new(),
            idle: BTreeSet::new(),
            draining: BTreeSet::new(),
            is_candidate: false,
            was_stable: false,
            is_routed: false,
            is_stable: false,
            is_expired: false,
            prunes_image: false,
            is_image_removed: false,
            is_lost: false,
            engine_lost_at: None,
            effects: BTreeMap::new(),
            fate,
            is_forgotten: false,
            now: 0,
        }
    }

    pub(super) fn run(&self) -> &Run {
        self.stored.run.as_ref().unwrap()
    }

    pub(super) fn observe(&self) -> Observation {
        let seen = |(number, state): (&u32, &ContainerState)| {
            let runs = *state == ContainerState::Running;
            let address = runs.then(|| format!("127.0.0.1:{}", 1_000 + number).parse().unwrap());
            let fault = (self.fate == Fate::Ail).then(|| "status 500".to_owned());
            (
                *number,
                ObservedContainer { state: *state, address, fault, engine_lost_at: self.engine_lost_at },
            )
        };
        Observation {
            containers: self.containers.iter().map(seen).collect(),
            idle: self.idle.clone(),
            is_routed: self.is_routed,
            is_stable: self.is_stable,
            is_expired: self.is_expired,
            prunes_image: self.prunes_image,
            now: self.now,
        }
    }

    /// The engine is restarted, and ends what runs.
    pub(super) fn restart_engine(&mut self) {
        self.engine_lost_at = Some(self.now);
        for state in self.containers.values_mut().filter(|state| **state == ContainerState::Running) {
            *state = ContainerState::Exited { code: 137 };
        }
    }

    /// One turn of a router. Gives the step.
    pub(super) fn turn(&mut self, kill: Option<Kill>) -> Step {
        self.now += 500;
        let step = match self.is_lost {
            true => step_unseen(&self.stored, self.run(), self.now, "lost"),
            false => next_step(&self.stored, self.run(), &self.observe()),
        };
        if step == Step::Wait || kill == Some(Kill::NothingDone) {
            return step;
        }
        let now = self.now;
        self.stored.run.as_mut().unwrap().intend(&step, None, now);
        if kill == Some(Kill::IntentCommitted) {
            return step;
        }
        let outcome = self.carry_out(&step);
        if kill == Some(Kill::EffectDone) {
            return step;
        }
        match outcome {
            Ok(outcome) => self.stored.run.as_mut().unwrap().finish(&step, outcome, now),
            Err(reason) => {
                self.stored.run.as_mut().unwrap().finish(&Step::Fail { reason }, StepOutcome::Done, now)
            }
        }
        step
    }

    pub(super) fn carry_out(&mut self, step: &Step) -> Result<StepOutcome, String> {
        let mut had = |name: String| *self.effects.entry(name).or_default() += 1;
        match step {
            Step::Pull | Step::PullAnew => {
                return Ok(StepOutcome::Pulled { digest: "sha256:00".into(), amount: String::new() });
            }
            Step::Create { number } => {
                assert!(!self.containers.contains_key(number), "a container is made twice");
                self.containers.insert(*number, ContainerState::Created);
                had(step.to_string());
            }
            Step::Start { number } => {
                let dies = self.fate == Fate::Die;
                let state = if dies { ContainerState::Exited { code: 7 } } else { ContainerState::Running };
                self.containers.insert(*number, state);
                had(step.to_string());
            }
            Step::Register { number, address } => {
                assert_eq!(
                    self.containers.get(number),
                    Some(&ContainerState::Running),
                    "nobody answers there"
                );
                self.endpoints.insert(*number, *address);
            }
            Step::Unregister { .. } if self.is_routed && self.endpoints.len() == 1 => {
                return Ok(StepOutcome::Kept);
            }
            Step::Unregister { number } => {
                self.endpoints.remove(number);
            }
            Step::Stop { number } => {
                assert!(self.is_routed || !self.endpoints.contains_key(number), "it gets requests");
                self.containers.insert(*number, ContainerState::Exited { code: 0 });
            }
            Step::Remove { number } => {
                assert!(self.is_routed || !self.endpoints.contains_key(number), "it gets requests");
                self.containers.remove(number);
            }
            Step::SetCandidate if self.fate == Fate::Refuse => return Err("locked".into()),
            Step::SetCandidate => self.is_candidate = true,
            Step::Forget => self.is_forgotten = true,
            Step::Enter { .. } | Step::Fail { .. } | Step::Wait => {}
            Step::Park if self.was_stable => return Ok(StepOutcome::WasStable),
            Step::NoteStable | Step::NoteRouted | Step::Park | Step::Unpark => {}
            Step::RemoveImage => self.is_image_removed = true,
            Step::Drain { number } => drop(self.draining.insert(*number)),
            Step::BeginRecycle | Step::EndRecycle | Step::FailRecycle { .. } => {}
        }
        Ok(StepOutcome::Done)
    }

    /// Turns until nothing is to be done any more, killed as the list says. Gives how many turns it took.
    pub(super) fn settle(&mut self, kills: &mut impl Iterator<Item = Option<Kill>>) -> usize {
        for turn in 0..20_000 {
            let step = self.turn(kills.next().flatten());
            let is_waiting = self.run().recycling().is_some() || self.run().state == State::Checking;
            let is_still = step == Step::Wait && !is_waiting;
            if is_still || self.is_forgotten {
                return turn;
            }
        }
        panic!("it never settles: {:?}", self.run())
    }

    pub(super) fn ask(&mut self, desired: DesiredState) {
        self.stored.desired = desired;
        if desired == DesiredState::Serving {
            let now = self.now;
            self.stored.run.as_mut().unwrap().begin(now);
        }
    }

    pub(super) fn assert_serving(&self, replicas: u32) {
        assert_eq!(self.run().state, State::Serving);
        assert_eq!(self.containers.len() as u32, replicas);
        assert!(self.containers.values().all(|state| *state == ContainerState::Running));
        assert_eq!(self.endpoints, self.run().registered);
        assert_eq!(self.endpoints.len() as u32, replicas);
    }
}
