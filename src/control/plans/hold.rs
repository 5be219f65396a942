//! How long a step has been held, by this router's monotonic clock, and how many clients were drawn to the candidate meanwhile.

use std::time::Duration;

use crate::rollout::plan::RunningPlan;

/// The step that a hold is of: its number, since when it is held, and of which candidate.
pub type HoldOf = (usize, u64, u32);

/// The hold of one step.
#[derive(Debug, Clone, Copy)]
pub struct Hold {
    of: HoldOf,
    began: Duration,
    /// How many clients had been drawn to the candidate then.
    sessions_before: u64,
}

impl Hold {
    /// The hold of a plan's step that this router sees for the first time. It has lasted since the record says so, which may be
    /// before this router was started; a clock that is wrong makes it no longer than the step is held.
    pub fn seen(plan: &RunningPlan, now: Duration, now_ms: u64, sessions: u64) -> Self {
        // Where it matters how many clients come in which time, both are counted from now.
        let longest = if plan.harm_max.is_some() { Duration::ZERO } else { plan.hold_least() };
        let lasted = Duration::from_millis(now_ms.saturating_sub(plan.since)).min(longest);
        Self { of: Self::key(plan), began: now.saturating_sub(lasted), sessions_before: sessions }
    }

    /// Whether it is of the step that a plan is at.
    pub fn is_of(&self, plan: &RunningPlan) -> bool {
        self.of == Self::key(plan)
    }

    /// It begins anew.
    pub fn restart(&mut self, now: Duration) {
        self.began = now;
    }

    /// How long it has lasted.
    pub fn lasted(&self, now: Duration) -> Duration {
        now.saturating_sub(self.began)
    }

    /// How many clients were drawn to the candidate since it was seen first.
    pub fn sessions(&self, sessions: u64) -> u64 {
        sessions.saturating_sub(self.sessions_before)
    }

    /// Which step a plan is at.
    pub fn key(plan: &RunningPlan) -> HoldOf {
        (plan.step, plan.since, plan.tenure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollout::{
        command::Role,
        plan::{PlanEnd, PlanTemplate},
    };

    fn plan(since: u64) -> RunningPlan {
        let PlanTemplate { name, steps, harm_max, then } = "gradual: 5% hold=10m; promote".parse().unwrap();
        assert_eq!(then, PlanEnd::Promote);
        let (started_by, started_by_token) = ("ops".to_owned(), String::new());
        let (paused, approved_by) = (None, None);
        let role = Role::Operator;
        RunningPlan {
            name,
            steps,
            harm_max,
            then,
            step: 0,
            since,
            tenure: 1,
            started_by,
            started_by_token,
            role,
            paused,
            approved_by,
        }
    }

    #[test]
    fn a_restart_counts_what_had_passed_and_no_clock_more_than_the_whole() {
        let (now, minute) = (Duration::from_secs(10_000), Duration::from_secs(60));
        assert_eq!(Hold::seen(&plan(940_000), now, 1_000_000, 0).lasted(now), minute);
        assert_eq!(Hold::seen(&plan(0), now, 10_000_000, 0).lasted(now), minute * 10);
        let ahead = Hold::seen(&plan(2_000_000), now, 1_000_000, 7);
        assert_eq!((ahead.lasted(now), ahead.lasted(now + minute)), (Duration::ZERO, minute));
        assert_eq!((ahead.sessions(10), ahead.sessions(3)), (3, 0));
        let budget = RunningPlan { harm_max: Some(20), ..plan(940_000) };
        assert_eq!(Hold::seen(&budget, now, 1_000_000, 0).lasted(now), Duration::ZERO);
        assert!(ahead.is_of(&plan(2_000_000)) && !ahead.is_of(&plan(2_000_001)));
    }
}
