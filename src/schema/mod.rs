//! The HTTP API as types: what each call is asked and what it answers.
//!
//! Requests and answers are written once, for the router that serves them and for the command line that reads them.
//! `docs/openapi.json` is generated from them, so a doc comment here is what the API page says of a field.
//!
//! A request refuses fields that it does not know: a misspelt field that is silently without effect is found out in an
//! incident. In an answer a missing field reads as nothing and an unknown one is passed over, so that one version of
//! the command line can talk with another version of the router. Names that a router checks (apps, releases, addresses)
//! are plain text here; they become valid types where they are used.

pub mod activity;
pub mod app;
pub mod apply_status;
pub mod approval;
pub mod audit;
pub mod certificate;
pub mod change;
pub mod deployment;
#[cfg(test)]
mod document;
pub mod dry_run;
pub mod endpoint;
pub mod error;
pub mod explain;
pub mod fleet;
pub mod freeze;
pub mod history;
pub mod hook;
pub mod hook_in;
pub mod keyvalue;
pub mod old_api;
pub mod past;
pub mod plan;
pub mod pool;
pub mod preview;
pub mod prune;
pub mod registration;
pub mod release;
pub mod router;
pub mod service;
pub mod session;
pub mod settings;
pub mod shadow;
pub mod store;
pub mod stream;
pub mod token;
pub mod verdict;
pub mod wait;
