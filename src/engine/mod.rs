//! Engines: Docker Engine APIs that the router deploys to, and whose containers it may follow.
//!
//! An engine's socket is root on its host. So what may be asked of it is narrowed here, once, for every caller: a
//! [`ContainerSpec`] cannot say privileged, devices, capabilities, a host's path, or the namespaces of the host; the
//! [`Policy`] of the configuration says which images, networks and volumes it may name; and what carries no label of a
//! deployment is never started, stopped or removed.
//!
//! Every call has a time-out. An engine that does not answer is an [`EngineError`] for whoever asked, and nothing else: what
//! its containers serve goes on.
//!
//! Deliberately absent: building images, running commands inside of containers, and the engine's own networks and volumes,
//! which its owner makes.

mod address;
mod container;
mod engines;
mod error;
mod events;
mod label;
mod limits;
mod login;
mod logs;
mod name;
mod options;
mod policy;
mod pull;
mod reference;
mod refusal;
mod signal;
mod spec;
mod start;
mod time;
mod transport;

pub use self::{
    address::{EngineAddress, EngineTls},
    container::{Container, ContainerState},
    engines::{Engine, EngineVersion, Engines, Image},
    error::EngineError,
    events::{ContainerAction, ContainerEvent, EngineEvent},
    label::{LABEL_APP, LABEL_DEPLOYMENT, LABEL_MARK, LABEL_PORT, LABEL_RELEASE},
    login::RegistryLogins,
    logs::LogOptions,
    name::{ContainerName, EngineName, NetworkName},
    options::EngineOptions,
    policy::{ImagePrefix, Policy},
    pull::PullProgress,
    reference::{Digest, ImageReference},
    refusal::Refusal,
    signal::Signal,
    spec::{ContainerSpec, Variable, Volume, check_resources},
};
