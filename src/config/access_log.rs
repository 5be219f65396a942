//! Where logs are written, and the formats of their lines.

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

/// The format of what is told on standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object per entry, on a line of its own.
    Json,
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
