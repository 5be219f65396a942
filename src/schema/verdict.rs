//! The verdict about an app's candidate.

use serde::{Deserialize, Serialize};

pub use crate::rollout::verdict::receipt::{
    Receipt, ReceiptEndpoint, ReceiptFactor, ReceiptSample, endpoints_line,
};
use crate::rollout::{
    settings::VerdictSettings,
    verdict::{
        self,
        evidence::ENOUGH,
        latency::{QUANTILES, Slowness, ThresholdCount},
        receipt::shown_evidence,
    },
};

/// Whether the candidate is worse than stable, and every number that leads to it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Verdict {
    /// The app.
    pub app: String,
    /// The id of the candidate; null: there is none.
    pub candidate: Option<String>,
    /// Its tenure; 0: there is no candidate.
    pub tenure: u32,
    /// `worse`, `no-worse`, `better` or `inconclusive`.
    pub verdict: String,
    /// It in words, with what is missing.
    pub sentence: String,
    /// Undecided, but the candidate looks worse.
    pub warning: bool,
    /// Each of the candidate's last answers failed, and none of stable's.
    pub outright: bool,
    /// Stable fails as well: something that both depend on may be the cause, and the candidate is not aborted.
    pub shared_dependency: bool,
    /// What happens to a candidate that is worse: `abort`, `hold` or `tell`, by the setting `verdict.on_worse` and by whether a
    /// plan runs.
    pub on_worse: String,
    /// What happens to a candidate that is slower: `abort`, `hold` or `tell`, by the setting `verdict.on_slower` and by whether a
    /// plan runs.
    pub on_slower: String,
    /// The setting `verdict.alpha`.
    pub alpha: f64,
    /// The setting `verdict.tolerate`.
    pub tolerate: f64,
    /// The setting `verdict.at_least`, in percent.
    pub at_least: f64,
    /// The sessions that were drawn to the candidate.
    pub candidate_sessions: ArmCounts,
    /// The sessions that were drawn to stable at the same time.
    pub control_sessions: ArmCounts,
    /// Requests that the candidate failed, and stable was asked.
    pub shielded: u64,
    /// Those among them that stable answered well.
    pub shielded_answered: u64,
    /// The evidence, of which 1 says nothing.
    pub evidence: EvidenceNumbers,
    /// How long its clients wait for the first byte of answers, beside those that were drawn to stable at the same time.
    pub latency: LatencyNumbers,
    /// The endpoints of the candidate that failed sessions, the one that failed the most first.
    pub endpoints: Vec<ReceiptEndpoint>,
    /// How many times as often as stable the candidate fails; null: nothing says so.
    pub factor: Option<ReceiptFactor>,
    /// The failing share that the candidate has at most, in percent; null: nobody came to it.
    pub share_at_most: Option<f64>,
    /// What is missing, where nothing is decided; null: nothing, or nothing can be compared.
    pub missing: Option<MissingNumbers>,
    /// When a client of the candidate first met a failure, Unix ms; null: none did.
    pub first_failure_at: Option<u64>,
    /// How many routers have counted.
    pub members: u64,
    /// It is to be aborted, which the store does not take: meanwhile this router draws no new client to it, and moves nobody.
    pub drawing_stopped: bool,
}

/// The verdict in a word and in a sentence.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct VerdictSentence {
    /// `worse`, `no-worse`, `better` or `inconclusive`.
    pub verdict: String,
    /// It in words, with what is missing.
    pub sentence: String,
    /// The candidate is slower than stable.
    pub slower: bool,
    /// Undecided, but the candidate looks worse.
    pub warning: bool,
    /// Stable fails as well.
    pub shared_dependency: bool,
}

/// What was counted of one arm.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct ArmCounts {
    /// Distinct sessions, within a few percent.
    pub sessions: u64,
    /// Those that met a failure.
    pub failing: u64,
    /// Those among them that count for `worse`: one of each network (/24 of IPv4, /56 of IPv6) and draw epoch.
    pub counted: u64,
    /// Requests of sessions that had not failed before.
    pub requests: u64,
    /// The failing share, in percent; null without a session.
    pub share: Option<f64>,
}

/// The evidence for each answer, and what is needed of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct EvidenceNumbers {
    /// That the candidate is worse than tolerated.
    pub worse: f64,
    /// At which it is worse.
    pub worse_needed: f64,
    /// The natural logarithm of the evidence that it is worse, to six digits.
    pub ln_worse: f64,
    /// That it is better than stable.
    pub better: f64,
    /// That it fails less than twice as often as stable.
    pub no_worse: f64,
    /// At which it is better, or no worse.
    pub needed: f64,
}

/// How long clients wait.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct LatencyNumbers {
    /// The candidate is slower than stable.
    pub slower: bool,
    /// It looks so, but it is not certain.
    pub warning: bool,
    /// The evidence that it is slower: the mean over thresholds and routers.
    pub evidence: f64,
    /// At which it is slower.
    pub evidence_needed: f64,
    /// What each threshold says; empty: there are none yet.
    pub thresholds: Vec<ThresholdNumbers>,
}

/// What one threshold says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct ThresholdNumbers {
    /// The percentile of stable's answers above which it stands: 50, 95 or 99.
    pub percentile: f64,
    /// The threshold at this router, in milliseconds: a fifth and a millisecond above the percentile.
    pub threshold_ms: f64,
    /// The evidence that more of the candidate's answers take longer.
    pub evidence: f64,
    /// Answers to clients of the candidate.
    pub candidate: SlowCounts,
    /// Answers to those that were drawn to stable at the same time.
    pub control: SlowCounts,
}

/// Answers to the clients of one arm, of the last five to ten minutes: the first one to each network (/24 of IPv4, /56 of IPv6) in a window
/// of five minutes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct SlowCounts {
    /// Those that were compared.
    pub compared: u64,
    /// Those among them that took longer.
    pub slow: u64,
    /// The slow share, in percent; null: none was compared.
    pub share: Option<f64>,
}

/// What is missing until something is decided.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct MissingNumbers {
    /// So many more failing sessions of the candidate, from other networks; null: they are not what is missing.
    pub failing_candidate_sessions: Option<u64>,
    /// A failing share above `at_least`.
    pub share: bool,
    /// About so many more failing sessions of both arms, if the candidate is as good as stable; null: they would not help.
    pub failing_sessions: Option<u64>,
    /// About so many more sessions of the candidate, if none of them fails; null: they would not help.
    pub sessions: Option<u64>,
}

impl Verdict {
    /// What is judged, in numbers and in words. The app, the candidate and the routers are the caller's.
    pub fn of(judged: &verdict::Verdict, settings: &VerdictSettings, has_plan: bool) -> Self {
        let VerdictSettings { alpha, tolerate, at_least, .. } = settings;
        Self {
            verdict: judged.finding.as_str().to_owned(),
            sentence: judged.sentence(),
            warning: judged.warning,
            outright: judged.outright,
            shared_dependency: judged.shared_dependency,
            on_worse: settings.on_worse(has_plan).as_str().to_owned(),
            on_slower: settings.on_slower(has_plan).as_str().to_owned(),
            alpha: *alpha,
            tolerate: *tolerate,
            at_least: *at_least,
            candidate_sessions: ArmCounts::of(judged, 0),
            control_sessions: ArmCounts::of(judged, 1),
            shielded: judged.tally.shielded,
            shielded_answered: judged.tally.answered,
            evidence: EvidenceNumbers {
                worse: shown_evidence(judged.ln_worse),
                worse_needed: shown_evidence(judged.rules.ln_needed()),
                ln_worse: (judged.ln_worse * 1e6).round() / 1e6,
                better: shown_evidence(judged.ln_better),
                no_worse: shown_evidence(judged.ln_no_worse),
                needed: ENOUGH,
            },
            latency: LatencyNumbers::of(judged),
            endpoints: judged.endpoints.failing.iter().map(ReceiptEndpoint::from).collect(),
            factor: judged.factor.map(ReceiptFactor::from),
            share_at_most: judged.share_bound.map(percent),
            missing: judged.missing.map(|missing| MissingNumbers {
                failing_candidate_sessions: missing.failing_candidate_sessions,
                share: missing.share,
                failing_sessions: missing.failing_sessions,
                sessions: missing.sessions,
            }),
            ..Self::default()
        }
    }
}

impl LatencyNumbers {
    fn of(judged: &verdict::Verdict) -> Self {
        let latency = &judged.latency;
        let known = QUANTILES.iter().zip(&latency.thresholds).filter(|(_, known)| known.threshold_us > 0);
        Self {
            slower: judged.is_slower(),
            warning: latency.slowness == Slowness::Suspected,
            evidence: shown_evidence(latency.ln_slower),
            evidence_needed: shown_evidence(judged.rules.ln_needed()),
            thresholds: known.map(|(share, known)| ThresholdNumbers::of(*share, known)).collect(),
        }
    }
}

impl ThresholdNumbers {
    #[allow(clippy::cast_precision_loss, reason = "minutes at most")]
    fn of(share: f64, known: &ThresholdCount) -> Self {
        let [candidate, control] = [0, 1].map(|arm| SlowCounts {
            compared: known.judged[arm],
            slow: known.slow[arm],
            share: known.shares()[arm].map(percent),
        });
        Self {
            percentile: percent(share),
            threshold_ms: known.threshold_us as f64 / 1_000.0,
            evidence: shown_evidence(known.ln_slower),
            candidate,
            control,
        }
    }
}

impl ArmCounts {
    fn of(judged: &verdict::Verdict, arm: usize) -> Self {
        let tally = judged.tally;
        Self {
            sessions: tally.sessions()[arm],
            failing: tally.failing[arm],
            counted: tally.counted[arm],
            requests: tally.requests[arm],
            share: tally.shares()[arm].map(percent),
        }
    }
}

/// A share in percent, to four decimals.
fn percent(share: f64) -> f64 {
    (share * 1e6).round() / 1e4
}
