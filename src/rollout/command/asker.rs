//! Who gives a command, and what the command reads beside the record.

use std::collections::{BTreeMap, BTreeSet};

use super::{holds::Holds, role::Role};
use crate::rollout::{
    approval::Holder,
    blend::Blend,
    end_mark::EndMark,
    endpoint::Endpoint,
    history::PastStable,
    plan::{PlanTemplate, RunningPlan, running::PLAN_ACTOR},
    release::ReleaseId,
};

/// Who gives a command, when, and which state they have seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asker {
    /// The name of the token.
    pub actor: String,
    /// The mark by which routers of the fleet tell it from other tokens; empty where there is no token.
    pub token: String,
    /// The role of the token.
    pub role: Role,
    /// Why, in their words.
    pub reason: String,
    /// When the command is given, Unix ms.
    pub at: u64,
    /// The seq that they have seen (`If-Match`).
    pub if_match: Option<u64>,
}

/// What an engine's actor begins with. No token's name has a blank.
const ENGINE: &str = "engine ";

impl Asker {
    /// An engine of the router, which tells that a container runs or ends. Neither role nor lock keeps that from being so.
    pub fn of_engine(engine: &str, reason: &str, at: u64) -> Self {
        let (actor, reason) = (format!("{ENGINE}{engine}"), reason.to_owned());
        Self { actor, token: String::new(), role: Role::Operator, reason, at, if_match: None }
    }

    /// The verdict, which aborts a candidate that is worse, at the seq by which it was judged. No lock keeps it from that.
    pub fn of_verdict(sentence: &str, at: u64, seq: u64) -> Self {
        let (actor, reason) = ("verdict".to_owned(), sentence.to_owned());
        Self { actor, token: String::new(), role: Role::Operator, reason, at, if_match: Some(seq) }
    }

    /// A plan, which may do what whoever started it may, at the seq at which its step was due.
    pub fn of_plan(plan: &RunningPlan, reason: String, at: u64, seq: u64) -> Self {
        let actor = format!("{PLAN_ACTOR}{}", plan.name);
        Self { actor, token: plan.started_by_token.clone(), role: plan.role, reason, at, if_match: Some(seq) }
    }

    /// Whether a plan asks, and no person.
    pub fn is_plan(&self) -> bool {
        self.actor.starts_with(PLAN_ACTOR)
    }

    /// Whether an engine asks, and no person.
    pub fn is_engine(&self) -> bool {
        self.actor.starts_with(ENGINE)
    }

    /// The token that asks.
    pub fn holder(&self) -> Holder<'_> {
        Holder { name: &self.actor, token: &self.token }
    }
}

/// What a command reads beside the record.
#[derive(Debug, Clone, Default)]
pub struct Background {
    /// Releases that were stable, newest first ([`stables`](crate::rollout::history::stables) reads them from the events). Only a
    /// rollback needs them: its targets are these and `previous`.
    pub stables: Vec<PastStable>,
    /// `drainmaxseconds` of the app, in ms.
    pub drain_max_ms: u64,
    /// The mark of the app's former end, if it has none now.
    pub ended: Option<EndMark>,
    /// The highest blend `ci` may set, if capped.
    pub ci_blend_max: Option<Blend>,
    /// Whether `ci` may give a release to everybody in spite of that cap.
    pub ci_may_promote: bool,
    /// What holds `ci` back beside the lock of the record.
    pub holds: Holds,
    /// A release that does not pass the gate, though an old key names it as stable: it waits.
    pub unfit: Option<ReleaseId>,
    /// How many operators must have approved a release before it becomes stable.
    pub approvals: u8,
    /// The plans of the app.
    pub plans: Vec<PlanTemplate>,
    /// The endpoints of the release that the command would make stable, or approves, as they are after it.
    pub endpoints: BTreeMap<ReleaseId, BTreeSet<Endpoint>>,
}
