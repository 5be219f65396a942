//! A dry run: which of the clients seen lately a command would move.

use serde::{Deserialize, Serialize};

pub use crate::rollout::{blend::Blend, dry_run::MoveTime, explain::ReleaseSummary};

/// Ask which clients a command would move, and change nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DryRunRequest {
    /// The command.
    pub command: DryRunCommand,
    /// Of `blend`, which needs it: 0 to 100 with at most two decimals.
    pub percent: Option<Blend>,
    /// Of `blend`, `promote` and `abort`: the candidate that is meant, by id or name.
    pub release: Option<String>,
    /// Of `rollback`: any release of the history, by id or name; left out: `previous`.
    pub to: Option<String>,
    /// Tell it although its endpoints fail the health check.
    pub force: Option<bool>,
}

/// The commands whose moves can be told before they are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum DryRunCommand {
    /// Set the blend.
    Blend,
    /// Make the candidate stable.
    Promote,
    /// Drop the candidate.
    Abort,
    /// Make an earlier release stable again.
    Rollback,
}

/// What a command would do.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct DryRun {
    /// The app's name.
    pub app: String,
    /// The seq of the record that the command was decided on.
    pub seq: u64,
    /// The command, as the history would name it.
    pub command: String,
    /// Whether anything would change.
    pub result: DryRunResult,
    /// Distinct clients whose pins came back at this router in the last 5 to 10 minutes, by release; one that changed
    /// release meanwhile counts at both.
    pub seen: u64,
    /// How many of them the command would leave where they are.
    pub stay: u64,
    /// The others, by where they come from, where they go to, and when.
    pub moves: Vec<ClientMove>,
    /// The candidate's share of new clients, before and after.
    pub new_clients: NewClients,
    /// Two standard errors of a count, in percent of it; below some hundred clients it is exact to one or two.
    pub error_percent: f64,
    /// Two standard errors of the part of a release that moves, in percent of its clients, when not all of it does.
    pub error_points: f64,
    /// All of it in sentences.
    pub words: Vec<String>,
    /// With `force`: why the command would be refused without it; left out: it would not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
}

/// Whether a command would change anything.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum DryRunResult {
    /// It would.
    Change,
    /// All is as asked already.
    #[default]
    Unchanged,
}

/// Clients that would go the same way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct ClientMove {
    /// The release that they leave.
    pub from: Option<ReleaseSummary>,
    /// The release that they go to.
    pub to: Option<ReleaseSummary>,
    /// `at-once`: with their next request; `next-page`: with their next navigation; `after-drain`: with their first
    /// navigation after `drainseconds`, at the latest when the release retires.
    pub when: MoveTime,
    /// How many clients.
    pub clients: u64,
    /// How many of all that were seen, in percent.
    pub percent: f64,
}

/// The candidate's share of new clients, in percent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct NewClients {
    /// Now.
    pub before: f64,
    /// After the command.
    pub after: f64,
}
