//! One step of a plan: a blend, and what must be so before the next step.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::rollout::{app::AppName, blend::Blend};

/// The longest hold of a step, in seconds: 30 days.
pub const HOLD_SECONDS_MAX: u32 = 30 * 86_400;
/// The most sessions that a step may ask for.
pub const SESSIONS_MAX: u64 = 1_000_000_000;

/// Units of time, the longest first, and how many seconds each has.
const UNITS: [(char, u32); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct PlanStep {
    /// The candidate's share of new clients.
    pub blend: Blend,
    /// How long it is held at least, in seconds.
    #[serde(default)]
    pub hold_seconds: u32,
    /// How many clients must have been drawn to the candidate since the step began.
    #[serde(default)]
    pub sessions_min: u64,
    /// The hook that is asked before the plan goes on; null: none.
    #[serde(default)]
    pub gate: Option<String>,
    /// Whether an operator has to let the plan go on.
    #[serde(default)]
    pub approval: bool,
}

/// A text is no step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlanStepError;

impl FromStr for PlanStep {
    type Err = PlanStepError;

    /// Reads `25% hold=20m sessions=500 gate=ci approval`, of which only the blend is needed.
    fn from_str(text: &str) -> Result<Self, PlanStepError> {
        let mut words = text.split_ascii_whitespace();
        let blend = words.next().and_then(|word| word.strip_suffix('%')).ok_or(PlanStepError)?;
        let blend = blend.parse().map_err(|_| PlanStepError)?;
        let mut step = Self { blend, hold_seconds: 0, sessions_min: 0, gate: None, approval: false };
        let mut seen = Vec::new();
        for word in words {
            let (name, value) = word.split_once('=').unwrap_or((word, ""));
            if seen.contains(&name) {
                return Err(PlanStepError);
            }
            seen.push(name);
            match (name, value) {
                ("hold", value) => step.hold_seconds = seconds(value).ok_or(PlanStepError)?,
                ("sessions", value) => step.sessions_min = sessions(value).ok_or(PlanStepError)?,
                ("gate", value) => step.gate = Some(hook(value).ok_or(PlanStepError)?),
                ("approval", "") if word == "approval" => step.approval = true,
                _ => return Err(PlanStepError),
            }
        }
        Ok(step)
    }
}

impl fmt::Display for PlanStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.blend)?;
        if self.hold_seconds > 0 {
            write!(f, " hold={}", Length(self.hold_seconds))?;
        }
        if self.sessions_min > 0 {
            write!(f, " sessions={}", self.sessions_min)?;
        }
        if let Some(gate) = &self.gate {
            write!(f, " gate={gate}")?;
        }
        if self.approval { f.write_str(" approval") } else { Ok(()) }
    }
}

/// A length of time in the longest unit that says it exactly, such as `20m`.
struct Length(u32);

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact = UNITS.iter().find(|(_, seconds)| self.0.is_multiple_of(*seconds));
        let (unit, seconds) = exact.copied().unwrap_or(('s', 1));
        write!(f, "{}{unit}", self.0 / seconds)
    }
}

/// `90s`, `20m`, `2h` or `1d`, at most [`HOLD_SECONDS_MAX`].
fn seconds(text: &str) -> Option<u32> {
    let unit = text.chars().last()?;
    let (_, length) = UNITS.iter().find(|(name, _)| *name == unit)?;
    let count: u32 = digits(text.strip_suffix(unit)?)?;
    count.checked_mul(*length).filter(|seconds| *seconds <= HOLD_SECONDS_MAX)
}

fn sessions(text: &str) -> Option<u64> {
    digits(text).filter(|sessions| *sessions <= SESSIONS_MAX)
}

/// The name of a hook, whose rules are those of an app's name.
fn hook(text: &str) -> Option<String> {
    text.parse::<AppName>().ok().map(|name| name.to_string())
}

/// A whole number without a sign.
fn digits<T: FromStr>(text: &str) -> Option<T> {
    text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_written_as_it_is_read() {
        for text in [
            "5%",
            "12.5% hold=10m",
            "25% hold=2h sessions=500 approval",
            "25% hold=2h sessions=500 gate=smoke-tests approval",
            "0% hold=90s",
            "100% approval",
            "1% hold=30d",
        ] {
            assert_eq!(text.parse::<PlanStep>().unwrap().to_string(), text);
        }
        let step: PlanStep = "50%   approval hold=120s".parse().unwrap();
        assert_eq!(step.to_string(), "50% hold=2m approval");
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "5",
            "%",
            "-5%",
            "101%",
            "5.123%",
            "5% 10m",
            "5% hold",
            "5% hold=",
            "5% hold=10",
            "5% hold=+1m",
            "5% hold=1w",
            "5% hold=31d",
            "5% hold=99999999999d",
            "5% sessions=",
            "5% sessions=-1",
            "5% sessions=1000000001",
            "5% gate",
            "5% gate=",
            "5% gate=-a",
            "5% gate=a gate=b",
            "5% approval=yes",
            "5% approval=",
            "5% hold=1m hold=2m",
            "hold=10m 5%",
            "5% 10%",
        ] {
            assert_eq!(text.parse::<PlanStep>(), Err(PlanStepError), "{text}");
        }
    }
}
