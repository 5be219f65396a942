//! Why a request goes where it goes, who would move, and how well the promise is kept: what the router says of itself, held
//! against what end users then get.

mod requests;
mod shares;
mod testers;
mod who_moves;

use support::Router;

/// So many visitors who have been here before: their pins came back at least once.
fn regulars(router: &Router, count: usize) -> Vec<support::Visitor> {
    let mut visitors: Vec<_> = (0..count).map(|_| router.visitor()).collect();
    for _ in 0..2 {
        visit(&mut visitors);
    }
    visitors
}

/// Everybody asks once more; the release each got.
fn visit(visitors: &mut [support::Visitor]) -> Vec<String> {
    visitors.iter_mut().map(support::Visitor::release).collect()
}

/// How many of them are on a release.
fn on(releases: &[String], release: &str) -> usize {
    releases.iter().filter(|each| *each == release).count()
}
