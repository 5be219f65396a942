//! The receipt: what is known of a candidate when it is aborted, for whoever asks why and what it cost.

use serde::{Deserialize, Serialize};

use super::{block::number, endpoints::EndpointFailures, evidence::Factor, judge::Verdict};

/// What an abort goes with.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Receipt {
    /// The verdict: `worse`, `no-worse`, `better` or `inconclusive`.
    pub verdict: String,
    /// It in words.
    pub sentence: String,
    /// Clients that were drawn to the candidate, and came.
    pub drawn: u64,
    /// Those among them that met a failure.
    pub met_failure: u64,
    /// Requests that the candidate failed and stable answered well: whoever sent them noticed nothing.
    pub shielded: u64,
    /// Clients that were drawn to stable at the same time, and came.
    pub drawn_to_stable: u64,
    /// Those among them that met a failure.
    pub stable_met_failure: u64,
    /// The evidence that the candidate is worse: 100 means that it would come up by chance once in a hundred rollouts.
    pub evidence: f64,
    /// The evidence at which it is worse.
    pub evidence_needed: f64,
    /// How many times as often as stable it fails; null: nothing says so.
    pub factor: Option<ReceiptFactor>,
    /// Whether stable answered what the candidate failed.
    pub blame: String,
    /// The evidence that the candidate is slower than stable.
    pub evidence_slower: f64,
    /// The endpoints of the candidate that failed sessions, the one that failed the most first.
    pub endpoints: Vec<ReceiptEndpoint>,
    /// When a client of the candidate first met a failure, Unix ms; null: none did.
    pub first_failure_at: Option<u64>,
    /// From then to the abort, in ms.
    pub took_ms: Option<u64>,
    /// The first requests that the candidate failed.
    pub samples: Vec<ReceiptSample>,
}

/// Its numbers are finite: they are made so, and JSON has no others.
impl Eq for Receipt {}

/// How many times as often as stable a candidate fails.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct ReceiptFactor {
    /// The likeliest factor.
    pub likely: f64,
    /// The least that is not excluded; null: none is excluded.
    pub least: Option<f64>,
    /// The highest that is not excluded; null: none is excluded.
    pub most: Option<f64>,
}

impl From<Factor> for ReceiptFactor {
    fn from(factor: Factor) -> Self {
        let shown = |number: f64| (number * 1_000.0).round() / 1_000.0;
        Self { likely: shown(factor.likely), least: factor.least.map(shown), most: factor.most.map(shown) }
    }
}

/// How many failing sessions met one endpoint of the candidate.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct ReceiptEndpoint {
    /// The endpoint that failed them.
    pub endpoint: String,
    /// How many sessions.
    pub failing: u64,
}

impl From<&EndpointFailures> for ReceiptEndpoint {
    fn from(met: &EndpointFailures) -> Self {
        Self { endpoint: met.endpoint.to_string(), failing: met.failing }
    }
}

/// A request that the candidate failed.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct ReceiptSample {
    /// When, Unix ms.
    pub at: u64,
    /// The method.
    pub method: String,
    /// The path, without its query.
    pub path: String,
    /// The status that the endpoint answered, or that stands for what it did instead.
    pub status: u16,
    /// Which endpoint.
    pub endpoint: String,
    /// The trace that the request belongs to; null: none.
    pub trace_id: Option<String>,
}

/// The highest evidence that is shown: beyond it a number says nothing more.
const EVIDENCE_SHOWN_MAX: f64 = 1e12;

/// Evidence as people and programs read it.
pub fn shown_evidence(ln: f64) -> f64 {
    let evidence = ln.exp().min(EVIDENCE_SHOWN_MAX);
    (evidence * 1_000.0).round() / 1_000.0
}

impl Receipt {
    /// The receipt of a verdict, at this time.
    pub fn new(
        verdict: &Verdict,
        first_failure_at: Option<u64>,
        samples: Vec<ReceiptSample>,
        now: u64,
    ) -> Self {
        let [drawn, drawn_to_stable] = verdict.tally.sessions();
        let [met_failure, stable_met_failure] = verdict.tally.failing;
        Self {
            verdict: verdict.finding.as_str().to_owned(),
            sentence: verdict.sentence(),
            drawn,
            met_failure,
            shielded: verdict.tally.answered,
            drawn_to_stable,
            stable_met_failure,
            evidence: shown_evidence(verdict.ln_worse),
            evidence_needed: shown_evidence(verdict.rules.ln_needed()),
            factor: verdict.factor.map(ReceiptFactor::from),
            evidence_slower: shown_evidence(verdict.latency.ln_slower),
            endpoints: verdict.endpoints.failing.iter().map(ReceiptEndpoint::from).collect(),
            blame: blame(verdict.tally.answered, verdict.tally.shielded),
            first_failure_at,
            took_ms: first_failure_at.map(|first| now.saturating_sub(first)),
            samples,
        }
    }

    /// Lines for people.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![
            self.sentence.clone(),
            format!(
                "{} clients came to the candidate, {} of them met a failure; {} requests were answered by stable instead",
                self.drawn, self.met_failure, self.shielded
            ),
            format!("evidence {} ({} is needed){}", self.evidence, self.evidence_needed, self.factor_words()),
        ];
        if !self.blame.is_empty() {
            lines.push(self.blame.clone());
        }
        lines.extend(endpoints_line(&self.endpoints));
        if let Some(took_ms) = self.took_ms {
            lines.push(format!("{:.1} s after the first failure", number(took_ms) / 1_000.0));
        }
        lines.extend(self.samples.iter().map(ReceiptSample::line));
        lines
    }

    fn factor_words(&self) -> String {
        let Some(factor) = self.factor else { return String::new() };
        let at_least = factor.least.map(|least| format!("at least {least}"));
        let at_most = factor.most.map(|most| format!("at most {most}"));
        let bounds: Vec<String> = at_least.into_iter().chain(at_most).collect();
        let bounds = if bounds.is_empty() { String::new() } else { format!(" ({})", bounds.join(", ")) };
        format!("; it fails about {} times as often as stable{bounds}", factor.likely)
    }
}

impl ReceiptSample {
    fn line(&self) -> String {
        let trace = self.trace_id.as_ref().map(|id| format!(", trace {id}")).unwrap_or_default();
        format!("{} {}: {} from {}{trace}", self.method, self.path, self.status, self.endpoint)
    }
}

/// Which endpoints the failing sessions met: "failing sessions by endpoint: 27 met 10.0.0.3:80, 3 met 10.0.0.4:80".
pub fn endpoints_line(endpoints: &[ReceiptEndpoint]) -> Option<String> {
    let met: Vec<String> =
        endpoints.iter().map(|met| format!("{} met {}", met.failing, met.endpoint)).collect();
    (!met.is_empty()).then(|| format!("failing sessions by endpoint: {}", met.join(", ")))
}

/// Whose fault it was: nothing is said where nothing was shielded.
fn blame(answered: u64, shielded: u64) -> String {
    if shielded == 0 {
        return String::new();
    }
    format!("stable answered {answered} of the {shielded} requests that the candidate failed")
}
