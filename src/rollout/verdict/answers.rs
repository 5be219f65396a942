//! The answers of the last seconds, of the candidate and of stable.
//!
//! They say two things for which no statistics are needed: that the candidate fails outright, and that stable fails as well, so
//! that something which both depend on may be the cause.

use std::{collections::VecDeque, time::Duration};

use super::block::number;

/// "Lately".
pub const LATELY: Duration = Duration::from_secs(10);
/// How many last answers of each release are looked at.
const LAST_ANSWERS: u64 = 10;
/// A jump of stable's failing share: at least so many failures lately, ...
const JUMP_FAILURES: u64 = 3;
/// ... at least this share, ...
const JUMP_SHARE: f64 = 0.01;
/// ... and so many times the share before, ...
const JUMP_TIMES: f64 = 5.0;
/// ... of at least so many answers before.
const JUMP_ANSWERS_BEFORE: u64 = 50;

/// How many answers there were up to one moment, and how many of them failed: of the candidate, and of stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Look {
    /// When, monotonic.
    pub at: Duration,
    /// All answers.
    pub answers: [u64; 2],
    /// Those that failed.
    pub failed: [u64; 2],
}

/// The looks of the last seconds.
#[derive(Debug, Clone, Default)]
pub struct RecentAnswers {
    /// The first look of all: what was counted before says nothing.
    first: Look,
    looks: VecDeque<Look>,
}

impl RecentAnswers {
    /// Notes one look. Counts only grow.
    pub fn note(&mut self, look: Look) {
        if self.looks.is_empty() {
            self.first = look;
        }
        self.looks.push_back(look);
        while self.looks.get(1).is_some_and(|second| second.at + LATELY < look.at) {
            self.looks.pop_front();
        }
    }

    /// Whether each of the candidate's last answers failed, and none of stable's.
    pub fn fails_outright(&self) -> bool {
        let candidate = self.last(0).is_some_and(|(answers, failed)| failed >= answers);
        candidate && self.last(1).is_some_and(|(_, failed)| failed == 0)
    }

    /// At least the last ten answers of one release, lately, and how many of them failed.
    fn last(&self, release: usize) -> Option<(u64, u64)> {
        let newest = self.looks.back()?;
        let since = |look: &Look| {
            (
                newest.answers[release].saturating_sub(look.answers[release]),
                newest.failed[release].saturating_sub(look.failed[release]),
            )
        };
        self.looks.iter().rev().skip(1).map(since).find(|(answers, _)| *answers >= LAST_ANSWERS)
    }

    /// Whether stable fails lately far more often than before.
    pub fn stable_jumps(&self) -> bool {
        let (Some(oldest), Some(newest)) = (self.looks.front(), self.looks.back()) else { return false };
        let between = |from: &Look, to: &Look| {
            (to.answers[1].saturating_sub(from.answers[1]), to.failed[1].saturating_sub(from.failed[1]))
        };
        let (answers, failed) = between(oldest, newest);
        let (answers_before, failed_before) = between(&self.first, oldest);
        let share = number(failed) / number(answers.max(1));
        let before = number(failed_before) / number(answers_before.max(1));
        failed >= JUMP_FAILURES
            && answers_before >= JUMP_ANSWERS_BEFORE
            && share >= JUMP_SHARE
            && share >= JUMP_TIMES * before
    }
}
