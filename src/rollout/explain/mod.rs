//! Explaining: which rule gives one request its release and endpoint, and why.
//!
//! [`assign`](super::assign::assign) decides, on the table as it is or at another blend; this module reports what the
//! decision was based on. Nothing is drawn or counted: the caller says which bucket would be drawn next. Key ids, MACs,
//! endpoint tags and client numbers are left out on purpose, so that an explanation can be shown to anybody who may ask for
//! one.

mod compose;
mod explanation;
mod headers;
mod request;
mod tester;
#[cfg(test)]
mod tests;
mod word;
mod words;

pub use self::{
    compose::explain,
    explanation::{
        BucketReport, CookieReport, EndpointFailure, EndpointReport, Explanation, PinContents, PinReport,
        ReleaseReport, ReleaseSummary,
    },
    request::{Peek, Request},
    tester::TesterReport,
    word::{BucketSource, CookieChange, PinState, Rule, TesterFault, TesterMeans, TrackName},
};
