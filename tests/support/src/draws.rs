//! Random draws of which the seed is known: the same seed is the same test.

use std::hash::{BuildHasher as _, RandomState};

/// Numbers by SplitMix64. `ROLLING_ROUTER_SEED` gives the seed.
#[derive(Debug)]
pub struct Draws {
    /// What a failure names.
    pub seed: u64,
    state: u64,
}

impl Draws {
    /// With this seed, or any.
    pub fn start() -> Self {
        let seed = std::env::var("ROLLING_ROUTER_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or_else(|| RandomState::new().hash_one(0));
        Self { seed, state: seed }
    }

    /// A number below this one.
    pub fn below(&mut self, end: usize) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((bits ^ (bits >> 31)) % end as u64).expect("it is below a usize")
    }
}
