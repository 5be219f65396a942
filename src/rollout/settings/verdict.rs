//! The verdict: what happens to a candidate that is found worse than stable, and by what it is judged.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{error::SettingsError, health::range};
use crate::rollout::text_form::serde_as_text;

/// Statuses that can be failures: below them an answer is no error.
const STATUSES: std::ops::RangeInclusive<u16> = 400..=599;
/// The longest text of statuses.
const STATUSES_CHARS_MAX: usize = 200;

/// How the candidate is judged (docs/verdict.md).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VerdictSettings {
    /// What happens to a candidate that is worse than stable. None: a plan aborts it, and without one the verdict says so.
    pub on_worse: Option<OnWorse>,
    /// What happens to a candidate that is slower than stable. None: a plan holds it, and without one the verdict says so.
    pub on_slower: Option<OnWorse>,
    /// The probability of ever calling a candidate worse that is not: 0.0001 to 0.1.
    pub alpha: f64,
    /// How many times as often as stable a candidate may fail: 1 to 10.
    pub tolerate: f64,
    /// The share of failing sessions up to which a candidate is not called worse, in percent.
    pub at_least: f64,
    /// Which statuses are failures. 502, 503 and 504 always are.
    pub failure: FailingStatuses,
}

/// What happens to a candidate that is worse than stable, or slower.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnWorse {
    /// It is aborted.
    Abort,
    /// It stays, an alarm is raised, and no plan goes on.
    Hold,
    /// The verdict says so.
    Tell,
}

impl OnWorse {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Abort => "abort",
            Self::Hold => "hold",
            Self::Tell => "tell",
        }
    }
}

/// The statuses that are failures, such as `500-599` or `429,500-599`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailingStatuses {
    text: Box<str>,
    /// A bit for each of [`STATUSES`].
    bits: [u64; 4],
}

impl FailingStatuses {
    /// Whether an answer with this status is a failure.
    #[inline]
    pub fn has(&self, status: u16) -> bool {
        let Some(place) = status.checked_sub(*STATUSES.start()) else { return false };
        self.bits.get(usize::from(place / 64)).is_some_and(|bits| bits >> (place % 64) & 1 == 1)
    }
}

/// A text is no list of failing statuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("statuses from 400 to 599 and ranges of them, such as 500-599 or 429,500-599")]
pub struct FailingStatusesError;

impl FromStr for FailingStatuses {
    type Err = FailingStatusesError;

    fn from_str(text: &str) -> Result<Self, FailingStatusesError> {
        let (mut bits, always) = ([0_u64; 4], (502, 504));
        let ranges = text.split(',').map(range).chain([Some(always)]);
        for found in ranges {
            let (least, most) =
                found.filter(|_| text.len() <= STATUSES_CHARS_MAX).ok_or(FailingStatusesError)?;
            if !STATUSES.contains(&least) || !STATUSES.contains(&most) {
                return Err(FailingStatusesError);
            }
            for place in (least..=most).map(|status| status - STATUSES.start()) {
                bits[usize::from(place / 64)] |= 1 << (place % 64);
            }
        }
        Ok(Self { text: text.into(), bits })
    }
}

impl fmt::Display for FailingStatuses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

serde_as_text!(FailingStatuses);

impl Default for VerdictSettings {
    fn default() -> Self {
        let failure = "500-599".parse().expect("a range of statuses");
        Self { on_worse: None, on_slower: None, alpha: 0.01, tolerate: 1.0, at_least: 0.5, failure }
    }
}

impl VerdictSettings {
    /// What happens to a candidate that is worse, with or without a plan that raises its blend.
    pub fn on_worse(&self, has_plan: bool) -> OnWorse {
        self.on_worse.unwrap_or(if has_plan { OnWorse::Abort } else { OnWorse::Tell })
    }

    /// What happens to a candidate that is slower, with or without a plan that raises its blend.
    pub fn on_slower(&self, has_plan: bool) -> OnWorse {
        self.on_slower.unwrap_or(if has_plan { OnWorse::Hold } else { OnWorse::Tell })
    }

    pub(super) fn check(&self) -> Result<(), SettingsError> {
        for (field, value, range) in [
            ("verdict.alpha", self.alpha, 0.0001..=0.1),
            ("verdict.tolerate", self.tolerate, 1.0..=10.0),
            ("verdict.at_least", self.at_least, 0.0..=100.0),
        ] {
            if !range.contains(&value) {
                return Err(SettingsError::value(field, value));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_single_or_ranges_and_a_missing_release_is_always_a_failure() {
        let of = |text: &str| text.parse::<FailingStatuses>();
        let statuses = of("429,500-501").unwrap();
        let has: Vec<u16> = (0..=u16::MAX).filter(|status| statuses.has(*status)).collect();
        assert_eq!(has, [429, 500, 501, 502, 503, 504]);
        assert_eq!(statuses.to_string(), "429,500-501");
        for text in ["", "200", "399-500", "500-600", "5xx", "500-", "599-500", "500,,501"] {
            assert!(of(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_default_is_every_5xx() {
        let default = VerdictSettings::default();
        assert!((400..=599).all(|status| default.failure.has(status) == (status >= 500)));
        assert_eq!(default.check(), Ok(()));
    }
}
