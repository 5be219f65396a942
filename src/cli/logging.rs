//! The router's log on standard error: one readable line per event, or one JSON object.

use tracing::Level;
use tracing_subscriber::{
    filter::Targets, fmt, layer::SubscriberExt as _, registry, util::SubscriberInitExt as _,
};

use super::log_lines::LogLines;
use crate::config::LogFormat;

/// The log of a process. Dropping it gives lines that wait for their reader a last chance.
pub(super) struct Log(LogLines);

/// Starts the log. Of the libraries below only warnings and errors are logged, whatever the level.
pub(super) fn start(level: Level, format: LogFormat) -> Log {
    let ours = [env!("CARGO_CRATE_NAME"), "keyvalues"].map(|name| (name, level));
    let filter = Targets::new().with_default(Level::WARN).with_targets(ours);
    let out = LogLines::new(format);
    let lines = fmt::layer().with_target(false).with_writer(out.clone());
    // A second start in one process (a test) keeps the first one's settings.
    match format {
        LogFormat::Text => {
            let _ = registry().with(lines.compact()).with(filter).try_init();
        }
        LogFormat::Json => {
            let lines = lines.json().flatten_event(true).with_current_span(false).with_span_list(false);
            let _ = registry().with(lines).with(filter).try_init();
            // A panic is an entry like any other: by itself it would be several lines that are no JSON.
            std::panic::set_hook(Box::new(|panic| tracing::error!("{panic}")));
        }
    }
    Log(out)
}

impl Drop for Log {
    fn drop(&mut self) {
        self.0.finish();
    }
}
