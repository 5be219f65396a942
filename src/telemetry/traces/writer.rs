//! Batches of spans on their way to the collector.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use tokio::sync::mpsc;

use super::span::Span;

/// A batch is handed over when it has grown to this, in bytes: some 100 spans.
const BATCH_BYTES: usize = 64 * 1024;
/// Batches that may wait for the collector, for each worker, before further ones are lost: 2 MiB.
const BATCHES_WAITING_MAX: usize = 32;

/// Spans that are handed over together.
#[derive(Debug, Default)]
pub struct SpanBatch {
    /// JSON objects, with commas between them.
    pub bytes: Vec<u8>,
    /// How many.
    pub spans: u64,
}

/// Where the collector's side takes batches. It ends when no worker is left.
pub type SpanReceiver = mpsc::Receiver<SpanBatch>;

/// Counts spans that were handed over and are lost.
#[derive(Debug, Clone, Default)]
pub struct TraceLosses(Arc<AtomicU64>);

/// Which requests become spans, and where those go.
#[derive(Debug, Clone)]
pub struct Traces {
    /// A request is chosen when a random number is at most this. None: none is, unless a trusted proxy chose it.
    threshold: Option<u64>,
    batches: mpsc::Sender<SpanBatch>,
    losses: TraceLosses,
}

/// One worker's batch.
#[derive(Debug)]
pub struct WorkerTraces {
    traces: Traces,
    batch: SpanBatch,
}

/// What became of spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SpanCounts {
    /// Made.
    pub made: u64,
    /// Lost: the collector could not keep up, or did not take them.
    pub lost: u64,
}

/// Both ends of the way of spans. `ratio` is the share of requests that are chosen, from 0 to 1.
pub fn traces(workers: usize, ratio: f64) -> (Traces, SpanReceiver, TraceLosses) {
    let (batches, waiting) = mpsc::channel(BATCHES_WAITING_MAX * workers.max(1));
    let losses = TraceLosses::default();
    // Rounding and the limits of the type are what the conversion does.
    let threshold = (ratio > 0.0).then_some((ratio * u64::MAX as f64) as u64);
    (Traces { threshold, batches, losses: losses.clone() }, waiting, losses)
}

impl TraceLosses {
    /// Counts lost spans.
    pub fn add(&self, spans: u64) {
        self.0.fetch_add(spans, Ordering::Relaxed);
    }

    fn take(&self) -> u64 {
        self.0.swap(0, Ordering::Relaxed)
    }
}

impl Traces {
    /// The part of one worker.
    pub fn worker(&self) -> WorkerTraces {
        WorkerTraces { traces: self.clone(), batch: SpanBatch::default() }
    }
}

impl WorkerTraces {
    /// Whether a request becomes a span, for which nobody has decided that who is believed.
    pub fn chooses(&self, random: u64) -> bool {
        self.traces.threshold.is_some_and(|threshold| random <= threshold)
    }

    /// Adds a span, and hands the batch over if it is full.
    pub fn push(&mut self, span: &Span<'_>) -> SpanCounts {
        if self.batch.spans > 0 {
            self.batch.bytes.push(b',');
        }
        span.write(&mut self.batch.bytes);
        self.batch.spans += 1;
        let full = self.batch.bytes.len() >= BATCH_BYTES;
        SpanCounts { made: 1, lost: if full { self.flush() } else { 0 } }
    }

    /// Hands the batch over: once a second, so that spans of a quiet router are seen too. How many spans are lost.
    pub fn flush(&mut self) -> u64 {
        let lost = self.traces.losses.take();
        if self.batch.spans == 0 {
            return lost;
        }
        let batch = std::mem::take(&mut self.batch);
        match self.traces.batches.try_send(batch) {
            Ok(()) => lost,
            Err(mpsc::error::TrySendError::Full(batch) | mpsc::error::TrySendError::Closed(batch)) => {
                lost + batch.spans
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::span::SpanIds, *};

    fn span() -> Span<'static> {
        Span {
            ids: SpanIds { trace_id: [1, 2], span_id: 3, parent_id: 0 },
            started_us: 1,
            ended_us: 2,
            method: b"GET",
            secure: false,
            path: b"/",
            host: "h",
            version: "1.1",
            status: 200,
            app: "shop",
            release: "shop-v1-1",
            track: "stable",
            endpoint: None,
            reason: "pin",
            retries: 0,
            failure: None,
            fault: "",
        }
    }

    #[test]
    fn what_nobody_takes_is_bounded_and_counted() {
        let (traces, mut waiting, losses) = traces(1, 1.0);
        let mut worker = traces.worker();
        let (mut made, mut lost) = (0, 0);
        for _ in 0..40_000 {
            let counts = worker.push(&span());
            (made, lost) = (made + counts.made, lost + counts.lost);
        }
        losses.add(5);
        lost += worker.flush() - 5;
        let (mut bytes, mut taken) = (0, 0);
        while let Ok(batch) = waiting.try_recv() {
            let document = [b"[".as_slice(), &batch.bytes, b"]"].concat();
            let spans: Vec<serde_json::Value> = serde_json::from_slice(&document).unwrap();
            assert_eq!(spans.len() as u64, batch.spans);
            (bytes, taken) = (bytes + batch.bytes.len(), taken + batch.spans);
        }
        assert_eq!((made, taken + lost), (40_000, 40_000));
        assert!(
            lost > 0 && bytes <= BATCHES_WAITING_MAX * (BATCH_BYTES + 1024),
            "{lost} lost, {bytes} bytes"
        );
    }

    #[test]
    fn the_share_is_that_of_the_ratio() {
        let chosen = |ratio, random| traces(1, ratio).0.worker().chooses(random);
        assert!([0, u64::MAX / 2, u64::MAX].into_iter().all(|random| chosen(1.0, random)));
        assert!([0, u64::MAX / 2, u64::MAX].into_iter().all(|random| !chosen(0.0, random)));
        assert!(chosen(0.25, u64::MAX / 5) && !chosen(0.25, u64::MAX / 3));
    }
}
