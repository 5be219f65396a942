//! The end of an exchange: counted in the release's cell, and one line in the access log.

use std::net::{IpAddr, SocketAddr};

use crate::{
    live::activity::standing_index,
    proxy::{
        codec::head::RequestHead,
        route::{Plan, tester},
        worker::{Worker, client::Client, coarse},
    },
    rollout::{preview::PREVIEW_PATH, target::ReleaseIndex},
    telemetry::access_log::Line,
};

/// What became of a request.
#[derive(Debug, Clone, Copy, Default)]
pub struct Outcome {
    /// The status the client got; 0 when it left before one.
    pub status: u16,
    /// Bytes of response body.
    pub sent: u64,
    /// Bytes of request body.
    pub received: u64,
    /// How often it was repeated.
    pub retries: u32,
    /// Which endpoint answered.
    pub endpoint: Option<SocketAddr>,
    /// The sibling that answered for the release.
    pub sibling: Option<ReleaseIndex>,
}

/// Counts and logs a request that was forwarded.
pub fn forwarded(worker: &Worker, plan: &Plan, outcome: &Outcome) {
    let duration_us = coarse::now_us().saturating_sub(plan.started_us);
    // What testers do says nothing about how users fare.
    if !plan.is_overridden() {
        count(worker, plan, outcome, duration_us);
    }
    let release = &plan.app.routes.release(plan.assignment.target.release);
    push(worker, || Line {
        at_ms: coarse::wall_ms(),
        client: plan.client.address,
        method: &plan.out.bytes[..plan.marks.method],
        host: plan.marked(&plan.marks.authority),
        target: plan.marked(&plan.marks.target),
        minor_version: plan.minor_version,
        status: outcome.status,
        bytes: outcome.sent,
        duration_us,
        app: plan.app.routes.name.as_str(),
        release: release.id.as_str(),
        track: plan.track(),
        endpoint: outcome.endpoint,
        reason: plan.reason().as_str(),
        sibling: outcome.sibling.map_or("", |sibling| plan.app.routes.release(sibling).id.as_str()),
        retries: outcome.retries,
        request_id: plan.marked(&plan.marks.request_id),
        referer: plan.marked(&plan.marks.referer),
        user_agent: plan.marked(&plan.marks.user_agent),
    });
}

fn count(worker: &Worker, plan: &Plan, outcome: &Outcome, duration_us: u64) {
    let cell = plan.app.release(plan.assignment.target.release).state.cell(worker.index);
    // A client that left before a status is no error of the release's.
    if let Some(class) = (outcome.status / 100).checked_sub(1) {
        let classes = &cell.statuses[standing_index(Some(plan.standing()))];
        classes[usize::from(class).min(classes.len() - 1)].add(1);
        cell.latency.record(duration_us);
    }
    cell.bytes_received.add(outcome.received);
    cell.bytes_sent.add(outcome.sent);
}

/// Logs a request that went nowhere. The token of a preview link is no word for a log.
pub fn refused(worker: &Worker, head: Option<&RequestHead<'_>>, client: Client, status: u16) {
    push(worker, || {
        let line = blank(client.address, status);
        let Some(head) = head else { return line };
        Line {
            method: head.method,
            host: head.authority.as_bytes(),
            target: if tester::is_link(head.target) { PREVIEW_PATH.as_bytes() } else { head.target },
            minor_version: head.minor_version,
            ..line
        }
    });
}

fn blank(client: IpAddr, status: u16) -> Line<'static> {
    Line {
        at_ms: coarse::wall_ms(),
        client,
        method: b"",
        host: b"",
        target: b"",
        minor_version: 1,
        status,
        bytes: 0,
        duration_us: 0,
        app: "",
        release: "",
        track: "",
        endpoint: None,
        reason: "",
        sibling: "",
        retries: 0,
        request_id: b"",
        referer: b"",
        user_agent: b"",
    }
}

fn push<'a>(worker: &Worker, line: impl FnOnce() -> Line<'a>) {
    let Some(log) = &worker.log else { return };
    let flushed = log.borrow_mut().push(&line());
    worker.counters().log_lines.add(flushed.written);
    worker.counters().log_lines_dropped.add(flushed.dropped);
}

/// Hands over what the log holds: a few times a second, so that a quiet log is fresh too.
pub fn flush(worker: &Worker) {
    let Some(log) = &worker.log else { return };
    let flushed = log.borrow_mut().flush();
    worker.counters().log_lines.add(flushed.written);
    worker.counters().log_lines_dropped.add(flushed.dropped);
}
