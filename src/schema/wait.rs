//! What a caller can wait for at an app.

use serde::{Deserialize, Serialize};

/// What can be waited for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Goal {
    /// Every endpoint of the release was checked and serves.
    #[default]
    Healthy,
    /// New clients are sent to the release, and an endpoint of it serves.
    Live,
    /// The release is on no track and does not drain any more.
    Drained,
    /// The release gets nothing new, and nothing of it is open on any router.
    CanBeStopped,
    /// Every router serves the app's newest change.
    Applied,
    /// The plan of the app is at a step, or at a later one.
    PlanStep,
}

impl Goal {
    /// Every goal.
    pub const ALL: [Self; 6] =
        [Self::Healthy, Self::Live, Self::Drained, Self::CanBeStopped, Self::Applied, Self::PlanStep];

    /// The word for it in the API and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Live => "live",
            Self::Drained => "drained",
            Self::CanBeStopped => "can-be-stopped",
            Self::Applied => "applied",
            Self::PlanStep => "plan-step",
        }
    }
}

impl std::str::FromStr for Goal {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|goal| goal.as_str() == text).ok_or_else(|| {
            format!("`{}`; allowed are {}", text.escape_debug(), Self::ALL.map(Self::as_str).join(", "))
        })
    }
}

/// How a wait ended.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Waited {
    /// The app.
    pub app: String,
    /// What was waited for.
    #[serde(rename = "for")]
    pub goal: Goal,
    /// Whether it is so.
    pub met: bool,
    /// The app's seq when it was looked at last.
    pub seq: u64,
    /// The releases that it is about, by name; empty: every one that drains, or the app as a whole.
    pub releases: Vec<String>,
    /// What is still missing, in words; empty: nothing is.
    pub waiting_for: Vec<String>,
    /// Of `drained` and `can-be-stopped`: the release among them that a rollback goes to, and whose endpoints it needs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub way_back: Option<String>,
}
