//! Tests of the verdict: what was worked out elsewhere, what must always hold, and whole rollouts.

mod decisions;
mod properties;
mod reference;
mod rollouts;

use super::{Block, Evidence};

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
