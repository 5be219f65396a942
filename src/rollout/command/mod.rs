//! Commands: what a person or a pipeline may do to a rollout, and what comes of it (docs/design.md section 4).
//!
//! [`decide`] is the entrance. One file per concern: admission (roles, locks, what must be named), candidate, stable, sticky,
//! plan, lock (of the record, and of a pipeline), drain, endpoint, recycle, approvals, who may register endpoints, and what another record may make of an app. All of them work on a draft of the next record, so that a command is one value changing. Whether a
//! target is healthy and whether a table can be built is not decided here: the caller finds that out before it commits.

pub(super) mod admission;
pub(super) mod approvals;
mod asker;
mod candidate;
mod case;
mod decide;
mod decision;
pub(super) mod draft;
mod drain;
mod endpoint;
mod halt;
mod holds;
mod kinds;
mod lock;
pub mod pipeline_lock;
mod plan;
mod recycle;
mod refusal;
mod registration;
mod replacement;
pub(super) mod role;
mod stable;
mod sticky;
#[cfg(test)]
mod tests;

pub use self::{
    asker::{Asker, Background},
    decide::decide,
    decision::Decision,
    holds::Holds,
    kinds::{ApprovalSubject, Command},
    plan::find_plan,
    refusal::Refusal,
    registration::{RegistrationRules, admit_registration},
    replacement::{Replacement, check_replacement, replace},
    role::Role,
};
