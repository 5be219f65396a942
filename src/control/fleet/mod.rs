//! The fleet: any number of routers that watch one store (docs/design.md section 10).
//!
//! A router enters as a durable entry in the store before it reads what it will serve, so whoever commits later knows of
//! it. It reports what it serves, coalesced, gives signs of life under a lease, and leaves with a graceful exit. Other
//! members learn all of that by the watch that they follow anyway. Alone, a router writes its entry and nothing else.
//!
//! Absent on purpose: any agreement among members. What is agreed on is in the store, guarded by its checks.

pub mod alarms;
mod history;
pub mod membership;
mod past;
pub mod release_loads;
pub mod report;
pub mod rotation;
pub mod secrets;
mod sign_of_life;
pub mod wait;
