//! The rules: by what a candidate is judged.

use crate::rollout::settings::{OnWorse, VerdictSettings};

/// How many distinct sessions must have failed before a candidate is called worse: two at a small blend are much evidence, and
/// may still be one person's bad day.
pub const FAILING_SESSIONS_LEAST: u64 = 3;
/// By what a candidate is judged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rules {
    /// The probability of ever calling a candidate worse that is not.
    pub alpha: f64,
    /// How many times as often as stable a candidate may fail.
    pub tolerate: f64,
    /// The failing share up to which a candidate is not called worse, 0 to 1.
    pub at_least: f64,
    /// Whether a plan waits while the candidate is slower than stable.
    pub slower_holds: bool,
}

impl Rules {
    /// Those of an app's settings.
    pub fn of(settings: &VerdictSettings) -> Self {
        let VerdictSettings { alpha, tolerate, at_least, on_slower, .. } = *settings;
        let slower_holds = on_slower != Some(OnWorse::Tell);
        Self { alpha, tolerate, at_least: at_least / 100.0, slower_holds }
    }

    /// The logarithm of the evidence at which a candidate is worse.
    pub fn ln_needed(&self) -> f64 {
        -self.alpha.ln()
    }
}
