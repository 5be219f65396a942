//! What a member has counted of candidates: its part of the evidence, which others add to theirs, and with which it goes on
//! after a restart.

use serde::{Deserialize, Serialize};

use crate::{
    live::sketch::SketchTotal,
    rollout::{
        app::AppName,
        record::Tenure,
        verdict::{EndpointFailures, Evidence, LatencyEvidence, Tally},
    },
};

/// What one member has counted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MemberEvidence {
    /// Of each app whose candidate has a cohort.
    pub candidates: Vec<CandidateEvidence>,
}

/// What one member has counted of one candidate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CandidateEvidence {
    pub app: AppName,
    pub tenure: Tenure,
    pub evidence: Evidence,
    /// What it has counted of the waits; a member of an older version says nothing.
    #[serde(default)]
    pub latency: Option<LatencyEvidence>,
    /// Which endpoints failed how many sessions.
    #[serde(default)]
    pub endpoints: Vec<EndpointFailures>,
    /// The counts; its sessions stand in `sessions`.
    pub tally: Tally,
    /// The sketches of the sessions of both arms ([`SketchTotal::to_text`]).
    #[serde(default)]
    pub sessions: [String; 2],
    /// The client numbers that failed last.
    #[serde(default)]
    pub failed: Vec<u64>,
    /// Hashes of the networks from which a session failed last.
    #[serde(default)]
    pub networks: Vec<u64>,
    /// When a session of the candidate failed first, Unix ms.
    #[serde(default)]
    pub first_failure_at: Option<u64>,
}

impl CandidateEvidence {
    /// Whether this is of that candidate, and can be read.
    pub fn is_of(&self, app: &AppName, tenure: Tenure) -> bool {
        self.app == *app && self.tenure == tenure && self.evidence.is_sound()
    }

    /// The sketch of an arm's sessions; an empty one if it cannot be read.
    pub fn sessions(&self, arm: usize) -> SketchTotal {
        SketchTotal::from_text(&self.sessions[arm]).unwrap_or_default()
    }
}

impl MemberEvidence {
    /// What it has of a candidate.
    pub fn of(&self, app: &AppName, tenure: Tenure) -> Option<&CandidateEvidence> {
        self.candidates.iter().find(|candidate| candidate.is_of(app, tenure))
    }
}
