//! Which requests of stable's users are repeated at the candidate (docs/design.md section 16).
//!
//! The user has the answer by then: what happens here, and what the candidate does, delays nobody. Nothing here runs unless
//! the app's setting `shadow.percent` says so and there is a candidate.

use super::{outcome::Outcome, raceable::may_race};
use crate::{
    live::shadow::ShadowRequest,
    proxy::{
        codec::lines::{Progress, read_lines},
        route::{Plan, seconds},
        worker::Worker,
    },
    rollout::{
        address::Address,
        assign::{PinChange, PinEvidence, Reason},
        table::Standing,
        target::ReleaseIndex,
    },
};

/// Header lines that belong to one exchange: of the connection, of what a cache has, of a trace. The copies ask for whole
/// answers that are not compressed.
const PASSING_LINES: [&[u8]; 12] = [
    b"accept-encoding",
    b"connection",
    b"content-length",
    b"expect",
    b"if-match",
    b"if-modified-since",
    b"if-none-match",
    b"if-unmodified-since",
    b"te",
    b"traceparent",
    b"tracestate",
    b"transfer-encoding",
];
/// Header lines by which the app knows the user.
const CREDENTIALS: [&[u8]; 5] =
    [b"authorization", b"client-cert", b"client-cert-chain", b"cookie", b"proxy-authorization"];
/// Draws are of so many.
const DRAWS: f64 = 1_000_000.0;

/// Repeats a request that stable answered, if it is drawn and may be sent twice.
#[cold]
pub fn offer(worker: &Worker, plan: &Plan, outcome: &Outcome) {
    let settings = &plan.app.routes.settings.shadow;
    let is_stables = plan.standing() == Standing::Stable && plan.reason() != Reason::Shielded;
    let answered = outcome.failure.is_none() && outcome.sibling.is_none();
    let Some(candidate) = plan.app.routes.candidate.filter(|_| is_stables && answered) else { return };
    let drawn = ((worker.random() % DRAWS as u64) as f64) < settings.percent / 100.0 * DRAWS;
    if !drawn || !is_safe(plan) || !settings.covers(plan.target()) {
        return;
    }
    if may_race(plan, &mut worker.lines.borrow_mut()) {
        let queue = worker.shared.table.shadow();
        queue.offer(seconds(), || request(worker, plan, outcome, candidate));
    }
}

fn is_safe(plan: &Plan) -> bool {
    matches!(plan.out.bytes.get(..plan.marks.method), Some(b"GET" | b"HEAD"))
}

/// The request as it is repeated; none if the candidate has no endpoint that serves.
fn request(
    worker: &Worker,
    plan: &Plan,
    outcome: &Outcome,
    candidate: ReleaseIndex,
) -> Option<ShadowRequest> {
    let routes = &plan.app.routes;
    Some(ShadowRequest {
        app: routes.name.clone(),
        tenure: routes.release(candidate).tenure,
        session: session(worker, plan),
        method: plan.out.bytes.get(..plan.marks.method)?.to_vec(),
        target: plan.target().to_owned(),
        headers: lines(plan)?,
        stable: outcome.endpoint?,
        candidate: any_endpoint(worker, plan, candidate)?,
    })
}

/// A number for the client: that of its pin. Who has none is a session of one request.
fn session(worker: &Worker, plan: &Plan) -> u64 {
    match (plan.pin, plan.assignment.pin) {
        (PinEvidence::Valid(pin), _) => pin.client,
        (_, PinChange::First(pin) | PinChange::Replace(pin)) => pin.client,
        _ => worker.random(),
    }
}

fn any_endpoint(worker: &Worker, plan: &Plan, candidate: ReleaseIndex) -> Option<Address> {
    let endpoints = &plan.app.release(candidate).endpoints;
    let serving = || endpoints.iter().filter(|endpoint| endpoint.state.serves());
    let count = serving().count() as u64;
    let nth = worker.random().checked_rem(count)?;
    serving().nth(nth as usize).map(|endpoint| endpoint.route.address)
}

/// The header lines that the copies carry.
fn lines(plan: &Plan) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
    let out = &plan.out.bytes;
    let head = &out[memchr::memchr(b'\n', out)? + 1..];
    let mut lines = Vec::new();
    let Ok(Progress::Complete(_)) = read_lines(head, &mut lines, usize::MAX) else { return None };
    let with_credentials = plan.app.routes.settings.shadow.credentials;
    let kept = lines.iter().filter_map(|line| {
        let name = line.name(head).to_ascii_lowercase();
        let dropped = PASSING_LINES.contains(&name.as_slice())
            || !with_credentials && CREDENTIALS.contains(&name.as_slice());
        (!dropped).then(|| (name, line.value(head).to_vec()))
    });
    Some(kept.collect())
}
