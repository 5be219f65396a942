//! Stores end to end: a router that serves its store to others.

#[path = "../support/mod.rs"]
mod support;

mod conformance;
mod serving;
