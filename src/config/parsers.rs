//! Parsers of single settings. Each takes the text without blanks around it.

use std::{
    net::{IpAddr, SocketAddr},
    num::NonZeroUsize,
    path::PathBuf,
    time::Duration,
};

use super::{
    access_log::{AccessLogFormat, LogDestination, LogFormat},
    fault::{Fault, NOT_ALLOWED},
};
use crate::rollout::{app::AppName, network::Network, preview::PREVIEW_PATH};

pub(super) fn path(text: &str) -> Result<PathBuf, Fault> {
    if text.is_empty() { Err(NOT_ALLOWED) } else { Ok(text.into()) }
}

/// Files, separated by commas.
pub(super) fn paths(text: &str) -> Result<Vec<PathBuf>, Fault> {
    text.split(',').map(|part| path(part.trim())).collect()
}

pub(super) fn app_name(text: &str) -> Result<AppName, Fault> {
    text.parse().map_err(|_| NOT_ALLOWED)
}

pub(super) fn node_name(text: &str) -> Result<String, Fault> {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let begins = text.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric);
    if begins && text.len() <= 63 && text.bytes().all(inner) { Ok(text.to_owned()) } else { Err(NOT_ALLOWED) }
}

pub(super) fn workers(text: &str) -> Result<NonZeroUsize, Fault> {
    if text == "auto" {
        return Ok(std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN));
    }
    let number = text.parse().ok().filter(|number: &NonZeroUsize| number.get() <= 512);
    number.ok_or(NOT_ALLOWED)
}

pub(super) fn log_destination(text: &str) -> Result<LogDestination, Fault> {
    match text {
        "off" => Ok(LogDestination::Off),
        "-" => Ok(LogDestination::Stdout),
        file => path(file).map(LogDestination::File),
    }
}

pub(super) fn access_log_format(text: &str) -> Result<AccessLogFormat, Fault> {
    match text {
        "json" => Ok(AccessLogFormat::Json),
        "common" => Ok(AccessLogFormat::Common),
        "combined" => Ok(AccessLogFormat::Combined),
        _ => Err(NOT_ALLOWED),
    }
}

pub(super) fn log_format(text: &str) -> Result<LogFormat, Fault> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err(NOT_ALLOWED),
    }
}

/// A name server: an address, and its port if that is not 53.
pub(super) fn name_server(text: &str) -> Result<SocketAddr, Fault> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    let bare: Option<IpAddr> = bare.parse().ok();
    let address = bare.map(|ip| SocketAddr::new(ip, 53)).or_else(|| text.parse().ok());
    let address = address.filter(|address| address.port() != 0 && !address.ip().is_unspecified());
    address.ok_or_else(|| format!("`{text}` is not the address of a name server").into())
}

pub(super) fn host_name(text: &str) -> Result<String, Fault> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    if text.len() <= 253 && text.bytes().all(allowed) {
        Ok(text.to_ascii_lowercase())
    } else {
        Err(format!("`{text}` is not a host name").into())
    }
}

pub(super) fn seconds(text: &str) -> Result<Duration, Fault> {
    let number: Option<u64> = text.parse().ok().filter(|seconds| *seconds <= 3_600);
    number.map(Duration::from_secs).ok_or(NOT_ALLOWED)
}

pub(super) fn member_gone(text: &str) -> Result<Option<Duration>, Fault> {
    let number: Option<u64> = text.parse().ok().filter(|seconds| *seconds <= 2_592_000);
    let seconds = number.ok_or(NOT_ALLOWED)?;
    Ok((seconds > 0).then_some(Duration::from_secs(seconds)))
}

pub(super) fn allow_or_refuse(text: &str) -> Result<bool, Fault> {
    match text {
        "allow" => Ok(true),
        "refuse" => Ok(false),
        _ => Err(NOT_ALLOWED),
    }
}

pub(super) fn off_or_on(text: &str) -> Result<bool, Fault> {
    match text {
        "off" => Ok(false),
        "on" => Ok(true),
        _ => Err(NOT_ALLOWED),
    }
}

pub(super) fn https_redirect(text: &str) -> Result<Option<u16>, Fault> {
    match text {
        "off" => Ok(None),
        "on" => Ok(Some(443)),
        port => match port.parse() {
            Ok(port) if port > 0 => Ok(Some(port)),
            _ => Err(NOT_ALLOWED),
        },
    }
}

pub(super) fn health_path(text: &str) -> Result<String, Fault> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    let rest = text.strip_prefix('/').unwrap_or_default();
    let is_allowed = (1..=255).contains(&rest.len()) && rest.bytes().all(allowed) && text != PREVIEW_PATH;
    if is_allowed { Ok(text.to_owned()) } else { Err(NOT_ALLOWED) }
}

/// What the admin port serves by itself at its root.
const ADMIN_ROOTS: [&str; 6] = ["api", "v1", "ui", "healthz", "readyz", "metrics"];

pub(super) fn admin_base(text: &str) -> Result<String, Fault> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let is_name = |part: &str| !["", ".", ".."].contains(&part) && part.bytes().all(allowed);
    let mut parts = text.strip_prefix('/').ok_or(NOT_ALLOWED)?.split('/');
    let is_own = parts.clone().next().is_some_and(|first| ADMIN_ROOTS.contains(&first));
    if text.len() > 256 || is_own || !parts.all(is_name) { Err(NOT_ALLOWED) } else { Ok(text.to_owned()) }
}

pub(super) fn level(text: &str) -> Result<tracing::Level, Fault> {
    text.parse().map_err(|_| NOT_ALLOWED)
}

pub(super) fn network(text: &str) -> Result<Network, Fault> {
    text.parse().map_err(|fault: String| fault.into())
}
