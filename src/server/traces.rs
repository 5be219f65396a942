//! Starts and ends the sending of spans.

use std::time::Duration;

use tokio::{runtime::Runtime, task::JoinHandle, time::timeout};

use super::error::Error;
use crate::{
    config::Config,
    control::{TraceExporter, TraceOptions},
    telemetry::traces::{Traces, traces},
};

/// How long the last spans may take at the end: a collector that is slow keeps no process from ending.
const END_MAX: Duration = Duration::from_secs(2);

/// The task that sends spans.
pub struct SpanSender(JoinHandle<()>);

/// Starts the task that sends spans, and says where the front hands them `over`. None: there are none. A router that served before
/// goes without, where the headers cannot be read.
pub fn start_traces(
    config: &Config,
    node: &str,
    runtime: &Runtime,
    over: &mut Option<Traces>,
) -> Result<Option<SpanSender>, Error> {
    let Some(export) = &config.traces else { return Ok(None) };
    let (traces, batches, losses) = traces(config.workers.get(), export.ratio);
    let options = TraceOptions {
        url: export.url.clone(),
        headers_file: export.headers_file.clone(),
        node: config.node.clone().unwrap_or_else(|| node.to_owned()),
    };
    match TraceExporter::new(options, losses) {
        Ok(exporter) => {
            *over = Some(traces);
            Ok(Some(SpanSender(runtime.spawn(exporter.run(batches)))))
        }
        Err(why) if config.served_before() => {
            tracing::error!("there are no spans: {why}");
            Ok(None)
        }
        Err(why) => Err(Error::Traces(why)),
    }
}

impl SpanSender {
    /// Sends what is left, once no worker is.
    pub async fn end(self) {
        // What is not sent by then is lost; a panic there was reported.
        let _ = timeout(END_MAX, self.0).await;
    }
}
