//! One step of a deployment, and what is so at its engine.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::{Deserialize, Serialize};

use super::state::State;
use crate::rollout::address::Address;

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "do")]
pub enum Step {
    /// Pull the image.
    Pull,
    /// Make a container.
    Create {
        /// Its number.
        number: u32,
    },
    /// Start it.
    Start {
        /// Its number.
        number: u32,
    },
    /// Register it as an endpoint.
    Register {
        /// Its number.
        number: u32,
        /// Where it is reached.
        address: Address,
    },
    /// Take it out of the endpoints.
    Unregister {
        /// Its number.
        number: u32,
    },
    /// Stop it.
    Stop {
        /// Its number.
        number: u32,
    },
    /// Remove it.
    Remove {
        /// Its number.
        number: u32,
    },
    /// Send its clients elsewhere, each when it navigates.
    Drain {
        /// Its number.
        number: u32,
    },
    /// Pull what the image's name means now, for a recycle.
    PullAnew,
    /// Say in the rollout record which endpoints a recycle is going to replace.
    BeginRecycle,
    /// Say there that it replaces no more.
    EndRecycle,
    /// Give a recycle up: what was not replaced stays.
    FailRecycle {
        /// The new container that failed.
        number: u32,
        /// Why, for people.
        reason: String,
    },
    /// Make the release the candidate.
    SetCandidate,
    /// Note that its release is stable.
    NoteStable,
    /// Note that its release is routed.
    NoteRouted,
    /// Stop its containers and keep them: its release was routed, and nobody is left at it.
    Park,
    /// Remove its image, which nobody else uses.
    RemoveImage,
    /// Its release is routed again: its containers are to serve.
    Unpark,
    /// Say how far it is.
    Enter {
        /// That far.
        state: State,
    },
    /// Give up.
    Fail {
        /// Why, for people.
        reason: String,
    },
    /// Delete the record: nothing else is left.
    Forget,
    /// Nothing, until something changes.
    Wait,
}

/// What is so at the engine.
#[derive(Debug, Clone, Default)]
pub struct Observation {
    /// The containers of this generation, by number.
    pub containers: BTreeMap<u32, ObservedContainer>,
    /// Those of them that get no new requests, and where nobody is left.
    pub idle: BTreeSet<u32>,
    /// Whether an app routes a release of it.
    pub is_routed: bool,
    /// Whether its release is stable.
    pub is_stable: bool,
    /// It is kept as a way back, and there are as many newer ones as are kept.
    pub is_expired: bool,
    /// Its image goes with it: the app says so, and no other deployment has it.
    pub prunes_image: bool,
    /// Unix ms.
    pub now: u64,
}

/// A container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedContainer {
    /// What it does.
    pub state: ContainerState,
    /// Where it is reached, if it is.
    pub address: Option<Address>,
    /// Why it does not pass its health check; none: it passes. Only asked of one that runs and is not registered.
    pub fault: Option<String>,
    /// When its engine was lost last, Unix ms, as far as the router that looks knows. An engine that is restarted ends its containers.
    pub engine_lost_at: Option<u64>,
}

impl ObservedContainer {
    /// Whether it may have ended with its engine, since it was started at `started` (Unix ms).
    pub fn may_have_ended_with_its_engine(&self, started: u64) -> bool {
        self.engine_lost_at.is_some_and(|lost| lost >= started)
    }
}

/// What a container does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContainerState {
    /// It was made, and never ran.
    Created,
    /// It runs.
    Running,
    /// It ended.
    Exited {
        /// With this code.
        code: i64,
    },
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pull => write!(f, "pull the image"),
            Self::Create { number } => write!(f, "make container {number}"),
            Self::Start { number } => write!(f, "start container {number}"),
            Self::Register { number, address } => write!(f, "register container {number} at {address}"),
            Self::Unregister { number } => write!(f, "take container {number} out of the endpoints"),
            Self::Stop { number } => write!(f, "stop container {number}"),
            Self::Remove { number } => write!(f, "remove container {number}"),
            Self::Drain { number } => write!(f, "send the clients of container {number} elsewhere"),
            Self::PullAnew => write!(f, "pull the image anew"),
            Self::BeginRecycle => write!(f, "begin to replace the containers"),
            Self::EndRecycle => write!(f, "replace no more containers"),
            Self::FailRecycle { reason, .. } => write!(f, "give the recycle up: {reason}"),
            Self::SetCandidate => write!(f, "set the candidate"),
            Self::NoteStable => write!(f, "its release is stable"),
            Self::NoteRouted => write!(f, "its release is routed"),
            Self::Park => write!(f, "nobody is left at its release: stop its containers, and keep them"),
            Self::RemoveImage => write!(f, "remove its image"),
            Self::Unpark => write!(f, "its release is routed again"),
            Self::Enter { state } => write!(f, "{}", state.as_str()),
            Self::Fail { reason } => write!(f, "give up: {reason}"),
            Self::Forget => write!(f, "delete the record"),
            Self::Wait => write!(f, "wait"),
        }
    }
}
