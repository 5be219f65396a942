//! Names of commands, as records, events, the API and hooks spell them.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The command that wrote a record.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum CommandName {
    /// `set-candidate`
    SetCandidate,
    /// `set-stable`
    SetStable,
    /// `set-facts`: something was said of a release on a track, and nothing else was changed.
    SetFacts,
    /// `clear-stable`: a person took the app off line.
    ClearStable,
    /// `set-blend`
    SetBlend,
    /// `set-sticky`
    SetSticky,
    /// `promote`
    Promote,
    /// `abort`
    Abort,
    /// `rollback`
    Rollback,
    /// `lock`
    Lock,
    /// `unlock`
    Unlock,
    /// `pause`: requests wait.
    Pause,
    /// `stop`: requests are answered by a page.
    Stop,
    /// `resume`: they go on.
    Resume,
    /// `start-plan`: a plan raises the blend from now on.
    StartPlan,
    /// `pause-plan`
    PausePlan,
    /// `resume-plan`
    ResumePlan,
    /// `skip-plan-step`: a person went on to the next step.
    SkipPlanStep,
    /// `advance-plan`: the plan did.
    AdvancePlan,
    /// `approve-plan-step`
    ApprovePlanStep,
    /// `stop-plan`: the blend stays as it is.
    StopPlan,
    /// `drain-endpoint`
    DrainEndpoint,
    /// `undrain-endpoint`
    UndrainEndpoint,
    /// `begin-recycle`: endpoints of a release are replaced, one by one.
    BeginRecycle,
    /// `replace-endpoint`: an endpoint takes the place of another one and is made of the same, so its approvals go on.
    ReplaceEndpoint,
    /// `end-recycle`: they are, or no more of them will be.
    EndRecycle,
    /// `finish-drain`: a person ended a drain.
    FinishDrain,
    /// `retire`: a drain ended by its deadline.
    Retire,
    /// `add-app`: a person made the app, without a release.
    AddApp,
    /// `change-endpoints`: endpoints of a release that the app routes were added, replaced or removed.
    ChangeEndpoints,
    /// `hold-endpoints`: the keys of endpoints vanished in the store, and they serve on.
    HoldEndpoints,
    /// `drop-endpoints`: some of them serve no longer, or are registered again.
    DropEndpoints,
    /// `change-settings`: the settings of the app were replaced or merged.
    ChangeSettings,
    /// `approve`: an operator said that a release may become stable, or that `approvals` may be lowered.
    Approve,
    /// `withdraw-approval`: an operator took that back.
    WithdrawApproval,
    /// `restore`: the app was replaced by what a file or a router said, and a refusal of that was overruled.
    Restore,
    /// `raw`: old keys were adopted into a record.
    Raw,
    /// `adopt`: old keys became an app's first record.
    Adopt,
    /// No command, as in a record that was never changed.
    #[default]
    None,
    /// The command of a newer version, kept as it is written.
    Other(Box<str>),
}

impl CommandName {
    /// Every name that this version writes.
    pub const ALL: [Self; 38] = [
        Self::SetCandidate,
        Self::SetStable,
        Self::SetFacts,
        Self::ClearStable,
        Self::SetBlend,
        Self::SetSticky,
        Self::Promote,
        Self::Abort,
        Self::Rollback,
        Self::Lock,
        Self::Unlock,
        Self::Pause,
        Self::Stop,
        Self::Resume,
        Self::StartPlan,
        Self::PausePlan,
        Self::ResumePlan,
        Self::SkipPlanStep,
        Self::AdvancePlan,
        Self::ApprovePlanStep,
        Self::StopPlan,
        Self::DrainEndpoint,
        Self::UndrainEndpoint,
        Self::BeginRecycle,
        Self::ReplaceEndpoint,
        Self::EndRecycle,
        Self::FinishDrain,
        Self::Retire,
        Self::AddApp,
        Self::ChangeEndpoints,
        Self::HoldEndpoints,
        Self::DropEndpoints,
        Self::ChangeSettings,
        Self::Approve,
        Self::WithdrawApproval,
        Self::Restore,
        Self::Raw,
        Self::Adopt,
    ];

    /// The name as it is written, such as `set-candidate`; empty for [`CommandName::None`].
    pub fn as_str(&self) -> &str {
        match self {
            Self::SetCandidate => "set-candidate",
            Self::SetStable => "set-stable",
            Self::SetFacts => "set-facts",
            Self::ClearStable => "clear-stable",
            Self::SetBlend => "set-blend",
            Self::SetSticky => "set-sticky",
            Self::Promote => "promote",
            Self::Abort => "abort",
            Self::Rollback => "rollback",
            Self::Lock => "lock",
            Self::Unlock => "unlock",
            Self::Pause => "pause",
            Self::Stop => "stop",
            Self::Resume => "resume",
            Self::StartPlan => "start-plan",
            Self::PausePlan => "pause-plan",
            Self::ResumePlan => "resume-plan",
            Self::SkipPlanStep => "skip-plan-step",
            Self::AdvancePlan => "advance-plan",
            Self::ApprovePlanStep => "approve-plan-step",
            Self::StopPlan => "stop-plan",
            Self::DrainEndpoint => "drain-endpoint",
            Self::UndrainEndpoint => "undrain-endpoint",
            Self::BeginRecycle => "begin-recycle",
            Self::ReplaceEndpoint => "replace-endpoint",
            Self::EndRecycle => "end-recycle",
            Self::FinishDrain => "finish-drain",
            Self::Retire => "retire",
            Self::AddApp => "add-app",
            Self::ChangeEndpoints => "change-endpoints",
            Self::HoldEndpoints => "hold-endpoints",
            Self::DropEndpoints => "drop-endpoints",
            Self::ChangeSettings => "change-settings",
            Self::Approve => "approve",
            Self::WithdrawApproval => "withdraw-approval",
            Self::Restore => "restore",
            Self::Raw => "raw",
            Self::Adopt => "adopt",
            Self::None => "",
            Self::Other(name) => name,
        }
    }
}

impl From<&str> for CommandName {
    fn from(text: &str) -> Self {
        let known = Self::ALL.into_iter().chain([Self::None]).find(|name| name.as_str() == text);
        known.unwrap_or_else(|| Self::Other(text.into()))
    }
}

impl fmt::Display for CommandName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for CommandName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for CommandName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| text.as_str().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_is_read_also_from_a_newer_version() {
        for name in CommandName::ALL.into_iter().chain([CommandName::None]) {
            assert_eq!(CommandName::from(name.as_str()), name);
        }
        let newer = CommandName::from("begin-plan");
        assert_eq!((newer.as_str(), &newer), ("begin-plan", &CommandName::Other("begin-plan".into())));
    }
}
