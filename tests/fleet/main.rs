//! Fleets: several routers, each a process of its own, on one real store that is killed, stopped, cut off and slowed.
//!
//! Counts are reduced by default; `tests/run --long` runs them in full.

mod applied;
mod certificates;
mod cold_start;
mod endpoints;
mod failover;
mod faults;
mod gone;
mod halts;
mod hooks;
mod local_abort;
mod losing;
mod members;
mod past;
mod pin_keys;
mod plans;
mod proxy;
mod quiet;
mod routers;
mod secrets;
mod server;
mod tokens;
mod unregistered;
mod upgrades;
mod upkeep;
mod verdicts;
mod versions;
