//! The verdict: is the candidate worse than stable? (docs/verdict.md)
//!
//! | file | what it is |
//! |---|---|
//! | [`block`] | what one router counted between two looks, and how likely that is at each factor |
//! | [`evidence`] | the sum of that over all looks and all routers |
//! | [`bound`] | how high the failing share can be at most, for releases that hardly ever fail |
//! | [`answers`] | the answers of the last seconds: a candidate that fails outright, a stable that fails as well |
//! | [`latency`] | the same test for how long clients wait |
//! | [`endpoints`] | which endpoints the failing sessions met |
//! | [`tally`] | the plain counts that people read |
//! | [`rules`] | by what a candidate is judged |
//! | [`judge`] | the decision; [`missing`], what an undecided verdict lacks |
//! | [`words`] | the sentence |
//! | [`receipt`] | what goes with an abort |
//!
//! The test is valid whenever somebody looks at it: if the candidate is no worse than allowed, the probability that the
//! evidence *ever* reaches `1/alpha` is at most `alpha`. Nothing here reads a clock, counts requests or aborts anything.

pub mod answers;
pub mod block;
pub mod bound;
pub mod endpoints;
pub mod evidence;
pub mod judge;
pub mod latency;
pub mod missing;
pub mod receipt;
pub mod rules;
pub mod tally;
#[cfg(test)]
mod tests;
pub mod words;

pub use self::{
    answers::{Look, RecentAnswers},
    block::{Arm, Block},
    endpoints::{EndpointFailures, FailingEndpoints},
    evidence::{Evidence, Factor},
    judge::{Blind, Facts, Finding, Verdict, judge},
    latency::{Latency, LatencyEvidence, Slowness},
    missing::Missing,
    rules::Rules,
    tally::Tally,
};
