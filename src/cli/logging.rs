//! The router's log on standard error: one readable line per event.

use tracing::Level;
use tracing_subscriber::{EnvFilter, fmt};

/// Starts the log. Of the libraries below only warnings and errors are logged, whatever the level.
pub(super) fn start(level: Level) {
    let filter = EnvFilter::new(format!("warn,rolling_router={level},keyvalues={level}"));
    let lines = fmt().with_env_filter(filter).with_target(false).with_writer(std::io::stderr).compact();
    // A second start in one process (a test) keeps the first one's settings.
    let _ = lines.try_init();
}
