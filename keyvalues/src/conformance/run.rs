//! Running the cases.

use futures_util::{StreamExt as _, stream};

use super::{
    case::{Case, CaseInput},
    checks, commits, concurrency, durability, foreign, leases, limits, listing,
    subject::Backend,
    support, watches,
};

/// Every case.
pub fn all() -> impl Iterator<Item = &'static Case> {
    let groups = [
        commits::CASES,
        checks::CASES,
        limits::CASES,
        listing::CASES,
        watches::CASES,
        concurrency::CASES,
        leases::CASES,
        durability::CASES,
        foreign::CASES,
    ];
    groups.into_iter().flatten()
}

/// How a run ended.
#[derive(Debug, Default)]
pub struct Report {
    /// Cases that held.
    pub passed: Vec<&'static str>,
    /// Cases that did not, and what they said.
    pub failed: Vec<(&'static str, String)>,
    /// Cases that the backend does not promise.
    pub skipped: Vec<&'static str>,
}

/// Runs the cases that are wanted by their names, at most `at_once` at a time.
pub async fn run(backend: &dyn Backend, wanted: impl Fn(&str) -> bool, at_once: usize) -> Report {
    let chosen = all().filter(|case| wanted(case.name));
    let ended = stream::iter(chosen).map(|case| run_one(backend, case)).buffer_unordered(at_once.max(1));
    let mut report = Report::default();
    for (name, verdict) in ended.collect::<Vec<_>>().await {
        match verdict {
            None => report.skipped.push(name),
            Some(Ok(())) => report.passed.push(name),
            Some(Err(text)) => report.failed.push((name, text)),
        }
    }
    report
}

async fn run_one(backend: &dyn Backend, case: &'static Case) -> (&'static str, Option<Result<(), String>>) {
    let input = CaseInput { subject: backend.subject().await, lease_ttl: backend.lease_ttl() };
    if !case.needs.is_met(input.store().capabilities(), &*input.subject) {
        return (case.name, None);
    }
    let ended = tokio::spawn((case.run)(input)).await;
    (case.name, Some(ended.map_err(|error| support::panic_text(error.into_panic()))))
}
