//! The router's log on standard error: one readable line per event.

use tracing::Level;
use tracing_subscriber::{
    filter::Targets, fmt, layer::SubscriberExt as _, registry, util::SubscriberInitExt as _,
};

use super::log_lines::LogLines;

/// The log of a process. Dropping it gives lines that wait for their reader a last chance.
pub(super) struct Log(LogLines);

/// Starts the log. Of the libraries below only warnings and errors are logged, whatever the level.
pub(super) fn start(level: Level) -> Log {
    let ours = [env!("CARGO_CRATE_NAME"), "keyvalues"].map(|name| (name, level));
    let filter = Targets::new().with_default(Level::WARN).with_targets(ours);
    let out = LogLines::default();
    let lines = fmt::layer().with_target(false).with_writer(out.clone()).compact();
    // A second start in one process (a test) keeps the first one's settings.
    let _ = registry().with(lines).with(filter).try_init();
    Log(out)
}

impl Drop for Log {
    fn drop(&mut self) {
        self.0.finish();
    }
}
