//! What a request says upstream about its trace, and the span that this router makes of it.

use crate::{
    proxy::{
        codec::head::RequestHead,
        rewrite::trace::{Trace, is_carried_by},
        worker::{Worker, client::Client, local::LocalApp},
    },
    rollout::settings::Traceparent,
    telemetry::traces::SpanIds,
};

/// The trace of a request.
pub struct Traced {
    /// What goes upstream instead of what came. None: that goes on as it is.
    pub upstream: Option<Trace>,
    /// The router's span. None: the request was not chosen.
    pub span: Option<Box<SpanIds>>,
}

impl Traced {
    /// The trace of a request to this app.
    #[inline]
    pub fn of(worker: &Worker, head: &RequestHead<'_>, app: &LocalApp, client: Client) -> Self {
        let creates = app.routes.settings.traceparent == Traceparent::Create;
        if worker.traces.is_some() {
            return Self::chosen(worker, head, creates, client);
        }
        let begins = creates && !is_carried_by(head);
        Self { upstream: begins.then(|| Trace::new(true, || worker.random())), span: None }
    }

    /// The same where this router makes spans. Of a trace that began elsewhere only a trusted proxy says whether it is sampled:
    /// else any client could have everything recorded, here and at the endpoints.
    fn chosen(worker: &Worker, head: &RequestHead<'_>, creates: bool, client: Client) -> Self {
        let came = Trace::of(head);
        let sampled = match came {
            Some(came) if client.trusted => came.is_sampled(),
            _ => worker.chooses_trace(),
        };
        if sampled {
            let parent_id = came.map_or(0, |came| came.parent_id);
            let trace = came.unwrap_or_else(|| Trace::new(true, || worker.random()));
            let trace = trace.through(worker.random().max(1));
            let span = SpanIds { trace_id: trace.trace_id, span_id: trace.parent_id, parent_id };
            return Self { upstream: Some(trace), span: Some(Box::new(span)) };
        }
        let upstream = match came {
            Some(came) => came.is_sampled().then(|| came.unsampled()),
            None => creates.then(|| Trace::new(false, || worker.random())),
        };
        Self { upstream, span: None }
    }
}
