//! Shadow: what the candidate answers differently from stable, found by asking both the same (docs/design.md section 16).
//!
//! | file | what it is |
//! |---|---|
//! | [`answer`] | what a release answered |
//! | [`compare`] | the fields in which two answers differ |
//! | [`json`] | the same for JSON |
//! | [`difference`] | one field in which they differ |
//! | [`pattern`] | the path of a request, with its numbers and ids as `*` |
//! | [`findings`] | all differences of a candidate, counted |
//! | [`finding`] | whether one of them is the candidate's, or noise |
//!
//! Stable is asked twice now and then, and what it answers differently itself is noise: a date, an id, a counter.

pub mod answer;
pub mod compare;
pub mod difference;
pub mod finding;
pub mod findings;
pub mod json;
pub mod pattern;
#[cfg(test)]
mod tests;

pub use self::{
    answer::{Answer, Reply},
    compare::compare,
    difference::{Difference, DifferenceKind},
    finding::{Finding, FindingClass},
    findings::{Comparison, Findings},
};
