//! What a request says about the candidate beside stable: counted for the verdict (docs/verdict.md).
//!
//! Whose request it is, its pin says: for which draw epoch the client was drawn, and to which release. What it counts as, its
//! outcome says, whichever release answered: a client stays in the arm to which it was drawn, and what the candidate failed
//! and stable answered is the candidate's failure. Nothing here runs where there is no candidate.

use super::{
    failure::{Failure, Side},
    outcome::Outcome,
};
use crate::{
    live::cohort::{Cohort, CohortRequest, FailureSample, Wait},
    printable::escaped,
    proxy::{
        codec::lines::{Progress, read_lines},
        rewrite::trace,
        route::Plan,
        worker::{Worker, coarse},
    },
    rollout::{
        address::Address,
        assign::{PinChange, PinEvidence, Reason},
        pin::Pin,
        settings::PinSource,
        table::Standing,
        target::Target,
        verdict::Arm,
    },
};

/// The longest path of a sample, in characters.
const PATH_CHARS_MAX: usize = 200;
/// The longest method of a sample.
const METHOD_CHARS_MAX: usize = 20;

/// Counts a request of an app that has a candidate.
pub fn count(worker: &Worker, plan: &Plan, outcome: &Outcome) {
    let Some(cohort) = cohort_of(plan) else { return };
    let failed = has_failed(plan, outcome);
    if failed == Some(true) {
        count_answer(cohort, worker, plan, outcome);
    }
    let wait = if plan.is_asset() { None } else { wait_of(plan, outcome) };
    if let Some(Wait { us, is_over: true }) = wait.filter(|_| plan.standing() == Standing::Stable) {
        cohort.count_stable_wait(worker.index, us);
    }
    let Some(pin) = drawn_pin(plan) else { return };
    let arm = if pin.drawn_to_candidate { Arm::Candidate } else { Arm::Control };
    if arm == Arm::Control && was_at_candidate(plan) {
        // The blend was raised meanwhile, and its page was drawn again: it says nothing about stable any more.
        return;
    }
    let request = CohortRequest { pin: &pin, arm };
    let network = || plan.app.routes.pins.hash_network(plan.client.address, [pin.drawn_for, arm as u8]);
    if let Some(wait) = wait {
        let network = || plan.app.routes.pins.hash_network(plan.client.address, [0; 2]);
        cohort.count_wait(worker.index, request, wait, network);
    }
    match failed {
        Some(true) => {
            let at = failed_at(plan, outcome);
            cohort.count_failure(worker.index, request, network(), at, coarse::wall_ms());
        }
        Some(false) => cohort.count(worker.index, request, network),
        None => {}
    }
}

/// The endpoint of the candidate that failed the request, if one did.
#[cold]
fn failed_at(plan: &Plan, outcome: &Outcome) -> Option<Address> {
    let own = outcome.endpoint.filter(|_| plan.standing() == Standing::Candidate);
    outcome.shielded_from.or(own)
}

/// How long the client waited for the first byte of the endpoint's answer, the time that a connection took not counted: a release that few
/// ask has fewer open. `None` where that says nothing about the release: a
/// sibling answered, the candidate failed it at once, or the router had the answer itself.
fn wait_of(plan: &Plan, outcome: &Outcome) -> Option<Wait> {
    if outcome.sibling.is_some() {
        return None;
    }
    if plan.reason() == Reason::Shielded {
        return outcome.was_silent.then_some(Wait::SILENT);
    }
    let asked_us = outcome.asked_us.unwrap_or(plan.started_us);
    if outcome.head_us > 0 {
        let us = outcome.head_us.saturating_sub(asked_us).saturating_sub(outcome.connecting_us.into());
        return Some(Wait { us, is_over: true });
    }
    // It would have taken longer, nobody knows how long.
    let waited =
        matches!(outcome.failure, Some(Failure::FirstByte | Failure::ConnectTimeout | Failure::ClientGone));
    waited.then(|| Wait { us: coarse::now_us().saturating_sub(asked_us), is_over: false })
}

/// Whether a request failed. `None` is nobody's event: the client left, or it says nothing about the release.
fn has_failed(plan: &Plan, outcome: &Outcome) -> Option<bool> {
    if plan.reason() == Reason::Shielded {
        return Some(true);
    }
    if outcome.sibling.is_some() {
        return None;
    }
    let is_bad = plan.app.routes.settings.verdict.failure.has(outcome.judged_status());
    let Some(failure) = outcome.failure else { return Some(is_bad) };
    match (failure.side(), failure) {
        (Side::Upstream, _) | (_, Failure::Queue) => Some(true),
        // What it had got by then counts.
        (_, Failure::ClientGone | Failure::ResponseSlow) => is_bad.then_some(true),
        _ => None,
    }
}

/// The pin of a client that was drawn while there was this candidate: the one that it brought, or the one that it gets with a
/// page. Nothing else without a pin is a session.
fn drawn_pin(plan: &Plan) -> Option<Pin> {
    let pin = match (plan.pin, plan.assignment.pin) {
        (PinEvidence::Valid(pin), _) => pin,
        (PinEvidence::Hashed(_), _) => return None,
        (_, PinChange::First(pin) | PinChange::Replace(pin)) if plan.navigation && !plan.is_asset() => pin,
        _ => return None,
    };
    plan.app.routes.draw_epochs.has(pin.drawn_for).then_some(pin)
}

/// Whether the candidate got the request first.
fn was_at_candidate(plan: &Plan) -> bool {
    plan.standing() == Standing::Candidate || plan.reason() == Reason::Shielded
}

/// The cohort of the app's candidate. Where nothing says when clients were drawn there is none.
fn cohort_of(plan: &Plan) -> Option<&Cohort> {
    let routes = &plan.app.routes;
    let counted = routes.sticky && routes.settings.pin == PinSource::Cookie;
    let candidate = routes.candidate.filter(|_| counted)?;
    Some(plan.app.release(candidate).state.cohort())
}

/// Counts a failing answer, whoever got it.
#[cold]
fn count_answer(cohort: &Cohort, worker: &Worker, plan: &Plan, outcome: &Outcome) {
    if plan.reason() == Reason::Shielded {
        let failure = &plan.app.routes.settings.verdict.failure;
        cohort.count_shielded(worker.index, outcome.failure.is_none() && !failure.has(outcome.status));
        return cohort.count_failed_answer(worker.index, Arm::Candidate);
    }
    match plan.standing() {
        Standing::Candidate => {
            cohort.count_failed_answer(worker.index, Arm::Candidate);
            let status = outcome.failure.map_or(outcome.status, Failure::said);
            keep_sample(plan, plan.assignment.target, status);
        }
        Standing::Stable => cohort.count_failed_answer(worker.index, Arm::Control),
        Standing::Draining { .. } | Standing::Previous => {}
    }
}

/// Keeps a sample of a request that the candidate failed.
#[cold]
pub fn keep_sample(plan: &Plan, target: Target, status: u16) {
    let routes = &plan.app.routes;
    let is_candidates = routes.candidate == Some(target.release);
    let Some(cohort) = cohort_of(plan).filter(|_| is_candidates) else { return };
    let endpoint = plan.app.endpoint(target).route.address;
    cohort.samples().add(|| sample(plan, endpoint, status));
}

fn sample(plan: &Plan, endpoint: Address, status: u16) -> FailureSample {
    let prefix = plan.stripped().map_or(Default::default(), |prefix| String::from_utf8_lossy(prefix.path));
    let path = plan.target().split(['?', '#']).next().unwrap_or_default();
    let method = plan.out.bytes.get(..plan.marks.method).unwrap_or_default();
    FailureSample {
        at_ms: coarse::wall_ms(),
        method: shortened(&String::from_utf8_lossy(method), METHOD_CHARS_MAX),
        path: shortened(&format!("{prefix}{path}"), PATH_CHARS_MAX),
        status,
        endpoint,
        trace_id: trace_id(plan),
    }
}

fn shortened(text: &str, chars_max: usize) -> String {
    escaped(text).chars().take(chars_max).collect()
}

/// The trace that the request belongs to, read again from the head that was sent upstream, since it is needed rarely.
fn trace_id(plan: &Plan) -> Option<String> {
    let out = &plan.out.bytes;
    let head = &out[memchr::memchr(b'\n', out)? + 1..];
    let mut lines = Vec::new();
    let Ok(Progress::Complete(_)) = read_lines(head, &mut lines, usize::MAX) else { return None };
    let line = lines.iter().find(|line| line.name(head).eq_ignore_ascii_case(b"traceparent"))?;
    trace::id_of(line.value(head))
}
