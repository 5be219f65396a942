//! The router's log on standard error: one readable line per event.

use tracing::Level;
use tracing_subscriber::{
    filter::Targets, fmt, layer::SubscriberExt as _, registry, util::SubscriberInitExt as _,
};

/// Starts the log. Of the libraries below only warnings and errors are logged, whatever the level.
pub(super) fn start(level: Level) {
    let ours = [env!("CARGO_CRATE_NAME"), "keyvalues"].map(|name| (name, level));
    let filter = Targets::new().with_default(Level::WARN).with_targets(ours);
    let lines = fmt::layer().with_target(false).with_writer(std::io::stderr).compact();
    // A second start in one process (a test) keeps the first one's settings.
    let _ = registry().with(lines).with(filter).try_init();
}
