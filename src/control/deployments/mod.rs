//! The carrier: deployments carried out at the engines of this router, one step after the other (docs/design.md section 15).
//!
//! What comes next is decided in `rollout::deployment`, from the record and from what the engine shows. Here a step's intent is
//! committed with its number, the step is carried out, and its outcome is committed; so whichever router goes on after another
//! one ended finds out what is so, and does nothing twice. Of all routers that have an engine, the one that holds its claim is at
//! it. Endpoints and tracks are changed by the same commands as everybody's, in the role of who asked for the deployment.

pub mod carrier;
mod effect;
mod held;
mod in_time;
mod last_words;
mod observe;
mod place;
mod pull;
mod report;
mod step_error;
mod turn;
