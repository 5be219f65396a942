//! What an undecided verdict lacks.

use super::{
    block::number,
    bound::sessions_needed,
    evidence::{ENOUGH, Evidence, NO_WORSE, NO_WORSE_THAN},
    rules::{FAILING_SESSIONS_LEAST, Rules},
    tally::Tally,
};

/// What is missing until something is decided. Each that is there would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Missing {
    /// It takes so many more failing sessions of other networks, where there is evidence enough against the candidate, or one
    /// network has given several already.
    pub failing_candidate_sessions: Option<u64>,
    /// There is evidence enough against the candidate, but the failing share is not above `at_least`.
    pub share: bool,
    /// About so many more failing sessions of both arms, if the candidate is as good as stable.
    pub failing_sessions: Option<u64>,
    /// About so many more sessions of the candidate, if none of them fails.
    pub sessions: Option<u64>,
}

/// What is missing.
pub(super) fn missing(rules: Rules, tally: Tally, evidence: &Evidence) -> Missing {
    let enough = evidence.ln_worse() >= rules.ln_needed();
    let few = FAILING_SESSIONS_LEAST.saturating_sub(tally.counted[0]);
    let all = sessions_needed(tally.failing[0], rules.at_least, ENOUGH.ln());
    Missing {
        failing_candidate_sessions: (few > 0 && (enough || tally.failing[0] >= FAILING_SESSIONS_LEAST))
            .then_some(few),
        share: enough && few == 0,
        failing_sessions: failing_sessions_needed(tally.requests, evidence.ln_no_worse()),
        sessions: all.map(|all| all.saturating_sub(tally.sessions()[0]).max(1)),
    }
}

/// How many failing sessions more it takes to exclude [`NO_WORSE_THAN`], if the candidate is as good as stable and has the share
/// of requests that it had so far. `None` where one of the arms has none.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small number above 0")]
fn failing_sessions_needed(requests: [u64; 2], ln_so_far: f64) -> Option<u64> {
    let [candidate, control] = requests.map(number);
    if candidate == 0.0 || control == 0.0 {
        return None;
    }
    let share = candidate / (candidate + control);
    // Of one failure: all there are to be had either way, as in `Block`.
    let all = |factor: f64| (1.0 - share) + share * factor;
    let gain = |factor: &f64| {
        let of_control = (all(NO_WORSE_THAN) / all(*factor)).ln();
        of_control + share * (factor / NO_WORSE_THAN).ln()
    };
    let gain = NO_WORSE.iter().map(gain).fold(0.0, f64::max);
    let left = (ENOUGH.ln() - ln_so_far).max(0.0);
    Some((left / gain).ceil().max(1.0) as u64).filter(|_| gain > 0.0)
}
