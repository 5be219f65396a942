//! Where logs are written, and the format of the access log.

use std::path::PathBuf;

/// Where a log is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogDestination {
    /// Nowhere.
    Off,
    /// Standard output.
    Stdout,
    /// The end of a file.
    File(PathBuf),
}

/// The format of a line of the access log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessLogFormat {
    /// One JSON object with every field.
    Json,
    /// NCSA common log format.
    Common,
    /// NCSA combined log format.
    Combined,
}
