//! The log on standard error: one readable line per event, or one JSON object.

use std::io;

use tracing::Level;
use tracing_subscriber::{
    filter::Targets, fmt, layer::SubscriberExt as _, registry, util::SubscriberInitExt as _,
};

use crate::arguments::LogFormat;

/// Starts the log. Libraries are silent: what they meet is told in this program's words.
pub(crate) fn start(level: Level, format: LogFormat) {
    let filter = Targets::new().with_target(env!("CARGO_CRATE_NAME"), level);
    let lines = fmt::layer().with_target(false).with_writer(io::stderr);
    match format {
        LogFormat::Text => registry().with(lines.compact()).with(filter).init(),
        LogFormat::Json => {
            let lines = lines.json().flatten_event(true).with_current_span(false).with_span_list(false);
            registry().with(lines).with(filter).init();
        }
    }
}
