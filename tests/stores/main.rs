//! Stores end to end: a router that serves its store to others, servers that are followed, stores that fell, and commands
//! through several routers on one store that is killed and paused.

#![allow(clippy::unwrap_used, reason = "the helpers of a test panic like the test itself")]

mod backup;
mod conformance;
mod diverged;
mod following;
mod growing;
mod importing;
mod linearizability;
mod plain;
mod raw_gate;
mod restoring;
mod sentinel;
mod serving;
mod settling;
mod size;
mod starting;
mod storm;
mod waiting;
