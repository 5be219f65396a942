//! The keyspace: every keyvalue that a table is built from, with the last good reading of each.
//!
//! A stored value is never trusted. A value that is not allowed harms only itself: the last good reading stays (or the value
//! is left out), and it is listed as a [`Problem`]. Each value is parsed once, when it is written. Building a table then looks
//! only at the apps that were written.
//!
//! Events and the router's own keys are not kept here: no route depends on them.

mod addresses;
mod build;
mod claimant;
mod claims;
mod contents;
mod host_owners;
mod names;
mod problem;
mod read;
mod routes;
mod shared_addresses;
mod slots;
#[cfg(test)]
mod tests;

pub use self::{
    contents::{Changes, Keyspace, KeyspaceOptions},
    problem::Problem,
};
