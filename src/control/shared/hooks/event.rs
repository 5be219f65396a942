//! The kinds of events that a hook can get: a closed list.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::rollout::command_name::CommandName;

/// One kind of event. Those of the history bear the names of commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EventKind {
    SetCandidate,
    SetStable,
    ClearStable,
    SetBlend,
    SetSticky,
    Promote,
    Abort,
    Rollback,
    Lock,
    Unlock,
    DrainEndpoint,
    UndrainEndpoint,
    FinishDrain,
    Retire,
    AddApp,
    ChangeEndpoints,
    Raw,
    Adopt,
    /// A change of a kind that this version does not know: another member of the fleet may be newer.
    Change,
    CanBeStopped,
    StoreDiverged,
    StoreStale,
    ClockSkew,
    MemberSilent,
    MemberBehind,
    SameName,
    BadValue,
    /// Sent on request. No hook chooses it, and every hook gets it.
    Test,
}

use EventKind as E;

/// Every kind that a hook may choose, its name, and what it says.
const CHOICES: [(EventKind, &str, &str); 27] = [
    (E::SetCandidate, "set-candidate", "a candidate was set"),
    (E::SetStable, "set-stable", "a release was made stable without a trial"),
    (E::ClearStable, "clear-stable", "the stable release was taken away: the app is off line"),
    (E::SetBlend, "set-blend", "the blend was moved"),
    (E::SetSticky, "set-sticky", "pinning was turned on or off"),
    (E::Promote, "promote", "the candidate became stable"),
    (E::Abort, "abort", "the candidate was dropped"),
    (E::Rollback, "rollback", "an earlier release is stable again"),
    (E::Lock, "lock", "pipelines are held back"),
    (E::Unlock, "unlock", "pipelines may act again"),
    (E::DrainEndpoint, "drain-endpoint", "an endpoint drains"),
    (E::UndrainEndpoint, "undrain-endpoint", "an endpoint takes requests again"),
    (E::FinishDrain, "finish-drain", "a drain was ended by hand"),
    (E::Retire, "retire", "a release has drained and is gone"),
    (E::AddApp, "add-app", "an app was made, without a release"),
    (E::ChangeEndpoints, "change-endpoints", "endpoints of a routed release were added, replaced or removed"),
    (E::Raw, "raw", "a script changed the app by raw keyvalues"),
    (E::Adopt, "adopt", "an app began with raw keyvalues"),
    (E::Change, "change", "a change of another kind"),
    (E::CanBeStopped, "can-be-stopped", "nobody is left at a draining release: its endpoints can be stopped"),
    (
        E::StoreDiverged,
        "store-diverged",
        "the store is another one, or older, than the router knew: commands are refused",
    ),
    (E::StoreStale, "store-stale", "a router has not read the store for some seconds"),
    (E::ClockSkew, "clock-skew", "a router's clock differs from the others'"),
    (E::MemberSilent, "member-silent", "a router of the fleet gives no sign of life"),
    (E::MemberBehind, "member-behind", "a router of the fleet serves another state"),
    (E::SameName, "same-name", "two routers of the fleet have the same name"),
    (E::BadValue, "bad-value", "a stored value is not valid"),
];

impl EventKind {
    /// Every kind that a hook may choose: kind, name, and what it says.
    pub const fn choices() -> &'static [(Self, &'static str, &'static str)] {
        &CHOICES
    }

    /// Its name.
    pub fn as_str(self) -> &'static str {
        CHOICES.iter().find(|(kind, ..)| *kind == self).map_or("test", |(_, name, _)| name)
    }

    /// The kind of a change that this command made.
    pub fn of_command(command: &CommandName) -> Self {
        let of_history = |kind: &Self| *kind < Self::Change;
        command.as_str().parse().ok().filter(of_history).unwrap_or(Self::Change)
    }
}

impl FromStr for EventKind {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        CHOICES.iter().find(|(_, name, _)| *name == text).map(|(kind, ..)| *kind).ok_or(())
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
        for (kind, name, _) in EventKind::choices() {
            assert_eq!(serde_json::to_value(kind).unwrap(), *name);
            assert_eq!((name.parse(), kind.as_str()), (Ok(*kind), *name));
        }
        assert_eq!("test".parse::<EventKind>(), Err(()), "nobody can choose it");
    }

    #[test]
    fn the_history_and_hooks_use_the_same_words() {
        for (word, kind) in [
            (CommandName::Promote, EventKind::Promote),
            (CommandName::SetStable, EventKind::SetStable),
            (CommandName::Rollback, EventKind::Rollback),
            (CommandName::Retire, EventKind::Retire),
            (CommandName::Raw, EventKind::Raw),
            (CommandName::Adopt, EventKind::Adopt),
            (CommandName::Unlock, EventKind::Unlock),
            (CommandName::Other("of-tomorrow".into()), EventKind::Change),
            (CommandName::Other("store-stale".into()), EventKind::Change),
        ] {
            assert_eq!(EventKind::of_command(&word), kind, "{word}");
        }
        for command in CommandName::ALL {
            assert_ne!(EventKind::of_command(&command), EventKind::Change, "{command}");
        }
    }
}
