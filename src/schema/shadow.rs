//! What the candidate answers differently from stable.

use serde::{Deserialize, Serialize};

pub use crate::rollout::shadow::{DifferenceKind, FindingClass};
use crate::rollout::shadow::{Finding, Findings};

/// What was found by repeating requests of stable's users at the candidate.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Shadow {
    /// The app.
    pub app: String,
    /// The id of the candidate; null: there is none.
    pub candidate: Option<String>,
    /// Its tenure; 0: there is no candidate.
    pub tenure: u32,
    /// The setting `shadow.percent`.
    pub percent: f64,
    /// It in words.
    pub sentence: String,
    /// Since when requests are repeated at this candidate, Unix ms; null: none was yet.
    pub since: Option<u64>,
    /// Requests that both releases were asked, and that were compared.
    pub compared: u64,
    /// Those of them that stable was asked twice.
    pub compared_twice: u64,
    /// Requests to which stable did not answer, so that nothing was compared.
    pub unanswered: u64,
    /// Requests that were drawn and not repeated, since the answers to others were late.
    pub skipped: u64,
    /// The clients they were of, at most 1,024.
    pub sessions: u64,
    /// What was found: first what is the candidate's, and what most clients would meet.
    pub findings: Vec<ShadowFinding>,
    /// Differences that were not counted, since so many others are.
    pub left_out: u64,
}

/// One field in which the answers differ.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct ShadowFinding {
    /// The paths, with numbers and ids as `*`.
    pub path: String,
    /// `status`, `answer`, `time`, `body`, or with a name `header NAME`, `cookie NAME` and `body $.a.b`.
    pub field: String,
    /// How it differs.
    pub kind: DifferenceKind,
    /// What it is taken for.
    pub class: FindingClass,
    /// How many requests for these paths were compared.
    pub compared: u64,
    /// In how many of them the candidate differed.
    pub differed: u64,
    /// How many of them stable was asked twice.
    pub compared_twice: u64,
    /// In how many of those stable differed from itself.
    pub differed_twice: u64,
    /// The share of clients that would have met it, in percent.
    pub sessions_percent: f64,
    /// An example; null: only stable differed, from itself.
    pub example: Option<ShadowExample>,
}

/// One answer that differed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct ShadowExample {
    /// The path, without its query.
    pub path: String,
    /// What stable answered.
    pub stable: String,
    /// What the candidate answered.
    pub candidate: String,
}

impl Shadow {
    /// Takes what was found. The app, the candidate and the sentence are the caller's.
    pub fn with(self, findings: &Findings) -> Self {
        let [compared, compared_twice] = findings.compared();
        Self {
            compared,
            compared_twice,
            unanswered: findings.unanswered,
            sessions: findings.sessions() as u64,
            left_out: findings.left_out,
            findings: findings.ranked().into_iter().map(ShadowFinding::from).collect(),
            ..self
        }
    }

    /// How many findings are taken for this.
    pub fn count(&self, class: FindingClass) -> usize {
        self.findings.iter().filter(|finding| finding.class == class).count()
    }
}

impl From<Finding> for ShadowFinding {
    fn from(finding: Finding) -> Self {
        let path = finding.example_path;
        Self {
            path: finding.path,
            field: finding.field,
            kind: finding.kind,
            class: finding.class,
            compared: finding.candidate.compared,
            differed: finding.candidate.differed,
            compared_twice: finding.noise.compared,
            differed_twice: finding.noise.differed,
            sessions_percent: (finding.sessions * 1e3).round() / 10.0,
            example: finding.example.map(|example| ShadowExample {
                path,
                stable: example.stable,
                candidate: example.other,
            }),
        }
    }
}
