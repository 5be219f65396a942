//! Commands: what a person or a pipeline may do to a rollout, and what comes of it (docs/design.md section 4).
//!
//! One file per concern: [`gate`](self) (who may, locks, preconditions), candidate, stable, lock, drain, endpoint. All of them
//! work on a draft of the next record, so that a command is one value changing. Deliberately absent: whether a
//! target is healthy and whether a table can be built, which the caller finds out before it commits.

mod candidate;
mod drain;
mod endpoint;
mod gate;
mod lock;
mod refusal;
mod stable;
#[cfg(test)]
mod tests;

use std::{fmt, net::SocketAddr};

use serde::{Deserialize, Serialize};

pub(super) use candidate::check_blend_cap;
pub(super) use gate::{check_lock, check_role};
pub use refusal::Refusal;

use super::{
    blend::Blend,
    draft::Draft,
    history::PastStable,
    record::{HistoryEvent, Record, Tenure},
    release::ReleaseId,
};

/// [`Record::command`] of a promote.
pub const PROMOTE: &str = "promote";
/// [`Record::command`] of a `set stable`.
pub const SET_STABLE: &str = "set-stable";
/// [`Record::command`] of a rollback.
pub const ROLLBACK: &str = "rollback";
/// [`Record::command`] of a drain that ended by itself.
pub const RETIRE: &str = "retire";

/// What a token may do. Ordered: each may do what those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Reads.
    Viewer,
    /// Releases, within locks and caps.
    Ci,
    /// Releases, locks, settings.
    Operator,
    /// Everything.
    Admin,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Viewer => "viewer",
            Self::Ci => "ci",
            Self::Operator => "operator",
            Self::Admin => "admin",
        })
    }
}

/// A command for one app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Puts a release on the candidate track.
    SetCandidate {
        /// The release.
        release: ReleaseId,
        /// Its blend; none: 0, or unchanged if it is the candidate already.
        blend: Option<Blend>,
        /// The candidate that `ci` knows it replaces.
        replace: Option<ReleaseId>,
    },
    /// Makes a release stable.
    SetStable {
        /// The release.
        release: ReleaseId,
    },
    /// Sets the blend.
    SetBlend {
        /// The new blend.
        blend: Blend,
        /// The candidate meant.
        release: Option<ReleaseId>,
    },
    /// Sets whether clients are pinned.
    SetSticky {
        /// The new value.
        sticky: bool,
    },
    /// The candidate becomes stable.
    Promote {
        /// The candidate meant.
        release: Option<ReleaseId>,
    },
    /// The candidate is dropped.
    Abort {
        /// The candidate meant.
        release: Option<ReleaseId>,
    },
    /// An earlier release becomes stable again.
    Rollback {
        /// The target; none: `previous`.
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
    /// Sends no new client to an endpoint.
    DrainEndpoint {
        /// Its release.
        release: ReleaseId,
        /// Its address.
        address: SocketAddr,
        /// When what is open there ends, in seconds from now; none: after `drainmaxseconds`.
        seconds: Option<u64>,
    },
    /// Sends clients to an endpoint as before.
    UndrainEndpoint {
        /// Its release.
        release: ReleaseId,
        /// Its address.
        address: SocketAddr,
    },
    /// Ends the drain of one tenure now, or of all.
    FinishDrain {
        /// The tenure; none: all.
        tenure: Option<Tenure>,
        /// The drain's own deadline has passed, rather than a person asking: allowed whatever the lock.
        automatic: bool,
    },
}

impl Command {
    /// The word for it in records, events and the API.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::SetCandidate { .. } => "set-candidate",
            Self::SetStable { .. } => SET_STABLE,
            Self::SetBlend { .. } => "set-blend",
            Self::SetSticky { .. } => "set-sticky",
            Self::Promote { .. } => PROMOTE,
            Self::Abort { .. } => "abort",
            Self::Rollback { .. } => ROLLBACK,
            Self::Lock { .. } => "lock",
            Self::Unlock => "unlock",
            Self::DrainEndpoint { .. } => "drain-endpoint",
            Self::UndrainEndpoint { .. } => "undrain-endpoint",
            Self::FinishDrain { automatic: false, .. } => "finish-drain",
            Self::FinishDrain { automatic: true, .. } => RETIRE,
        }
    }
}

/// Who asks, when, and what they believe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asker {
    /// Name of the token.
    pub actor: String,
    /// Its role.
    pub role: Role,
    /// Why, in their words.
    pub reason: String,
    /// Now, Unix ms.
    pub at: u64,
    /// The seq they saw (`If-Match`).
    pub if_match: Option<u64>,
}

/// What a command reads besides the record.
#[derive(Debug, Clone, Default)]
pub struct Background {
    /// Releases that were stable, newest first ([`super::history::stables`] reads them from the events). Only a
    /// rollback needs them: its targets are these and `previous`.
    pub stables: Vec<PastStable>,
    /// `drainmaxseconds` of the app, in ms.
    pub drain_max_ms: u64,
    /// The highest blend `ci` may set, if capped.
    pub ci_blend_max: Option<Blend>,
}

/// What comes of an accepted command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// The record to write, and its event.
    Change(Box<HistoryEvent>),
    /// All is as asked already.
    Unchanged,
}

/// Decides a command on an app's record (`None`: the app has none yet).
///
/// Pure: the caller commits the outcome under a check that the record has not changed.
pub fn decide(
    record: Option<&Record>,
    command: &Command,
    asker: &Asker,
    background: &Background,
) -> Result<Decision, Refusal> {
    gate::admit(record, command, asker)?;
    let mut draft = Draft::of(record, asker, background);
    gate::end_automatic_lock(&mut draft.next, command, asker);
    let case = Case { record, asker, background };
    let done = match command {
        Command::SetCandidate { release, blend, replace } => {
            candidate::set(&case, &mut draft, release, *blend, replace.as_ref())
        }
        Command::SetBlend { blend, release } => {
            candidate::set_blend(&case, &mut draft, *blend, release.as_ref())
        }
        Command::Abort { release } => candidate::abort(&case, &mut draft, release.as_ref()),
        Command::SetSticky { sticky } => set_sticky(&case, &mut draft, *sticky),
        Command::Promote { release } => stable::promote(&case, &mut draft, release.as_ref()),
        Command::SetStable { release } => stable::set(&case, &mut draft, release),
        Command::Rollback { to } => stable::rollback(&case, &mut draft, to.as_ref()),
        Command::Lock { reason, until } => lock::lock(&case, &mut draft, reason, *until),
        Command::Unlock => lock::unlock(&case, &mut draft),
        Command::DrainEndpoint { release, address, seconds } => {
            endpoint::drain(&case, &mut draft, (release, *address), *seconds)
        }
        Command::UndrainEndpoint { release, address } => {
            endpoint::undrain(&case, &mut draft, (release, *address))
        }
        Command::FinishDrain { tenure, automatic } => drain::finish(&case, &mut draft, *tenure, *automatic),
    }?;
    Ok(match done {
        Done::Changed => draft.finish(command.name()),
        Done::Unchanged => Decision::Unchanged,
    })
}

/// What a command did to its draft.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Done {
    Changed,
    Unchanged,
}

/// One command with all it is decided on.
struct Case<'a> {
    record: Option<&'a Record>,
    asker: &'a Asker,
    background: &'a Background,
}

impl Case<'_> {
    /// Refuses an asker who has seen another seq than the present one.
    fn check_if_match(&self) -> Result<(), Refusal> {
        let now = self.record.map_or(0, |record| record.seq);
        match self.asker.if_match {
            Some(seen) if seen != now => Err(Refusal::Stale { seen, now }),
            _ => Ok(()),
        }
    }
}

fn set_sticky(case: &Case<'_>, draft: &mut Draft<'_>, sticky: bool) -> Result<Done, Refusal> {
    case.check_if_match()?;
    if draft.next.sticky == sticky {
        return Ok(Done::Unchanged);
    }
    draft.next.sticky = sticky;
    Ok(Done::Changed)
}
