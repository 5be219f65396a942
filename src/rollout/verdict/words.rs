//! The verdict in words: one sentence, or two, in which people read it everywhere.

use super::{
    block::number,
    evidence::NO_WORSE_THAN,
    judge::{Blind, Finding, Verdict},
    latency::Slowness,
    missing::Missing,
};

impl Verdict {
    /// The sentence.
    pub fn sentence(&self) -> String {
        if let Some(blind) = self.blind {
            return blind.as_str().to_owned();
        }
        let found = match self.finding {
            Finding::Worse if self.outright && self.ln_worse < self.rules.ln_needed() => {
                "The candidate is worse than stable: it failed each of its last requests, and stable failed none"
                    .to_owned()
            }
            Finding::Worse => format!("The candidate is worse than stable: {}", self.shares()),
            Finding::Better => format!("The candidate is better than stable: {}", self.shares()),
            Finding::NoWorse if self.bound_decides() => format!(
                "The candidate is no worse than allowed: at most {} of its sessions fail ({})",
                percent(self.share_bound.unwrap_or(1.0)),
                of(self.tally.failing[0], self.tally.sessions()[0])
            ),
            Finding::NoWorse => format!(
                "The candidate is no worse than {NO_WORSE_THAN} times stable: {}",
                self.shares()
            ),
            Finding::Inconclusive => self.undecided(),
        };
        let shared = if self.shared_dependency && self.finding != Finding::NoWorse {
            ". Stable fails as well: a shared dependency?"
        } else {
            "."
        };
        format!("{found}{shared}{}{}", self.about_endpoints(), self.about_latency())
    }

    /// That most of the failing sessions met one endpoint of several.
    fn about_endpoints(&self) -> String {
        self.endpoints.bad_one().map(|bad| format!(" {}: a bad endpoint?", bad.words())).unwrap_or_default()
    }

    /// That clients of the candidate wait longer.
    fn about_latency(&self) -> String {
        let begin = match self.latency.slowness {
            Slowness::Slower => " It is slower than stable",
            Slowness::Suspected => " It looks slower than stable, but that is not certain",
            Slowness::Unseen => return String::new(),
        };
        let Some(most) = self.latency.plainest() else { return String::new() };
        let [candidate, control] = most.shares().map(|share| percent(share.unwrap_or_default()));
        format!(
            "{begin}: {candidate} of its answers took longer than {} ({}), against {control} of those to clients that were drawn \
             to stable at the same time ({}).",
            milliseconds(most.threshold_us),
            of(most.slow[0], most.judged[0]),
            of(most.slow[1], most.judged[1])
        )
    }

    /// "4.9 % of its sessions failed (40 of 812), against 0.04 % of stable's (3 of 7,300)".
    fn shares(&self) -> String {
        let [candidate, control] = self.tally.shares().map(|share| percent(share.unwrap_or_default()));
        let [sessions, control_sessions] = self.tally.sessions();
        format!(
            "{candidate} of its sessions failed ({}), against {control} of those that were drawn to stable at the same time ({})",
            of(self.tally.failing[0], sessions),
            of(self.tally.failing[1], control_sessions)
        )
    }

    fn bound_decides(&self) -> bool {
        self.share_bound.is_some_and(|bound| bound <= self.rules.at_least)
    }

    fn undecided(&self) -> String {
        let begin = if self.warning {
            format!("The candidate looks worse than stable, but it is not certain: {}", self.shares())
        } else if self.tally.sessions()[0] == 0 {
            return "Undecided: nobody has come to the candidate yet".to_owned();
        } else {
            "Undecided".to_owned()
        };
        let missing = self.missing.unwrap_or_default();
        match missing.words(self.rules.at_least) {
            Some(words) => format!("{begin}. Missing: {words}"),
            None => begin,
        }
    }
}

impl Missing {
    /// What is missing, in words; `None` if nothing would do.
    pub fn words(&self, at_least: f64) -> Option<String> {
        if let Some(more) = self.failing_candidate_sessions {
            let noun = if more == 1 { "session" } else { "sessions" };
            return Some(format!("{more} more failing {noun} of the candidate, from other networks"));
        }
        if self.share {
            return Some(format!("a failing share above {}", percent(at_least)));
        }
        match (self.failing_sessions.map(about), self.sessions.map(about)) {
            (Some(failing), Some(sessions)) => {
                Some(format!("about {failing} more failing sessions, or {sessions} more without any"))
            }
            (Some(failing), None) => Some(format!("about {failing} more failing sessions")),
            (None, Some(sessions)) => Some(format!("about {sessions} more sessions without a failing one")),
            (None, None) => None,
        }
    }
}

impl Blind {
    /// The sentence.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoCandidate => "There is no candidate.",
            Self::NotSticky => {
                "Undecided: the app is not sticky, so there are no sessions to compare. Missing: sticky on."
            }
            Self::NoPins => {
                "Undecided: clients are known by a header or their address, so nothing says when they were drawn. Missing: the setting pin at cookie."
            }
            Self::OldPins => {
                "Undecided: some router of the fleet cannot read pins that say when a client was drawn. Missing: its new version."
            }
        }
    }
}

/// "3 of 7,300".
fn of(part: u64, all: u64) -> String {
    format!("{} of {}", grouped(part), grouped(all))
}

/// A share with two significant digits, such as `4.9 %`.
fn percent(share: f64) -> String {
    let percent = share * 100.0;
    match percent {
        _ if percent >= 10.0 => format!("{percent:.0} %"),
        _ if percent >= 1.0 => format!("{percent:.1} %").replace(".0 ", " "),
        _ if percent >= 0.095 => {
            format!("{percent:.2}").trim_end_matches('0').trim_end_matches('.').to_owned() + " %"
        }
        _ if percent > 0.0 => format!("{percent:.3} %"),
        _ => "0 %".to_owned(),
    }
}

/// "4.5 ms", "120 ms", "1.3 s".
fn milliseconds(us: u64) -> String {
    match number(us) / 1_000.0 {
        ms if ms < 10.0 => format!("{ms:.1} ms"),
        ms if ms < 1_000.0 => format!("{ms:.0} ms"),
        ms => format!("{:.1} s", ms / 1_000.0),
    }
}

/// A number that is only about right, with two significant digits.
fn about(count: u64) -> String {
    let mut unit = 1;
    while count / unit >= 100 {
        unit *= 10;
    }
    grouped(count.div_ceil(unit) * unit)
}

/// A number with a comma for every three digits.
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let groups: Vec<&str> = {
        let first = match digits.len() % 3 {
            0 => 3,
            rest => rest,
        };
        let (head, tail) = digits.split_at(first.min(digits.len()));
        std::iter::once(head).chain((0..tail.len() / 3).map(|at| &tail[at * 3..at * 3 + 3])).collect()
    };
    groups.join(",")
}
