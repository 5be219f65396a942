//! The control plane: the store's side of the router, and the admin port.
//!
//! `shared` is what all of it holds; `sync` follows the store and publishes tables; `commands` changes the store; `api` and
//! `admin` are what the admin port serves, all of it behind `admin::guard`. Nothing here is on the path of an end user's
//! request: the data plane reads what `sync` published, and nothing else.
//!
//! Absent on purpose: the data plane (`proxy` and `control` never import each other), health checks (`upstream`),
//! and anything that prints.

mod acme;
mod activity;
mod admin;
mod api;
mod commands;
mod deployments;
mod engines;
mod fleet;
mod hooks;
mod limits;
mod plans;
mod secrets_keeper;
mod session_keeper;
mod shadow;
mod shared;
mod start;
mod sync;
#[cfg(test)]
mod tests;
mod threads;
mod token_watch;
mod traces;
mod verdict;

pub use self::{
    api::fuzz,
    shared::{
        access::{
            proxy_sign_in::{ProxySignIn, SignInRoles, read_secrets},
            tokens::Tokens,
        },
        acme::options::{AcmeOptions, Challenge},
        options::{ControlOptions, RouterOptions, Surroundings},
        private_folder::make_private,
        secrets::board::SecretsOptions,
        state_dir::{StateDirError, replace},
    },
    start::{Control, StartError},
    traces::{TraceExporter, TraceOptions},
};
