//! The logs that a router writes beside what it says on standard error.

use super::{error::Error, traces::SpanSender};
use crate::{
    config::{self, Config},
    telemetry::{
        access_log::{AccessLog, LogFormat},
        log_file::{LogFile, LogOptions, LogTarget},
    },
};

/// What a running router writes, or sends, of what happens.
pub struct Logs {
    /// One line for each request.
    pub access: Option<AccessLog>,
    /// One line for each change.
    pub audit: Option<LogFile>,
    /// Spans of requests.
    pub spans: Option<SpanSender>,
}

/// Entries that may wait to be written to the audit log: some MiB of the longest.
const AUDIT_WAITING_MAX: usize = 512;

/// Where a log is written; none: nowhere.
fn log_target(destination: &config::LogDestination) -> Option<LogTarget> {
    match destination {
        config::LogDestination::Off => None,
        config::LogDestination::Stdout => Some(LogTarget::Stdout),
        config::LogDestination::File(path) => Some(LogTarget::File(path.clone())),
    }
}

/// Opens the audit log, if there is to be one, which holds who did what: for the router's own user to read.
pub fn open_audit_log(config: &Config) -> Result<Option<LogFile>, Error> {
    let Some(target) = log_target(&config.audit_log) else { return Ok(None) };
    let what = format!("the audit log {target:?} cannot be opened (--audit-log)");
    let options = LogOptions { name: "audit log", target, mode: 0o600, waiting_max: AUDIT_WAITING_MAX };
    LogFile::start(options).map(Some).map_err(Error::io(what))
}

/// Opens the access log, if there is to be one.
pub fn open_access_log(config: &Config) -> Result<Option<AccessLog>, Error> {
    let Some(target) = log_target(&config.access_log) else { return Ok(None) };
    let format = match config.access_log_format {
        config::AccessLogFormat::Json => LogFormat::Json,
        config::AccessLogFormat::Common => LogFormat::Common,
        config::AccessLogFormat::Combined => LogFormat::Combined,
    };
    let what = format!("the access log {target:?} cannot be opened (--access-log)");
    AccessLog::start(target, format).map(Some).map_err(Error::io(what))
}
