//! The account of a request that was forwarded: counted in its release's cell and in its cohort, and one line in the access
//! log.

use std::fmt;

use super::{
    cohort,
    failure::{Failure, Side},
    outcome::Outcome,
    shadow, span,
};
use crate::{
    live::activity::standing_index,
    proxy::{
        route::Plan,
        worker::{Worker, coarse},
    },
    rollout::{
        assign::{Assignment, Reason},
        target::Target,
    },
    telemetry::access_log::Line,
};

/// The place of 5xx among a cell's status classes.
const SERVER_ERROR: usize = 4;

/// Counts and logs a request that was forwarded.
pub fn count_and_log(worker: &Worker, plan: &Plan, outcome: &Outcome) {
    let duration_us = coarse::now_us().saturating_sub(plan.started_us);
    if plan.is_counted() {
        count(worker, plan, outcome);
        if plan.app.routes.candidate.is_some() {
            cohort::count(worker, plan, outcome);
            if plan.app.routes.settings.shadow.is_on() {
                shadow::offer(worker, plan, outcome);
            }
        }
    }
    if let Some(ids) = &plan.span {
        span::keep(worker, plan, outcome, **ids, duration_us);
    }
    let routes = &plan.app.routes;
    worker.write_log(|| Line {
        at_ms: coarse::wall_ms(),
        client: plan.client.address,
        peer: plan.client.peer,
        method: &plan.out.bytes[..plan.marks.method],
        host: plan.marked(&plan.marks.authority),
        prefix: plan.marked(&plan.marks.prefix),
        target: plan.marked(&plan.marks.target),
        minor_version: plan.minor_version,
        http2: plan.client.http2,
        status: outcome.status,
        bytes: outcome.sent,
        duration_us,
        app: routes.name.as_str(),
        release: routes.release(plan.assignment.target.release).id.as_str(),
        track: plan.track(),
        endpoint: outcome.endpoint,
        reason: plan.reason().as_str(),
        sibling: outcome.sibling.map_or("", |sibling| routes.release(sibling).id.as_str()),
        retries: outcome.retries,
        failure: outcome.failure.as_ref().map(|failure| failure as &dyn fmt::Display),
        fault: outcome.failure.map_or("", |failure| failure.side().as_str()),
        request_id: plan.marked(&plan.marks.request_id),
        referer: plan.marked(&plan.marks.referer),
        user_agent: plan.marked(&plan.marks.user_agent),
    });
}

fn count(worker: &Worker, plan: &Plan, outcome: &Outcome) {
    let cell = plan.release().state.cell(worker.index);
    // A client that left before a status is no error of the release.
    if let Some(class) = (outcome.judged_status() / 100).checked_sub(1) {
        let place = standing_index(Some(plan.standing()));
        let classes = &cell.statuses[place];
        // What the candidate failed is an error of the candidate, and no success of stable.
        if plan.reason() != Reason::Shielded {
            classes[usize::from(class).min(classes.len() - 1)].add(1);
        }
        let asked_us = outcome.asked_us.unwrap_or(plan.started_us);
        let durations = cell.durations(place);
        durations.whole.record(coarse::now_us().saturating_sub(asked_us));
        if outcome.head_us > 0 {
            durations.first_byte.record(outcome.head_us.saturating_sub(asked_us));
        }
    }
    cell.bytes_received.add(outcome.received);
    cell.bytes_sent.add(outcome.sent);
}

/// Charges a release that failed, or was silent for too long: an error of its own, with the time that it had.
#[cold]
pub fn charge_release(
    worker: &Worker,
    plan: &Plan,
    failed: &Assignment,
    failure: Failure,
    asked_us: Option<u64>,
) {
    let standing = plan.app.routes.release(failed.target.release).standing;
    let (cell, place) =
        (plan.app.release(failed.target.release).state.cell(worker.index), standing_index(Some(standing)));
    if !plan.is_counted() {
        return;
    }
    cell.statuses[place][SERVER_ERROR].add(1);
    let since_us = asked_us.unwrap_or(plan.started_us);
    cell.durations(place).whole.record(coarse::now_us().saturating_sub(since_us));
    cohort::keep_sample(plan, failed.target, failure.said());
}

/// Charges the candidate that lost a race, and its endpoint.
#[cold]
pub fn charge_candidate(
    worker: &Worker,
    plan: &Plan,
    failed: &Assignment,
    failure: Failure,
    asked_us: Option<u64>,
) {
    charge_release(worker, plan, failed, failure, asked_us);
    plan.app.endpoint(failed.target).state.fail(failure.is_refusal());
    tell(plan, failed.target, failure);
    count_kind(worker, failure);
}

/// Counts a failure that was the endpoint's.
#[cold]
pub fn count_failure(worker: &Worker, plan: &Plan, failure: Failure) {
    // A tester's request must not get an endpoint ejected that users need.
    if !plan.is_overridden() {
        plan.endpoint().state.fail(failure.is_refusal());
    }
    tell(plan, plan.assignment.target, failure);
    count_kind(worker, failure);
}

/// Says in the log what was let pass of an endpoint's response.
#[cold]
pub fn tell_let_pass(plan: &Plan, what: &str) {
    let endpoint = plan.endpoint();
    if endpoint.state.is_told(what, coarse::wall_ms()) {
        tracing::warn!(
            endpoint = %endpoint.route.address,
            app = plan.app.routes.name.as_str(),
            release = plan.app.routes.release(plan.assignment.target.release).id.as_str(),
            "a response breaks the rules of HTTP, which lenient_responses allows: {what}"
        );
    }
}

fn count_kind(worker: &Worker, failure: Failure) {
    let counters = worker.counters();
    let counter = match failure {
        Failure::Connect | Failure::Handshake(_) => &counters.upstream_failed_connect,
        Failure::ConnectTimeout => &counters.upstream_failed_connect_timeout,
        Failure::Reset | Failure::Refused => &counters.upstream_failed_reset,
        Failure::Malformed(_) => &counters.upstream_failed_malformed,
        Failure::FirstByte => &counters.upstream_failed_first_byte,
        Failure::Status(_) => &counters.upstream_failed_status,
        _ => &counters.upstream_failed_body,
    };
    counter.add(1);
}

/// Remembers what an endpoint failed with, and says it in the log, so that somebody who looks for the cause of a 502 finds the
/// endpoint and the rule. What an application answered itself it can log itself.
#[cold]
fn tell(plan: &Plan, target: Target, failure: Failure) {
    let endpoint = plan.app.endpoint(target);
    let due = endpoint.state.note_failure(&failure.to_string(), coarse::wall_ms());
    if due && !matches!(failure, Failure::Status(_)) {
        tracing::warn!(
            endpoint = %endpoint.route.address,
            app = plan.app.routes.name.as_str(),
            release = plan.app.routes.release(target.release).id.as_str(),
            fault = Side::Upstream.as_str(),
            "an endpoint failed a request: {failure}"
        );
    }
}
