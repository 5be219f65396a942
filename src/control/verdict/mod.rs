//! Verdicts: looks at what workers counted of each candidate, adds what the other members report, judges, and acts
//! (docs/verdict.md).
//!
//! | file | what it is |
//! |---|---|
//! | [`count`] | what this router has counted of one candidate, look by look |
//! | [`latency`] | the same of how long its clients wait |
//! | [`looks`] | the looks at all candidates, and what they come to |
//! | [`report`] | this router's part of the evidence in the store, from which others and a restart go on |
//! | [`abort`] | the abort of a candidate that is worse |
//!
//! What is judged, and how, is `rollout::verdict`'s; what is counted, the data plane's.

mod abort;
mod count;
mod latency;
mod looks;
mod report;
#[cfg(test)]
mod tests;

pub use self::looks::run;
