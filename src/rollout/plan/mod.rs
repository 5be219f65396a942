//! Plans: the steps by which a candidate's blend rises, and what must hold before each next one (docs/design.md section 16).
//!
//! | file | what it is |
//! |---|---|
//! | [`budget`] | how many users may be expected to meet a failure, where a plan has a budget instead of times |
//! | [`gate`] | what is asked before a plan goes on, and its answer |
//! | [`step`] | one step, as people write it |
//! | [`template`] | a plan of an app's settings |
//! | [`running`] | a plan that was started, as the rollout record holds it |
//! | [`standing`] | whether it goes on now, and what it waits for |
//!
//! Nothing here reads a clock or changes a record: commands do (`rollout::command`), and `control::plans` gives those that are
//! due.

pub mod budget;
pub mod gate;
pub mod running;
pub mod standing;
pub mod step;
pub mod template;
#[cfg(test)]
mod tests;

pub use self::{
    gate::GateAnswer,
    running::{PlanPause, RunningPlan},
    standing::{PlanFacts, PlanStanding},
    step::PlanStep,
    template::{PlanEnd, PlanTemplate},
};
