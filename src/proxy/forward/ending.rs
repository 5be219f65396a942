//! How a request ends whose attempts failed: the client is told, or the response that has begun is cut.

use super::{
    exchange::Exchange,
    failure::{Failure, Side, has_body},
};
use crate::proxy::{
    codec::lines::{Progress, read_lines},
    downstream::{Downstream, refuse::refuse},
    rewrite::refusal::{Form, Refusal, Reply, TOO_LARGE},
};

/// Every endpoint of the release is known to be down, so the client can only try again soon.
const RELEASE_DOWN: Refusal =
    Refusal { status: 503, detail: "the application is down right now", retry_after: Some(5) };

/// Tells the client what became of its request, or cuts the response that has begun.
pub async fn end<D: Downstream>(exchange: &mut Exchange<'_, D>, failure: Failure) {
    let counters = exchange.worker.counters();
    match failure {
        Failure::Queue => counters.limit_endpoint_queue.add(1),
        Failure::RequestSlow | Failure::ResponseSlow => counters.limit_body_rate.add(1),
        Failure::RequestBody(_) | Failure::RequestLarge => counters.requests_refused.add(1),
        _ => {}
    }
    if exchange.has_answered() || failure == Failure::ClientGone {
        cut(exchange, failure);
        return;
    }
    let all_down = failure.side() == Side::Upstream && !exchange.plan.release_serves();
    let refusal = if all_down { RELEASE_DOWN } else { refusal(failure) };
    let (form, to_head) = (form(exchange), exchange.plan.to_head);
    // What is left of the request's body is not read, so no other request can follow it.
    let close =
        failure.side() == Side::Downstream || !exchange.link_reusable() && has_body(exchange.plan.framing);
    exchange.outcome.status = refusal.status;
    let plan = &exchange.plan;
    let reply = Reply::from(refusal).of_app(&plan.app.routes.settings, plan.client.secure);
    exchange.outcome.sent = refuse(exchange.worker, exchange.down, &reply, form, to_head, close).await;
}

/// Ends the connection so that the client can tell a cut response from a whole one, and gets what was sent of it: a reset, which
/// destroys what is on its way, only where nothing else shows the cut, or nobody reads.
fn cut<D: Downstream>(exchange: &mut Exchange<'_, D>, failure: Failure) {
    let reads = !matches!(failure, Failure::ClientGone | Failure::ResponseSlow);
    if exchange.response_is_whole() || reads && exchange.down.shows_cut() {
        exchange.down.close_early();
    } else {
        exchange.down.abort();
    }
}

fn refusal(failure: Failure) -> Refusal {
    let status = failure.status();
    let detail = match failure {
        Failure::Deadline => "the deadline of the call has passed",
        Failure::ConnectTimeout | Failure::FirstByte => "the application did not answer in time",
        Failure::Reset => "the application closed the connection before it answered",
        Failure::Malformed(_) => "the application's answer is not valid HTTP",
        Failure::Queue => "the application is too busy right now",
        Failure::Resources => "the router is too busy right now",
        Failure::ReleaseEnded => "this release has ended",
        Failure::RequestBody(what) => what,
        Failure::RequestLarge => TOO_LARGE.detail,
        Failure::RequestSlow => "the request took too long to arrive",
        _ => "the application could not be reached",
    };
    Refusal { status, detail, retry_after: (status == 503).then_some(1) }
}

/// In which form the client wants its answer. Read again from the head that was sent upstream, since it is needed rarely.
fn form<D: Downstream>(exchange: &Exchange<'_, D>) -> Form {
    let out = &exchange.plan.out.bytes;
    let Some(start) = memchr::memchr(b'\n', out).map(|end| end + 1) else { return Form::Text };
    let mut lines = exchange.worker.lines.borrow_mut();
    match read_lines(&out[start..], &mut lines, usize::MAX) {
        Ok(Progress::Complete(_)) => Form::of_lines(&out[start..], &lines),
        _ => Form::Text,
    }
}
