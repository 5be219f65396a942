//! Health: how an app's endpoints are checked.

use serde::{Deserialize, Serialize};

use super::{
    error::{SettingsError, check_range},
    names::is_token,
};
use crate::rollout::host_name::is_host;

/// The most headers of a check: what a gateway asks for, with room.
const HEADERS_MAX: usize = 16;
/// The most characters of one header, and of the text that a body must contain.
const TEXT_CHARS_MAX: usize = 1_000;
/// The longest name of a service of gRPC, in bytes.
const SERVICE_BYTES_MAX: usize = 200;
/// Headers that a check sets by itself, `host` by a setting of its own.
const SET_BY_CHECK: [&str; 6] =
    ["host", "connection", "content-length", "transfer-encoding", "upgrade", "cdn-loop"];

/// How endpoints are checked (docs/design.md section 6).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HealthSettings {
    /// The path that a check gets. None: an endpoint is healthy if it accepts connections.
    pub path: Option<String>,
    /// The service whose state a check asks for by the health protocol of gRPC; empty: the whole server. None: it is not asked so.
    pub grpc: Option<String>,
    /// The Host that a check sends. None: the app's first exact host, or else the endpoint's address.
    pub host: Option<String>,
    /// Further headers that a check sends, `Name: value` each.
    pub headers: Vec<String>,
    /// What the body of a healthy answer contains.
    pub body_contains: Option<String>,
    /// Time from one check to the next, in ms: 100 to an hour.
    pub interval_ms: u64,
    /// How long a check may take, in ms: 10 to `interval_ms`, so that checks of one endpoint do not overlap.
    pub timeout_ms: u64,
    /// Which answers are healthy: statuses and ranges of them, such as `200-399` or `200,204`.
    pub status: String,
    /// Failed checks in a row that take an endpoint out: 1 to 100.
    pub fall: u32,
    /// Passed checks in a row that take it in again: 1 to 100.
    pub rise: u32,
}

impl Default for HealthSettings {
    fn default() -> Self {
        let status = "200-399".into();
        Self {
            path: None,
            grpc: None,
            host: None,
            headers: Vec::new(),
            body_contains: None,
            interval_ms: 2_000,
            timeout_ms: 1_500,
            status,
            fall: 3,
            rise: 1,
        }
    }
}

impl HealthSettings {
    /// Whether a check asks for something, and does more than to connect.
    pub fn asks(&self) -> bool {
        self.path.is_some() || self.grpc.is_some()
    }

    /// Whether an answer with this status is healthy.
    pub fn accepts(&self, status: u16) -> bool {
        self.status.split(',').filter_map(range).any(|(least, most)| (least..=most).contains(&status))
    }

    /// The further headers: name and value.
    pub fn own_headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers.iter().filter_map(|line| header(line))
    }

    fn check_grpc(&self) -> Result<(), SettingsError> {
        let visible = |text: &&String| text.bytes().all(|byte| byte.is_ascii_graphic());
        match &self.grpc {
            Some(text) if text.len() > SERVICE_BYTES_MAX || !visible(&text) => {
                Err(SettingsError::value("health.grpc", text.as_str()))
            }
            Some(_) if self.path.is_some() => Err(SettingsError::new(
                "health.grpc",
                "`health.path` is set as well; set one of the two, and the other to null",
            )),
            _ => Ok(()),
        }
    }

    fn check_request(&self) -> Result<(), SettingsError> {
        if let Some(host) = self.host.as_ref().filter(|host| !is_authority(host)) {
            return Err(SettingsError::value("health.host", host.as_str()));
        }
        if self.headers.len() > HEADERS_MAX {
            let message =
                format!("there are {} headers; allowed are at most {HEADERS_MAX}", self.headers.len());
            return Err(SettingsError::new("health.headers", message));
        }
        if let Some(line) = self.headers.iter().find(|line| header(line).is_none()) {
            return Err(SettingsError::entry("health.headers", line));
        }
        let allowed = |text: &&String| (1..=TEXT_CHARS_MAX).contains(&text.chars().count());
        match self.body_contains.as_ref().filter(|text| !allowed(text)) {
            Some(text) => Err(SettingsError::value("health.body_contains", text.as_str())),
            None => Ok(()),
        }
    }

    pub(super) fn check(&self) -> Result<(), SettingsError> {
        let visible = |path: &&String| path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
        let allowed = |path: &&String| path.starts_with('/') && path.len() <= 1_000 && visible(path);
        if let Some(path) = self.path.as_ref().filter(|path| !allowed(path)) {
            return Err(SettingsError::value("health.path", path.as_str()));
        }
        self.check_grpc()?;
        self.check_request()?;
        check_range("health.interval_ms", self.interval_ms, 100..=3_600_000)?;
        if !(10..=self.interval_ms).contains(&self.timeout_ms) {
            let message = format!(
                "{} is not a whole number of ms from 10 to interval_ms, which is {}",
                self.timeout_ms, self.interval_ms
            );
            return Err(SettingsError::new("health.timeout_ms", message));
        }
        if self.status.len() > 200 || !self.status.split(',').all(|part| range(part).is_some()) {
            return Err(SettingsError::value("health.status", self.status.as_str()));
        }
        check_range("health.fall", self.fall, 1..=100)?;
        check_range("health.rise", self.rise, 1..=100)?;
        Ok(())
    }
}

/// A host name or an address, with a port or without.
fn is_authority(text: &str) -> bool {
    match text.rsplit_once(':') {
        Some((host, port)) => is_host(host) && port.parse::<u16>().is_ok(),
        None => is_host(text),
    }
}

/// The name and the value of `Name: value`.
fn header(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once(':')?;
    let visible = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
    let own = !SET_BY_CHECK.iter().any(|set| name.eq_ignore_ascii_case(set));
    let allowed = own && is_token(name) && line.len() <= TEXT_CHARS_MAX && value.bytes().all(visible);
    allowed.then_some((name, value.trim()))
}

/// `204` or `200-399`.
pub(super) fn range(text: &str) -> Option<(u16, u16)> {
    let status = |text: &str| {
        let digits = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u16>().ok().filter(|status| digits && (100..=599).contains(status))
    };
    let (least, most) = text.trim().split_once('-').unwrap_or((text.trim(), text.trim()));
    let (least, most) = (status(least)?, status(most)?);
    (least <= most).then_some((least, most))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_check_sends_is_checked() {
        let with = |health: &str| serde_json::from_str::<HealthSettings>(health).unwrap().check();
        for allowed in [
            r#"{"host": "shop.example"}"#,
            r#"{"host": "10.0.0.7:8080"}"#,
            r#"{"headers": ["X-Check: yes", "Authorization:Basic eDp5"], "body_contains": "release 1.0.1"}"#,
        ] {
            assert_eq!(with(allowed), Ok(()), "{allowed}");
        }
        for (field, refused) in [
            ("health.host", r#"{"host": "http://shop.example"}"#),
            ("health.host", r#"{"host": "shop.example:port"}"#),
            ("health.headers", r#"{"headers": ["X-Check"]}"#),
            ("health.headers", r#"{"headers": ["X Check: yes"]}"#),
            ("health.headers", r#"{"headers": ["X-Check: a\r\nX-Other: b"]}"#),
            ("health.headers", r#"{"headers": ["HOST: shop.example"]}"#),
            ("health.body_contains", r#"{"body_contains": ""}"#),
        ] {
            assert_eq!(with(refused).unwrap_err().field, field, "{refused}");
        }
        let lines = vec!["X-Check:  yes ".to_owned()];
        let health = HealthSettings { headers: lines, ..HealthSettings::default() };
        assert_eq!(health.own_headers().collect::<Vec<_>>(), [("X-Check", "yes")]);
    }

    #[test]
    fn statuses_are_single_or_ranges() {
        let of = |status: &str| HealthSettings { status: status.into(), ..HealthSettings::default() };
        let default = HealthSettings::default();
        assert!(
            default.accepts(200) && default.accepts(399) && !default.accepts(199) && !default.accepts(400)
        );
        let some = of("204, 401-403");
        assert!(some.accepts(204) && some.accepts(402) && !some.accepts(200) && some.check().is_ok());
        for status in ["", "20", "2000", "200-", "300-200", "ok", "200,,204", "+20"] {
            assert!(of(status).check().is_err(), "{status}");
        }
    }
}
