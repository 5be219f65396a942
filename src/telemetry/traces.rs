//! Traces (OpenTelemetry): one span per request that was chosen, batched per worker, sent by the control plane.
//!
//! A worker writes each span at once as the JSON of OTLP into its own buffer, and hands over whole batches. When the collector
//! cannot keep up, batches are lost and counted; requests never wait.

mod span;
mod writer;

pub use span::{Span, SpanIds};
pub use writer::{SpanBatch, SpanCounts, SpanReceiver, TraceLosses, Traces, WorkerTraces, traces};
