//! The span of a request that was forwarded and is traced.

use std::fmt;

use super::outcome::Outcome;
use crate::{
    proxy::{
        route::Plan,
        worker::{Worker, coarse},
    },
    telemetry::{
        access_log::without_tokens,
        traces::{Span, SpanIds},
    },
};

/// Keeps the span of a request. Of its target only the path goes into it, and no header.
#[cold]
pub fn keep(worker: &Worker, plan: &Plan, outcome: &Outcome, ids: SpanIds, duration_us: u64) {
    let routes = &plan.app.routes;
    let ended_us = coarse::wall_ms() * 1_000;
    let target = plan.marked(&plan.marks.target);
    let path = target.split(|byte| matches!(byte, b'?' | b'#')).next().unwrap_or_default();
    let whole = [plan.marked(&plan.marks.prefix), path].concat();
    worker.keep_span(&Span {
        ids,
        started_us: ended_us.saturating_sub(duration_us),
        ended_us,
        method: &plan.out.bytes[..plan.marks.method],
        secure: plan.client.secure,
        path: &without_tokens(&whole),
        host: std::str::from_utf8(plan.marked(&plan.marks.authority)).unwrap_or_default(),
        version: match (plan.client.http2, plan.minor_version) {
            (true, _) => "2",
            (false, 0) => "1.0",
            (false, _) => "1.1",
        },
        status: outcome.status,
        app: routes.name.as_str(),
        release: routes.release(plan.assignment.target.release).id.as_str(),
        track: plan.track(),
        endpoint: outcome.endpoint,
        reason: plan.reason().as_str(),
        retries: outcome.retries,
        failure: outcome.failure.as_ref().map(|failure| failure as &dyn fmt::Display),
        fault: outcome.failure.map_or("", |failure| failure.side().as_str()),
    });
}
