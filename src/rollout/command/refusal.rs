//! Refusals: why a command is not done, for the person who has to act, and as a stable word for programs.

use super::role::Role;
use crate::rollout::{blend::Blend, record::Lock, release::ReleaseId};

/// Why a command was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// 409: the app's state does not allow it. `code` is a stable snake_case word.
    #[error("{message}")]
    State {
        /// A stable word for programs.
        code: &'static str,
        /// For the person who has to act.
        message: String,
    },
    /// 412: the record has changed since the asker read it.
    #[error("the app is at seq {now}, but If-Match says {seen}: read the app again, then repeat the command")]
    Stale {
        /// The seq of If-Match.
        seen: u64,
        /// The present seq.
        now: u64,
    },
    /// 422: a value is not allowed.
    #[error("{field}: {message}")]
    Value {
        /// The field.
        field: &'static str,
        /// The value, and what is allowed.
        message: String,
    },
    /// 423: a lock refuses it.
    #[error("locked by {by}{}: {}", ends_in(*until, *now), if reason.is_empty() { "no reason given" } else { reason })]
    Locked {
        /// Who locked.
        by: String,
        /// Why.
        reason: String,
        /// When the lock ends by itself, Unix ms.
        until: Option<u64>,
        /// When the command was given, Unix ms.
        now: u64,
    },
    /// 423: others wait for the lock of the pipelines, and came before.
    #[error("{waiting} wait for the lock, and {first} is the first of them")]
    Queued {
        /// Who gets it next: the name of a token.
        first: String,
        /// How many wait.
        waiting: usize,
        /// When the first one loses its place unless it asks again, Unix ms.
        until: Option<u64>,
    },
    /// 423: a freeze window refuses it.
    #[error("the freeze window `{window}` holds `ci` tokens back{}; an operator may change the app", ends_in(*until, *now))]
    Frozen {
        /// The window.
        window: String,
        /// When no window stands any more, Unix ms. None: the windows leave no gap.
        until: Option<u64>,
        /// When the command was given, Unix ms.
        now: u64,
    },
    /// 428: `ci` must name the release or the seq that it saw.
    #[error("a `ci` token must send `release` or If-Match with this command")]
    Precondition,
    /// 403: the app caps what `ci` may give a release to.
    #[error(
        "this app's `ci_blend_max` is {cap}, so a `ci` token may not make a release stable; an operator may, and so may \
         `ci` if the setting `ci_may_promote` is true"
    )]
    Capped {
        /// The most percent of clients that `ci` may give a release to.
        cap: Blend,
    },
    /// 403: `ci` may not show new addresses to so many clients.
    #[error(
        "the release may have {exposure} % of the clients, and this app's `ci_blend_max` lets a `ci` token show new addresses to \
         at most {cap} %; an operator may, and so may a token that the setting `register_under_lock` names"
    )]
    CappedEndpoints {
        /// The most percent of clients.
        cap: Blend,
        /// The percent of clients that the release may have.
        exposure: Blend,
    },
    /// 403: the role may not give this command.
    #[error("a `{role}` token may not give this command; it needs the role `{needs}`")]
    Forbidden {
        /// The asker's role.
        role: Role,
        /// The lowest role that may.
        needs: Role,
    },
}

impl Refusal {
    /// A stable snake_case word for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::State { code, .. } => code,
            Self::Stale { .. } => "stale",
            Self::Value { .. } => "value",
            Self::Locked { .. } | Self::Queued { .. } => "locked",
            Self::Frozen { .. } => "frozen",
            Self::Precondition => "precondition_required",
            Self::Capped { .. } | Self::CappedEndpoints { .. } | Self::Forbidden { .. } => "forbidden",
        }
    }

    pub(super) fn state(code: &'static str, message: impl Into<String>) -> Self {
        Self::State { code, message: message.into() }
    }

    pub(super) fn locked(lock: &Lock, now: u64) -> Self {
        let Lock { by, reason, until, .. } = lock;
        Self::Locked { by: by.clone(), reason: reason.clone(), until: *until, now }
    }

    pub(super) fn no_rollout() -> Self {
        Self::state("no_rollout", "the app has no rollout yet: set its stable release first")
    }

    pub(super) fn no_candidate() -> Self {
        Self::state("no_candidate", "the app has no candidate: set one first")
    }

    /// The release named is not the candidate, but `candidate` is.
    pub(super) fn other_candidate(named: &ReleaseId, candidate: &ReleaseId) -> Self {
        let message = format!(
            "{named} is not the candidate; {candidate} is. Read the app again, and name the candidate"
        );
        Self::state("other_candidate", message)
    }
}

/// How much longer it lasts, behind who is named; nothing if it has no end.
fn ends_in(until: Option<u64>, now: u64) -> String {
    let Some(until) = until else { return String::new() };
    match until.saturating_sub(now).div_ceil(1_000) {
        seconds @ 0..=120 => format!(" for {seconds} s more"),
        seconds => format!(" for {} min more", seconds.div_ceil(60)),
    }
}
