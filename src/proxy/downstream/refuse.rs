//! Answers of the router itself, sent to a client and logged.

use std::{future::poll_fn, task::Poll};

use super::{Answer, BodyPart, Downstream};
use crate::{
    limits::HEADROOM_BYTES,
    proxy::{
        codec::{
            fault::RequestFault,
            head::{Framing, RequestHead},
        },
        rewrite::refusal::{Form, Refusal, Reply, reason},
        route::tester,
        worker::{Worker, client::Client, coarse, deadlines::WaitState},
    },
    rollout::preview::PREVIEW_PATH,
    telemetry::access_log::Line,
};

/// Sends an answer of the router itself, after any interim response that is still on its way. Returns the bytes of its body. By
/// then it is flushed, or the client's side was aborted.
pub async fn refuse<D: Downstream>(
    worker: &Worker,
    down: &mut D,
    reply: &Reply,
    form: Form,
    to_head: bool,
    close: bool,
) -> u64 {
    let refusal = &reply.refusal;
    let mut fields = Vec::new();
    refusal.write_fields(form, &mut fields);
    fields.extend_from_slice(reply.lines.as_bytes());
    worker.write_date(&mut fields);
    let body = reply.body(form);
    let length = if to_head { 0 } else { body.len() };
    let status = refusal.sent_status(form);
    let framing = if to_head { Framing::None } else { Framing::Length(length as u64) };
    down.deadline().set_in(worker.limits().body_grace_ms);
    let mut unsent = Some((body, fields));
    poll_fn(|cx| {
        // An interim response may still be on its way.
        if down.poll_flush(cx).is_ready()
            && let Some((body, fields)) = unsent.take()
        {
            let mut lease = worker.buffers.lend(false);
            lease.space()[..length].copy_from_slice(&body.as_bytes()[..length]);
            let data = HEADROOM_BYTES..HEADROOM_BYTES + length;
            let answer = Answer {
                status,
                reason: reason(status).as_bytes(),
                fields: &fields,
                framing,
                stated_length: to_head.then_some(body.len() as u64),
                tunnel: None,
                close,
            };
            down.answer(cx, &answer, BodyPart { lease, data, last: true, trailers: Vec::new() });
        }
        match down.poll_flush(cx) {
            Poll::Pending if down.deadline().state() == WaitState::Waiting => Poll::Pending,
            Poll::Pending => {
                down.abort();
                Poll::Ready(())
            }
            Poll::Ready(_) => Poll::Ready(()),
        }
    })
    .await;
    length as u64
}

/// What a request is answered that panicked.
pub const PANICKED: Refusal = Refusal { status: 500, detail: "the router failed", retry_after: None };

/// Counts a request whose head cannot be read, and says what it is answered.
#[cold]
pub fn refuse_fault(worker: &Worker, fault: RequestFault) -> Refusal {
    let counters = worker.counters();
    counters.requests_refused.add(1);
    match fault {
        RequestFault::TargetTooLong => counters.limit_target_bytes.add(1),
        RequestFault::HeaderTooLong => counters.limit_header_bytes.add(1),
        RequestFault::HeaderTooMany => counters.limit_header_count.add(1),
        _ => {}
    }
    Refusal { status: fault.status(), detail: fault.detail(), retry_after: None }
}

/// Logs a request that was not forwarded. The token of a preview link stays out of the log.
pub fn log_refused(worker: &Worker, head: Option<&RequestHead<'_>>, client: Client, status: u16) {
    worker.write_log(|| {
        let line = Line {
            http2: client.http2,
            ..Line::empty(coarse::wall_ms(), client.address, client.peer, status)
        };
        let Some(head) = head else { return line };
        Line {
            method: head.method,
            host: head.authority.as_str().as_bytes(),
            target: if tester::may_be_link(head.target) { PREVIEW_PATH.as_bytes() } else { head.target },
            minor_version: head.minor_version,
            ..line
        }
    });
}
