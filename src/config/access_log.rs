//! Where the access log is written, and in which format.

use std::path::PathBuf;

/// Where the access log is written: one line for each request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccessLog {
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
