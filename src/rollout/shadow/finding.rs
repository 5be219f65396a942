//! Whether a difference is the candidate's, or stable differs from itself as often.

use serde::{Deserialize, Serialize};

use super::difference::{Difference, DifferenceKind};

/// How many comparisons of each kind are needed before a difference is called one.
pub const COMPARISONS_MIN: u64 = 10;
/// How many standard errors the candidate's share of differing answers must be above stable's own: one in 30,000 by chance, as
/// many fields are looked at, often.
const ERRORS_MIN: f64 = 4.0;

/// What a difference is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum FindingClass {
    /// The candidate answers differently.
    Difference,
    /// Too little is known.
    Unsure,
    /// Stable differs from itself there.
    Noise,
}

impl FindingClass {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Difference => "difference",
            Self::Unsure => "unsure",
            Self::Noise => "noise",
        }
    }
}

/// How often two answers were compared, and how often they differed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counted {
    /// How often.
    pub compared: u64,
    /// How often they differed.
    pub differed: u64,
}

impl Counted {
    fn share(self) -> f64 {
        self.differed as f64 / self.compared.max(1) as f64
    }
}

/// One difference, with how often it was seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The pattern of the paths.
    pub path: String,
    /// The field.
    pub field: String,
    /// How it differs.
    pub kind: DifferenceKind,
    /// What it is taken for.
    pub class: FindingClass,
    /// The candidate beside stable.
    pub candidate: Counted,
    /// Stable beside itself.
    pub noise: Counted,
    /// The share of the sessions that met it, 0 to 1.
    pub sessions: f64,
    /// The target of an example, without its query.
    pub example_path: String,
    /// What was answered there; none where only stable differed from itself.
    pub example: Option<Difference>,
}

/// What a difference is taken for.
pub fn class_of(candidate: Counted, noise: Counted) -> FindingClass {
    let (n, m) = (candidate.compared as f64, noise.compared as f64);
    let enough = candidate.compared.min(noise.compared) >= COMPARISONS_MIN;
    let pooled = (candidate.differed + noise.differed) as f64 / (n + m).max(1.0);
    let error = (pooled * (1.0 - pooled) * (1.0 / n + 1.0 / m)).sqrt();
    let above = candidate.share() - noise.share();
    match (enough && above > ERRORS_MIN * error && error > 0.0, noise.differed) {
        (true, _) => FindingClass::Difference,
        (false, 0) => FindingClass::Unsure,
        (false, _) => FindingClass::Noise,
    }
}
