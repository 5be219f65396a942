//! Every row of the table of commands, and the rules below it (docs/design.md section 4).

mod admission;
mod approvals;
mod draws;
mod halts;
mod plans;
mod replacement;
mod tenures;
mod tracks;

use super::{
    decision::Decision,
    kinds::Command,
    refusal::Refusal,
    role::Role::{Admin, Ci, Operator, Viewer},
};
use crate::{
    limits::{DRAINING_MAX, EVENTS_MAX, TENURES_LEFT_MAX},
    rollout::{
        adopt::OldKey,
        command_name::CommandName,
        facts::Facts,
        keys,
        record::{DrainCause, LeaveReason, Tenure},
        tests::fixture::{
            DRAIN_MAX_MS, Rollout, abort, app, percent, promote, release, rollback, saying, set_blend,
            set_candidate,
        },
    },
};

fn set_stable(name: &str) -> Command {
    Command::SetStable { release: release(name), facts: Facts::new() }
}

fn lock(until: Option<u64>) -> Command {
    Command::Lock { reason: "freeze".into(), until }
}

fn finish(tenure: Option<Tenure>) -> Command {
    Command::FinishDrain { tenure, automatic: false }
}

fn retire(tenure: Tenure) -> Command {
    Command::FinishDrain { tenure: Some(tenure), automatic: true }
}
