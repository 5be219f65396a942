//! Tests of the verdict: what was worked out elsewhere, what must always hold, and whole rollouts.

mod decisions;
mod latency;
mod properties;
mod reference;
mod rollouts;

use super::{Block, Evidence, Facts, FailingEndpoints, Rules, Tally};

const RULES: Rules = Rules { alpha: 0.01, tolerate: 1.0, at_least: 0.005, slower_holds: true };
static NO_ENDPOINTS: FailingEndpoints = FailingEndpoints { endpoints: 1, failing: Vec::new() };

/// Facts of which nothing else is known.
fn facts(evidence: &Evidence, tally: Tally) -> Facts<'_> {
    Facts {
        rules: RULES,
        evidence,
        tally,
        latency: &[],
        endpoints: &NO_ENDPOINTS,
        outright: false,
        stable_jumps: false,
        blind: None,
    }
}

/// A block as the page writes it: requests of candidate and control, then failures of candidate and control.
fn block(numbers: (u64, u64, u64, u64)) -> Block {
    let (n_c, n_s, y_c, y_s) = numbers;
    Block::new([n_c, n_s], [y_c, y_s])
}

fn evidence(blocks: impl IntoIterator<Item = (u64, u64, u64, u64)>) -> Evidence {
    let mut evidence = Evidence::new(1.0);
    blocks.into_iter().for_each(|numbers| evidence.add(&block(numbers)));
    evidence
}
