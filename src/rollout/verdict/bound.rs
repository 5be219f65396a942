//! The absolute bound: how high the failing share of a release can be at most.
//!
//! Where failures are rare nothing can be compared, but a release of which 2,000 sessions met no failure is known well. The bound
//! holds whenever somebody looks: it is where the mean likelihood over all shares is `1/alpha` times that of the share.

use super::block::number;

/// Steps of the search: each halves what is left, so this is exact to the last digits.
const STEPS: u32 = 60;
/// Below this a logarithm of a factorial is summed; above it Stirling's series is exact to 15 digits.
const SUMMED_BELOW: u64 = 32;

/// The highest failing share (0 to 1) that is not excluded when `failing` of `sessions` failed.
pub fn failing_share_bound(failing: u64, sessions: u64, ln_inverse_alpha: f64) -> f64 {
    if failing >= sessions {
        return 1.0;
    }
    let (failed, passed) = (number(failing), number(sessions - failing));
    let mean = -number(sessions + 1).ln() - ln_ways(sessions, failing);
    // Against the share itself; it grows with the share above `failing / sessions`.
    let likelier = |share: f64| {
        let of_failed = if failing == 0 { 0.0 } else { failed * share.ln() };
        mean - of_failed - passed * (-share).ln_1p()
    };
    let (mut low, mut high) = (failed / number(sessions), 1.0);
    for _ in 0..STEPS {
        let middle = f64::midpoint(low, high);
        if likelier(middle) < ln_inverse_alpha { low = middle } else { high = middle }
    }
    high
}

/// How many sessions in all bring the bound down to `share`, if no more of them fail; `None` beyond any use.
pub fn sessions_needed(failing: u64, share: f64, ln_inverse_alpha: f64) -> Option<u64> {
    const MOST: u64 = 1 << 32;
    let suffice = |sessions: u64| failing_share_bound(failing, sessions, ln_inverse_alpha) <= share;
    let mut high = failing.max(1);
    while !suffice(high) {
        high = high.checked_mul(2).filter(|high| *high <= MOST)?;
    }
    let mut low = high / 2;
    while low + 1 < high {
        let middle = low.midpoint(high);
        if suffice(middle) { high = middle } else { low = middle }
    }
    Some(high)
}

/// The logarithm of the number of ways to choose `some` of `all`.
pub(super) fn ln_ways(all: u64, some: u64) -> f64 {
    ln_factorial(all) - ln_factorial(some) - ln_factorial(all - some)
}

/// The logarithm of `n!`.
fn ln_factorial(n: u64) -> f64 {
    if n < SUMMED_BELOW {
        return (2..=n).map(|factor| number(factor).ln()).sum();
    }
    let x = number(n);
    let series = 1.0 / (12.0 * x) - 1.0 / (360.0 * x.powi(3)) + 1.0 / (1_260.0 * x.powi(5));
    x * x.ln() - x + 0.5 * (std::f64::consts::TAU * x).ln() + series
}
