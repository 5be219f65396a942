//! Whole rollouts, drawn at random: how many equal candidates are called worse, and how soon bad ones are.

use super::{RULES, facts};
use crate::rollout::verdict::{Block, Evidence, Finding, Tally, judge};

/// A random number (xorshift64*), the same in each run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn is(&mut self, probability: f64) -> bool {
        self.next() < probability
    }

    /// How many of so many happen.
    fn of(&mut self, count: u64, probability: f64) -> u64 {
        (0..count).filter(|_| self.is(probability)).count() as u64
    }
}

/// Whether a candidate is called worse within so many failing sessions, looked at after every block. The blend is one of several,
/// and changes now and then; so does the share of requests that fail, for both.
fn is_called_worse(random: &mut Random, factor: f64, failures_most: u64) -> Option<u64> {
    let mut evidence = Evidence::new(RULES.tolerate);
    let mut tally = Tally::default();
    let (mut blend, mut failing) = (0.1, 0.02);
    loop {
        if random.is(0.02) {
            blend = [0.01, 0.05, 0.1, 0.25, 0.5][(random.next() * 5.0) as usize];
            failing = [0.002, 0.01, 0.02, 0.08][(random.next() * 4.0) as usize];
        }
        let candidate = random.of(40, blend);
        let requests = [candidate, 40 - candidate];
        let failures =
            [random.of(candidate, (failing * factor).min(1.0)), random.of(40 - candidate, failing)];
        evidence.add(&Block::new(requests, failures));
        for arm in 0..2 {
            tally.sessions[arm] += requests[arm];
            tally.requests[arm] += requests[arm];
            tally.failing[arm] += failures[arm];
            tally.counted[arm] += failures[arm];
        }
        let failed = tally.failing[0] + tally.failing[1];
        if judge(&facts(&evidence, tally)).finding == Finding::Worse {
            return Some(failed);
        }
        if failed >= failures_most {
            return None;
        }
    }
}

#[test]
fn equal_candidates_are_hardly_ever_called_worse() {
    let mut random = Random(0x5eed_0000_0001);
    let runs = 200;
    let worse = (0..runs).filter(|_| is_called_worse(&mut random, 1.0, 200).is_some()).count();
    // One in a hundred is promised; six of two hundred are far beyond chance.
    assert!(worse <= 6, "{worse} of {runs}");
}

#[test]
fn bad_candidates_are_called_worse_soon() {
    let mut random = Random(0x5eed_0000_0002);
    for (factor, most) in [(1_000.0, 40), (5.0, 250)] {
        for _ in 0..20 {
            let failed = is_called_worse(&mut random, factor, 5_000);
            assert!(failed.is_some_and(|failed| failed <= most * 4), "{factor}: {failed:?}");
        }
    }
}
