//! Stores end to end: a router that serves its store to others, servers that are followed, stores that fell.

#![allow(clippy::unwrap_used, reason = "the helpers of a test panic like the test itself")]

#[path = "../../keyvalues/tests/support/mod.rs"]
mod servers;
#[path = "../support/mod.rs"]
mod support;
#[allow(dead_code, reason = "this suite uses a part of it")]
#[path = "../load/traffic.rs"]
mod traffic;

mod conformance;
mod following;
mod growing;
mod plain;
mod restoring;
mod serving;
mod settling;
mod size;
mod waiting;
