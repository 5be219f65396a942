//! The kinds of events that a hook can get: a closed list.

use std::{fmt, str::FromStr};

use crate::rollout::{command_name::CommandName, text_form::serde_as_text};

/// One kind of event.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventKind {
    /// A change in an app's history, by the command that made it.
    Command(CommandName),
    /// A change by a command that this version does not know: another member of the fleet may be newer.
    Change,
    CanBeStopped,
    StoreDiverged,
    StoreStale,
    ClockSkew,
    MemberSilent,
    MemberBehind,
    SameName,
    BadValue,
    EngineLost,
    EndpointName,
    FreezeWindows,
    TokenMade,
    TokenRevoked,
    /// An image was deployed.
    Deployed,
    DeployFailed,
    /// Containers were made anew, or not all of them.
    Recycled,
    /// A plan asks whether it may go on. Only the hook that its step names gets it.
    Gate,
    /// Sent on request. No hook chooses it, and every hook gets it.
    Test,
}

serde_as_text!(EventKind, EventKind::as_str);

/// A text is not the name of an event that a hook may choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no event of this name")]
pub struct EventKindError;

/// The kinds that a hook may choose besides the commands.
const OTHERS: [EventKind; 18] = [
    EventKind::Change,
    EventKind::CanBeStopped,
    EventKind::StoreDiverged,
    EventKind::StoreStale,
    EventKind::ClockSkew,
    EventKind::MemberSilent,
    EventKind::MemberBehind,
    EventKind::SameName,
    EventKind::BadValue,
    EventKind::EngineLost,
    EventKind::EndpointName,
    EventKind::FreezeWindows,
    EventKind::TokenMade,
    EventKind::TokenRevoked,
    EventKind::Deployed,
    EventKind::DeployFailed,
    EventKind::Recycled,
    EventKind::Gate,
];

impl EventKind {
    /// Every kind that a hook may choose.
    pub fn choices() -> impl Iterator<Item = Self> {
        CommandName::ALL.into_iter().map(Self::Command).chain(OTHERS)
    }

    /// The kind of a change that this command made.
    pub fn of_command(command: &CommandName) -> Self {
        if CommandName::ALL.contains(command) { Self::Command(command.clone()) } else { Self::Change }
    }

    /// Its name.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Command(command) => command.as_str(),
            Self::Change => "change",
            Self::CanBeStopped => "can-be-stopped",
            Self::StoreDiverged => "store-diverged",
            Self::StoreStale => "store-stale",
            Self::ClockSkew => "clock-skew",
            Self::MemberSilent => "member-silent",
            Self::MemberBehind => "member-behind",
            Self::SameName => "same-name",
            Self::BadValue => "bad-value",
            Self::EngineLost => "engine_lost",
            Self::EndpointName => "endpoint_name",
            Self::FreezeWindows => "freeze-windows",
            Self::TokenMade => "token-made",
            Self::TokenRevoked => "token-revoked",
            Self::Deployed => "deployed",
            Self::DeployFailed => "deploy_failed",
            Self::Recycled => "recycled",
            Self::Gate => "gate",
            Self::Test => "test",
        }
    }

    /// What it says.
    pub fn about(&self) -> &'static str {
        match self {
            Self::Command(command) => about_command(command),
            Self::Change => "a change of another kind",
            Self::CanBeStopped => "nobody is left at a draining release: its endpoints can be stopped",
            Self::StoreDiverged => {
                "the store is another one, or older, than the router knew: commands are refused"
            }
            Self::StoreStale => "a router has not read the store for some seconds",
            Self::ClockSkew => "a router's clock differs from the others'",
            Self::MemberSilent => "a router of the fleet gives no sign of life",
            Self::MemberBehind => "a router of the fleet serves another state",
            Self::SameName => "two routers of the fleet have the same name",
            Self::BadValue => "a stored value is not valid",
            Self::EngineLost => "a router's Docker engine does not answer",
            Self::EndpointName => {
                "the name of an endpoint does not resolve, or to an address that is not allowed"
            }
            Self::FreezeWindows => "the freeze windows of all apps were set",
            Self::TokenMade => "a token was made; the message never holds it",
            Self::TokenRevoked => "a token was taken back",
            Self::Deployed => "a deployment has come up and serves",
            Self::DeployFailed => "a deployment did not come up, and nothing else was changed",
            Self::Recycled => "the containers of a deployment were made anew, or could not all be",
            Self::Gate => "a plan asks the hook whether it may go on; only what its step names is asked",
            Self::Test => "a test",
        }
    }
}

fn about_command(command: &CommandName) -> &'static str {
    match command {
        CommandName::SetCandidate => "a candidate was set",
        CommandName::SetStable => "a release was made stable without a trial",
        CommandName::SetFacts => "something was said of a release on a track, and nothing else was changed",
        CommandName::ClearStable => "the stable release was taken away: the app is off line",
        CommandName::SetBlend => "the blend was moved",
        CommandName::SetSticky => "pinning was turned on or off",
        CommandName::Promote => "the candidate became stable",
        CommandName::Abort => "the candidate was dropped",
        CommandName::Rollback => "an earlier release is stable again",
        CommandName::Lock => "pipelines are held back",
        CommandName::Unlock => "pipelines may act again",
        CommandName::Pause => "requests of the app wait",
        CommandName::Stop => "requests of the app are answered by a page",
        CommandName::Resume => "requests of the app go on",
        CommandName::StartPlan => "a plan raises the blend from now on",
        CommandName::PausePlan => "the plan was paused",
        CommandName::ResumePlan => "the plan goes on",
        CommandName::SkipPlanStep => "a person went on to the plan's next step",
        CommandName::AdvancePlan => "the plan went on to its next step, or is over",
        CommandName::ApprovePlanStep => "an operator let the plan go on",
        CommandName::StopPlan => "the plan was ended, with the blend as it is",
        CommandName::DrainEndpoint => "an endpoint drains",
        CommandName::UndrainEndpoint => "an endpoint takes requests again",
        CommandName::BeginRecycle => "the endpoints of a release are being replaced, one by one",
        CommandName::ReplaceEndpoint => "an endpoint was replaced by one that is made of the same",
        CommandName::EndRecycle => "no endpoint of a release is being replaced any more",
        CommandName::FinishDrain => "a drain was ended by hand",
        CommandName::Retire => "a release has drained and is gone",
        CommandName::AddApp => "an app was made, without a release",
        CommandName::ChangeEndpoints => "endpoints of a routed release were added, replaced or removed",
        CommandName::HoldEndpoints => "the keys of endpoints vanished in the store, and they serve on",
        CommandName::DropEndpoints => {
            "endpoints that were registered nowhere serve no longer, or are registered again"
        }
        CommandName::ChangeSettings => "settings of the app were changed",
        CommandName::Approve => "an operator approved a release, or a lower number of approvals",
        CommandName::WithdrawApproval => "an operator took an approval back",
        CommandName::Restore => {
            "an admin replaced the app by a file or by what a router served, in spite of a refusal"
        }
        CommandName::Raw => "a script changed the app by raw keyvalues",
        CommandName::Adopt => "an app began with raw keyvalues",
        CommandName::None | CommandName::Other(_) => "a change of another kind",
    }
}

impl FromStr for EventKind {
    type Err = EventKindError;

    fn from_str(text: &str) -> Result<Self, EventKindError> {
        Self::choices().find(|kind| kind.as_str() == text).ok_or(EventKindError)
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_stored_as_they_are_shown() {
        for kind in EventKind::choices() {
            assert_eq!(serde_json::to_value(&kind).unwrap(), kind.as_str());
            assert_eq!(kind.as_str().parse(), Ok(kind.clone()));
        }
        assert_eq!("test".parse::<EventKind>(), Err(EventKindError), "nobody can choose it");
    }

    #[test]
    fn a_command_of_another_version_is_a_change() {
        assert_eq!(EventKind::of_command(&CommandName::Promote).as_str(), "promote");
        for name in ["of-tomorrow", "store-stale", ""] {
            assert_eq!(EventKind::of_command(&name.into()), EventKind::Change, "{name}");
        }
    }
}
