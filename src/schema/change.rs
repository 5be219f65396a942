//! Changes to an app: what each command is asked for. Every one is answered with the app's new state.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use crate::rollout::blend::Blend;

/// Put a release on trial.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CandidateRequest {
    /// A release that the store knows and that belongs to no other app, as `apps/<segment>/containers`; or send `release`.
    pub id: Option<String>,
    /// A release by its name: one of the app's own, or one that belongs to no app. A new one needs `endpoints`, and is
    /// registered as `apps/<app>-<release>-<port>/containers`.
    pub release: Option<String>,
    /// All endpoints that are registered for the release, `ip:port`, `name:port` or `unix:/path` each; left out: they stay.
    pub endpoints: Option<Vec<String>>,
    /// The service in the id of the release that `release` names. The id of a new release begins with its app, so there it
    /// can only be the app.
    pub service: Option<String>,
    /// The port in the id of a new release; left out: 80.
    pub port: Option<u16>,
    /// Percent of new clients that go to it, 0 to 100 with at most two decimals; left out: 0.
    pub blend: Option<Blend>,
    /// The plan that raises its blend from now on, of the setting `plans`; instead of `blend`.
    pub plan: Option<String>,
    /// The candidate that it may replace, by id or name. A `ci` token must name one that has a share of the clients.
    pub replace: Option<String>,
    /// What is worth knowing of it, at most 12 facts by name, such as `commit`, `author`, `build` or `notes`. A value that is a URL is
    /// a link on the page; left out: what is known stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub facts: Option<BTreeMap<String, String>>,
    /// Replace its endpoints although others are registered for it already; of an operator, also although the new ones fail the
    /// health check while it gets requests.
    pub force: Option<bool>,
    /// Why, for the history.
    pub reason: Option<String>,
}

/// Make a release stable.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct StableRequest {
    /// A release that the store knows and that belongs to no other app, as `apps/<segment>/containers`; or send `release`.
    pub id: Option<String>,
    /// A release by its name: one of the app's own, or one that belongs to no app. A new one needs `endpoints`, and is
    /// registered as `apps/<app>-<release>-<port>/containers`.
    pub release: Option<String>,
    /// All endpoints that are registered for the release, `ip:port`, `name:port` or `unix:/path` each; left out: they stay.
    pub endpoints: Option<Vec<String>>,
    /// The service in the id of the release that `release` names. The id of a new release begins with its app, so there it
    /// can only be the app.
    pub service: Option<String>,
    /// The port in the id of a new release; left out: 80.
    pub port: Option<u16>,
    /// What is worth knowing of it, at most 12 facts by name, such as `commit`, `author`, `build` or `notes`. A value that is a URL is
    /// a link on the page; left out: what is known stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub facts: Option<BTreeMap<String, String>>,
    /// Replace its endpoints although others are registered for it already; of an operator, also although endpoints fail the
    /// health check.
    pub force: Option<bool>,
    /// How many seconds to ask its endpoints again until they pass, 0 to 600; left out: 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait: Option<u64>,
    /// Why, for the history.
    pub reason: Option<String>,
}

/// Take the stable release off its track, with nothing in its place.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ClearStableRequest {
    /// Go on although new clients will get 503.
    pub force: Option<bool>,
    /// Why, for the history.
    pub reason: Option<String>,
}

/// Make an app that has no release yet.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AppRequest {
    /// Host names that lead to it, exact or with `*.`. They are a setting, so only an operator may send them.
    pub hosts: Option<Vec<String>>,
    /// Why, for the history.
    pub reason: Option<String>,
}

/// Set the share of new clients that goes to the candidate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct BlendRequest {
    /// 0 to 100, with at most two decimals.
    pub percent: Blend,
    /// The release that is meant, by id or name: refused if it is not the candidate.
    pub release: Option<String>,
    /// Why, for the history.
    pub reason: Option<String>,
}

/// Pin clients, or draw anew for every request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct StickyRequest {
    /// Whether clients are pinned.
    pub sticky: bool,
    /// Why, for the history.
    pub reason: Option<String>,
}

/// Let requests of the app wait.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PauseRequest {
    /// How long at most, 1 to 300; left out: 30.
    pub seconds: Option<u32>,
    /// Why, for the history.
    pub reason: Option<String>,
}

/// Answer requests of the app by a page.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct StopRequest {
    /// What the page says, as plain text of at most 1,000 bytes; left out: that the app is stopped for a while.
    pub message: Option<String>,
    /// Why, for the history.
    pub reason: Option<String>,
}

/// Start a plan for the candidate.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PlanRequest {
    /// Its name in the setting `plans`.
    pub plan: String,
    /// Why, for the history.
    pub reason: Option<String>,
}

/// Go on to the next step of a plan.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SkipRequest {
    /// The step that it leaves, from 1, so that a repeated call goes on once.
    pub step: usize,
    /// Why, for the history.
    pub reason: Option<String>,
}

/// Hold `ci` tokens back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct LockRequest {
    /// Why. Everyone whom the lock holds back is shown it.
    pub reason: String,
    /// When the lock ends by itself, Unix ms; left out, with `seconds` too: it does not.
    pub until: Option<u64>,
    /// The same as seconds from now by the router's clock, at most 31536000 (a year); in place of `until`.
    pub seconds: Option<u64>,
    /// Which run of a pipeline takes the lock for itself, and renews it by the same call. Of a `ci` token, whose locks are all
    /// of this kind, the token's name if it is left out.
    pub holder: Option<String>,
    /// For how many seconds to wait for a lock that another run has, at most 60; left out: 0.
    pub wait: Option<u64>,
}

/// End a lock.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct UnlockRequest {
    /// Only the lock that this run of a pipeline has.
    pub holder: Option<String>,
    /// Why, for the history.
    pub reason: Option<String>,
}

/// Make the candidate stable.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PromoteRequest {
    /// The release that is meant, by id or name: refused if it is not the candidate.
    pub release: Option<String>,
    /// Go on although its endpoints fail the health check. Only for operators.
    pub force: Option<bool>,
    /// How many seconds to ask its endpoints again until they pass, 0 to 600; left out: 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait: Option<u64>,
    /// Why, for the history.
    pub reason: Option<String>,
}

/// Drop the candidate.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AbortRequest {
    /// The release that is meant, by id or name: refused if it is not the candidate.
    pub release: Option<String>,
    /// Abort also while the store does not answer, then on this router alone: the store is given the abort as soon as it
    /// answers, if nothing came between. For operators.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local: Option<bool>,
    /// Why, for the history.
    pub reason: Option<String>,
}

/// Make an earlier release stable again.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RollbackRequest {
    /// Any release of the history, by id or name; left out: `previous`.
    pub to: Option<String>,
    /// Go on although its endpoints fail the health check. Only for operators.
    pub force: Option<bool>,
    /// How many seconds to ask its endpoints again until they pass, 0 to 600; left out: 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait: Option<u64>,
    /// Why, for the history.
    pub reason: Option<String>,
}

/// Retire draining releases now.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct FinishDrainRequest {
    /// The release that drains, by id or name; left out, with `tenure` too: every one that drains.
    pub release: Option<String>,
    /// Instead of `release`: its tenure, as in the app's state.
    pub tenure: Option<u32>,
    /// Why, for the history.
    pub reason: Option<String>,
}

/// A change that takes nothing but a reason.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ReasonRequest {
    /// Why, for the history.
    pub reason: Option<String>,
}
