//! A plan of an app's settings, in a line: `gradual: 5% hold=10m; 25% hold=20m sessions=500; 50% hold=30m approval; promote`.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::step::PlanStep;
use crate::rollout::blend::Blend;

/// The largest budget.
pub const HARM_MAX: u32 = 1_000_000;
/// The steps of a plan that names none: the candidate's share at most doubles, or a little more.
pub const LADDER: [&str; 6] = ["1%", "2%", "5%", "10%", "25%", "50%"];
/// What a plan may be, for the person who has to correct one.
pub const ALLOWED: &str = "`NAME: STEP; STEP; END`, where a name has 1 to 40 of a-z, 0-9, - and _, a step is a blend such as 5% and \
                           optionally hold=10m, sessions=500, gate=HOOK and approval behind it, blends never fall, there are 1 to 20 steps, and the \
                           end is promote or hold; a first step such as harm_max=20 is a budget of users who may meet a failure: then steps have no hold, \
                           blends are above 0, and without any they are 1, 2, 5, 10, 25 and 50%";

/// The most plans of an app.
pub const PLANS_MAX: usize = 16;
/// The longest line, in bytes.
pub const LINE_BYTES_MAX: usize = 1_000;
/// The most steps of a plan.
pub const STEPS_MAX: usize = 20;
/// The longest name, in bytes.
const NAME_BYTES_MAX: usize = 40;

/// A plan, as it is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanTemplate {
    /// Its name.
    pub name: String,
    /// At least one step, with blends that never fall.
    pub steps: Vec<PlanStep>,
    /// How many users may be expected to meet a failure. It is then what the plan goes by, instead of times. None: no such budget.
    pub harm_max: Option<u32>,
    /// What follows the last step.
    pub then: PlanEnd,
}

/// What follows the last step of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum PlanEnd {
    /// The candidate becomes stable.
    Promote,
    /// The plan is over, and the blend stays.
    Hold,
}

/// A text is no plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("allowed is {ALLOWED}")]
pub struct PlanError;

impl PlanEnd {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Promote => "promote",
            Self::Hold => "hold",
        }
    }
}

impl FromStr for PlanTemplate {
    type Err = PlanError;

    fn from_str(text: &str) -> Result<Self, PlanError> {
        let (name, rest) = text.split_once(':').filter(|_| text.len() <= LINE_BYTES_MAX).ok_or(PlanError)?;
        let (steps, end) = rest.rsplit_once(';').filter(|_| is_name(name)).ok_or(PlanError)?;
        let then = [PlanEnd::Promote, PlanEnd::Hold].into_iter().find(|then| then.as_str() == end.trim());
        let (harm_max, steps) = budget_of(steps)?;
        let steps: Result<Vec<PlanStep>, _> = steps.iter().map(|step| step.parse()).collect();
        let steps = steps.map_err(|_| PlanError)?;
        let rises = steps.is_sorted_by_key(|step| step.blend) && steps.len() <= STEPS_MAX;
        let in_budget = |step: &PlanStep| step.hold_seconds == 0 && step.blend > Blend::ZERO;
        let fits = harm_max.is_none() || steps.iter().all(in_budget);
        match then.filter(|_| rises && fits) {
            Some(then) => Ok(Self { name: name.to_owned(), steps, harm_max, then }),
            None => Err(PlanError),
        }
    }
}

impl fmt::Display for PlanTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.name)?;
        self.harm_max.iter().try_for_each(|most| write!(f, " harm_max={most};"))?;
        self.steps.iter().try_for_each(|step| write!(f, " {step};"))?;
        write!(f, " {}", self.then.as_str())
    }
}

/// The budget that stands before the steps, and the steps. With a budget alone they are those of [`LADDER`].
fn budget_of(steps: &str) -> Result<(Option<u32>, Vec<&str>), PlanError> {
    let mut steps: Vec<&str> = steps.split(';').collect();
    let Some(text) = steps[0].trim().strip_prefix("harm_max=") else { return Ok((None, steps)) };
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let most = text.parse().ok().filter(|most| digits && (1..=HARM_MAX).contains(most)).ok_or(PlanError)?;
    steps.remove(0);
    Ok((Some(most), if steps.is_empty() { LADDER.to_vec() } else { steps }))
}

fn is_name(name: &str) -> bool {
    let allowed =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
    (1..=NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_written_as_it_is_read() {
        for text in [
            "gradual: 5% hold=10m; 25% hold=20m sessions=500; 50% hold=30m approval; promote",
            "a-1_b: 10%; hold",
            "x: 5%; 5%; promote",
            "careful: harm_max=20; 1%; 10% approval; 50% sessions=100; promote",
        ] {
            assert_eq!(text.parse::<PlanTemplate>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_budget_alone_has_the_usual_steps() {
        let plan: PlanTemplate = "careful: harm_max=20; promote".parse().unwrap();
        assert_eq!(plan.harm_max, Some(20));
        assert_eq!(plan.to_string(), "careful: harm_max=20; 1%; 2%; 5%; 10%; 25%; 50%; promote");
    }

    #[test]
    fn anything_else_is_refused() {
        let long = format!("a: {} promote", "5%; ".repeat(STEPS_MAX + 1));
        for text in [
            "",
            "gradual",
            "gradual:",
            "gradual: promote",
            "gradual: 5%",
            ": 5%; promote",
            "Gradual: 5%; promote",
            "a b: 5%; promote",
            "a: 25%; 5%; promote",
            "a: 5%; abort",
            "a: 5%;; promote",
            "a: 5%; promote;",
            "a: harm_max=0; promote",
            "a: harm_max=1000001; promote",
            "a: harm_max=; 5%; promote",
            "a: harm_max=+5; 5%; promote",
            "a: 5%; harm_max=20; promote",
            "a: harm_max=20; harm_max=20; 5%; promote",
            "a: harm_max=20; 5% hold=1m; promote",
            "a: harm_max=20; 0%; 5%; promote",
            &long,
        ] {
            assert_eq!(text.parse::<PlanTemplate>(), Err(PlanError), "{text}");
        }
    }
}
