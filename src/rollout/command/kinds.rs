//! The commands for one app.

use std::collections::BTreeSet;

use crate::rollout::{
    address::Address, blend::Blend, command_name::CommandName, facts::Facts, record::Tenure,
    release::ReleaseId,
};

/// A command for one app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Puts a release on the candidate track.
    SetCandidate {
        /// The release.
        release: ReleaseId,
        /// Its blend. None: 0, or unchanged if the release is the candidate already.
        blend: Option<Blend>,
        /// The present candidate, which `ci` must name to replace it.
        replace: Option<ReleaseId>,
        /// The plan that raises its blend from now on, by name.
        plan: Option<String>,
        /// What is said of it; empty: what is known stays.
        facts: Facts,
    },
    /// Makes a release stable.
    SetStable {
        /// The release.
        release: ReleaseId,
        /// What is said of it; empty: what is known stays.
        facts: Facts,
    },
    /// Says something of a release that is on a track, and changes nothing else.
    SetFacts {
        /// The release.
        release: ReleaseId,
        /// What is said of it.
        facts: Facts,
    },
    /// Takes the stable release off its track, with nothing in its place: the app is off line.
    ClearStable {
        /// Whether it is meant although that release serves.
        force: bool,
    },
    /// Makes the app, without a release.
    AddApp,
    /// Changes the settings of the app, which stand beside the record.
    ChangeSettings {
        /// The setting `approvals` after the change.
        approvals: u8,
    },
    /// Says that a release may become stable, or that `approvals` may be lowered.
    Approve {
        /// What.
        subject: ApprovalSubject,
    },
    /// Takes the asker's own approval back.
    WithdrawApproval {
        /// Of what.
        subject: ApprovalSubject,
    },
    /// Sets the blend.
    SetBlend {
        /// The new blend.
        blend: Blend,
        /// The candidate that is meant; another one is refused.
        release: Option<ReleaseId>,
    },
    /// Sets whether clients are pinned.
    SetSticky {
        /// The new value.
        sticky: bool,
    },
    /// The candidate becomes stable.
    Promote {
        /// The candidate that is meant; another one is refused.
        release: Option<ReleaseId>,
    },
    /// The candidate is dropped.
    Abort {
        /// The candidate that is meant; another one is refused.
        release: Option<ReleaseId>,
    },
    /// An earlier release becomes stable again.
    Rollback {
        /// The release to go back to. None: `previous`.
        to: Option<ReleaseId>,
    },
    /// Locks `ci` out.
    Lock {
        /// Why.
        reason: String,
        /// When it ends by itself, Unix ms.
        until: Option<u64>,
    },
    /// Ends a lock.
    Unlock,
    /// Lets requests wait.
    Pause {
        /// How long at most.
        seconds: u32,
    },
    /// Answers requests by a page.
    Stop {
        /// What it says.
        message: String,
    },
    /// Lets requests go on.
    Resume,
    /// Starts a plan for the candidate.
    StartPlan {
        /// Its name in the setting `plans`.
        name: String,
    },
    /// Keeps the plan where it is.
    PausePlan,
    /// Lets it go on.
    ResumePlan,
    /// Goes on to its next step.
    AdvancePlan {
        /// The step that it leaves, from 0, so that a repeated command goes on once.
        from: usize,
        /// Whether the router gives the command, since all that the step waits for is so.
        automatic: bool,
    },
    /// Lets it go on from a step that needs an approval.
    ApprovePlanStep,
    /// Ends it, with the blend as it is.
    StopPlan,
    /// Sends no new client to an endpoint.
    DrainEndpoint {
        /// Its release.
        release: ReleaseId,
        /// Its address.
        address: Address,
        /// When open exchanges there end, in seconds from now. None: after `drainmaxseconds`.
        seconds: Option<u64>,
        /// Whether its clients stay until they navigate, or until then.
        softly: bool,
    },
    /// Begins to replace endpoints of a release, one by one.
    BeginRecycle {
        /// The release.
        release: ReleaseId,
        /// The endpoints that go.
        outgoing: BTreeSet<Address>,
        /// Whether what was approved is replaced by something else.
        ends_approvals: bool,
    },
    /// Says that an endpoint takes the place of another one, and is made of the same: what was approved goes on.
    ReplaceEndpoint {
        /// The release.
        release: ReleaseId,
        /// The address of the one that goes.
        old: Address,
        /// The address of the one that comes.
        new: Address,
    },
    /// Says that no endpoint of a release is replaced any more.
    EndRecycle {
        /// The release.
        release: ReleaseId,
    },
    /// Sends clients to an endpoint as before.
    UndrainEndpoint {
        /// Its release.
        release: ReleaseId,
        /// Its address.
        address: Address,
    },
    /// Ends the drain of one tenure now, or of all.
    FinishDrain {
        /// The tenure. None: all.
        tenure: Option<Tenure>,
        /// Whether the router gives the command, since the deadline of the drain has passed. No lock refuses it then.
        automatic: bool,
    },
}

/// What is approved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApprovalSubject {
    /// A release. None: the candidate.
    Release(Option<ReleaseId>),
    /// A lower value of the setting `approvals`.
    Lowering(u8),
}

impl Command {
    /// Its name in records, events and the API.
    pub const fn name(&self) -> CommandName {
        match self {
            Self::SetCandidate { .. } => CommandName::SetCandidate,
            Self::SetStable { .. } => CommandName::SetStable,
            Self::SetFacts { .. } => CommandName::SetFacts,
            Self::ClearStable { .. } => CommandName::ClearStable,
            Self::AddApp => CommandName::AddApp,
            Self::ChangeSettings { .. } => CommandName::ChangeSettings,
            Self::Approve { .. } => CommandName::Approve,
            Self::WithdrawApproval { .. } => CommandName::WithdrawApproval,
            Self::SetBlend { .. } => CommandName::SetBlend,
            Self::SetSticky { .. } => CommandName::SetSticky,
            Self::Promote { .. } => CommandName::Promote,
            Self::Abort { .. } => CommandName::Abort,
            Self::Rollback { .. } => CommandName::Rollback,
            Self::Lock { .. } => CommandName::Lock,
            Self::Unlock => CommandName::Unlock,
            Self::Pause { .. } => CommandName::Pause,
            Self::Stop { .. } => CommandName::Stop,
            Self::Resume => CommandName::Resume,
            Self::StartPlan { .. } => CommandName::StartPlan,
            Self::PausePlan => CommandName::PausePlan,
            Self::ResumePlan => CommandName::ResumePlan,
            Self::AdvancePlan { automatic: false, .. } => CommandName::SkipPlanStep,
            Self::AdvancePlan { automatic: true, .. } => CommandName::AdvancePlan,
            Self::ApprovePlanStep => CommandName::ApprovePlanStep,
            Self::StopPlan => CommandName::StopPlan,
            Self::DrainEndpoint { .. } => CommandName::DrainEndpoint,
            Self::UndrainEndpoint { .. } => CommandName::UndrainEndpoint,
            Self::BeginRecycle { .. } => CommandName::BeginRecycle,
            Self::ReplaceEndpoint { .. } => CommandName::ReplaceEndpoint,
            Self::EndRecycle { .. } => CommandName::EndRecycle,
            Self::FinishDrain { automatic: false, .. } => CommandName::FinishDrain,
            Self::FinishDrain { automatic: true, .. } => CommandName::Retire,
        }
    }
}
