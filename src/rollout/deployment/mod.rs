//! Deployments: containers that an engine runs for one release, or that somebody else runs and registers.
//!
//! Pure, as all of `rollout`: what a deployment is, what a compose file says of one, and which step comes next. Whoever
//! carries a step out stands in `control`.

pub mod compose;
pub mod environment;
pub mod going;
pub mod id;
pub mod outcome;
pub mod plan;
pub mod record;
pub mod recycle;
pub mod recycling;
pub mod replacing;
pub mod run;
pub mod state;
pub mod step;
#[cfg(test)]
mod tests;
