//! Why a call to an engine failed.

use super::{
    name::{ContainerName, EngineName},
    refusal::Refusal,
};

/// Why a call to an engine failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// The engine cannot be reached, or its answer broke off.
    #[error("the engine {engine} cannot be reached: {why}")]
    Unreachable {
        /// Which.
        engine: EngineName,
        /// Why.
        why: String,
    },
    /// The engine did not answer in time. What was asked may still happen.
    #[error("the engine {engine} did not {what} within {seconds} s")]
    TimedOut {
        /// Which.
        engine: EngineName,
        /// What it was asked for.
        what: &'static str,
        /// For how long was waited.
        seconds: u64,
    },
    /// The configuration does not allow it. Nothing was asked of the engine.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// Another container has the name.
    #[error("the name {name} is taken by another container")]
    NameTaken {
        /// The name.
        name: ContainerName,
    },
    /// The port is taken on the engine's host.
    #[error("the port {port} is taken on the engine's host: {why}")]
    PortTaken {
        /// The port; 0 where the engine did not say.
        port: u16,
        /// What the engine said.
        why: String,
    },
    /// No such image: neither on the engine nor in its registry.
    #[error("there is no image {image}: {why}")]
    NoImage {
        /// The image.
        image: String,
        /// What the engine said.
        why: String,
    },
    /// The registry does not let this engine have the image.
    #[error("the registry refuses {image}: {why}; give the engine a login for it (`registry_login_file`)")]
    PullDenied {
        /// The image.
        image: String,
        /// What the engine said.
        why: String,
    },
    /// The image could not be fetched for another reason.
    #[error("{image} cannot be pulled: {why}")]
    PullFailed {
        /// The image.
        image: String,
        /// What the engine said.
        why: String,
    },
    /// The engine's disk is full.
    #[error("the disk of the engine is full: {why}")]
    DiskFull {
        /// What the engine said.
        why: String,
    },
    /// The container was made, but its process could not be started.
    #[error("the container cannot be started: {why}")]
    CannotStart {
        /// What the engine said, in words.
        why: String,
    },
    /// No such container, network or image.
    #[error("the engine has no {what}")]
    NotFound {
        /// What there is not.
        what: String,
    },
    /// The container belongs to somebody else: it has no label of a deployment.
    #[error("the container {name} was not started by the router, so the router does not touch it")]
    Foreign {
        /// Its name.
        name: String,
    },
    /// The engine answered something else.
    #[error("the engine answered {status}: {why}")]
    Answer {
        /// The status of its answer; 0 where the answer could not be read.
        status: u16,
        /// What it said.
        why: String,
    },
}

impl EngineError {
    /// Whether the same call may succeed later, with nothing changed in between.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::TimedOut { .. })
    }
}
