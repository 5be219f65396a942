//! What the types of the settings cannot say: ranges, names, and which settings need each other.

use std::ops::RangeInclusive;

use serde_json::Value;

use super::{CookieSettings, SameSite, Settings, SettingsError};
use crate::limits::DRAIN_SECONDS_MAX;

/// An app that answers to more names than this is served better by a `*.` name or as the default app.
const HOSTS_MAX: usize = 1_000;

type Checked = Result<(), SettingsError>;

fn refuse<T>(field: &str, message: impl Into<String>) -> Result<T, SettingsError> {
    Err(SettingsError { field: field.into(), message: message.into() })
}

/// Refuses a value that is not in the range, which stands in words in `allowed`.
pub(super) fn within<T: PartialOrd + Copy + Into<Value>>(
    field: &str,
    value: T,
    range: RangeInclusive<T>,
) -> Checked {
    if range.contains(&value) { Ok(()) } else { Err(SettingsError::value(field, value)) }
}

/// Refuses one entry of a list.
pub(super) fn refuse_entry(field: &str, entry: &str) -> Checked {
    let SettingsError { message, .. } = SettingsError::value(&format!("{field}[]"), entry);
    refuse(field, message)
}

impl Settings {
    pub(super) fn check(&self) -> Checked {
        self.check_hosts()?;
        within("drainmaxseconds", self.drainmaxseconds, 0..=DRAIN_SECONDS_MAX)?;
        if self.drainseconds > self.drainmaxseconds {
            let (drain, most) = (self.drainseconds, self.drainmaxseconds);
            return refuse("drainseconds", format!("{drain} is more than drainmaxseconds, which is {most}"));
        }
        within("abortseconds", self.abortseconds, 0..=3_600)?;
        within("pinseconds", self.pinseconds, 60..=400 * 24 * 3_600)?;
        self.cookie.check()?;
        self.assets.check()?;
        self.health.check()?;
        self.shielding.check()?;
        self.overriding.check()
    }

    fn check_hosts(&self) -> Checked {
        if self.hosts.len() > HOSTS_MAX {
            return refuse(
                "hosts",
                format!("an app claims at most {HOSTS_MAX} hosts, not {}", self.hosts.len()),
            );
        }
        for host in &self.hosts {
            if !is_host(host.strip_prefix("*.").unwrap_or(host)) {
                return refuse_entry("hosts", host);
            }
        }
        Ok(())
    }
}

impl CookieSettings {
    fn check(&self) -> Checked {
        if !is_token(&self.name) || self.name.len() > 100 {
            return Err(SettingsError::value("cookie.name", self.name.as_str()));
        }
        if let Some(domain) = &self.domain
            && (!is_host(domain) || domain.parse::<std::net::Ipv4Addr>().is_ok())
        {
            return Err(SettingsError::value("cookie.domain", domain.as_str()));
        }
        if self.secure != Some(true) {
            let message = |what: &str| format!("{what} needs `\"secure\": true`: browsers drop it otherwise");
            if self.samesite == SameSite::None {
                return refuse("cookie.samesite", message("`None`"));
            }
            if self.partitioned {
                return refuse("cookie.partitioned", message("a partitioned cookie"));
            }
            if has_prefix(&self.name, "__secure-") || has_prefix(&self.name, "__host-") {
                return refuse("cookie.name", message("a name that begins with `__Secure-` or `__Host-`"));
            }
        }
        if has_prefix(&self.name, "__host-") && self.domain.is_some() {
            return refuse("cookie.domain", "a cookie whose name begins with `__Host-` has no domain");
        }
        Ok(())
    }
}

fn has_prefix(name: &str, prefix: &str) -> bool {
    name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// A token (RFC 9110 section 5.6.2), which is what RFC 6265 takes as a cookie's name.
pub(super) fn is_token(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(allowed)
}

/// Whether a text is a host name: labels of letters, digits, `-` and `_` (which service names do use), at most 63
/// long, 253 in all (RFC 1035 section 2.3.4); an IPv4 address is one too.
pub fn is_host(text: &str) -> bool {
    let label = |label: &str| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        (1..=63).contains(&label.len())
            && label.bytes().all(allowed)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field_of(json: &str) -> String {
        Settings::parse(json.as_bytes()).unwrap_err().field
    }

    #[test]
    fn no_settings_are_the_defaults_and_defaults_are_valid() {
        assert_eq!(Settings::parse(b"{}"), Ok(Settings::default()));
        let json = serde_json::to_vec(&Settings::default()).unwrap();
        assert_eq!(Settings::parse(&json), Ok(Settings::default()));
    }

    #[test]
    fn hosts_are_canonical() {
        let json = br#"{"hosts": ["Shop.Example", "*.Shop.Example", "shop.example", "localhost"]}"#;
        let hosts = Settings::parse(json).unwrap().hosts;
        assert_eq!(hosts, ["*.shop.example", "localhost", "shop.example"]);
    }

    #[test]
    fn an_error_names_the_field() {
        for (json, field) in [
            (r#"{"hosts": ["shop.example:80"]}"#, "hosts"),
            (r#"{"hosts": ["*"]}"#, "hosts"),
            (r#"{"hosts": ["a.*.b"]}"#, "hosts"),
            (r#"{"hosts": ["a..b"]}"#, "hosts"),
            (r#"{"hosts": ["-a"]}"#, "hosts"),
            (r#"{"hosts": ["shop.example", 7]}"#, "hosts[1]"),
            (r#"{"drainseconds": 4000}"#, "drainseconds"),
            (r#"{"drainmaxseconds": 9999999}"#, "drainmaxseconds"),
            (r#"{"drainseconds": -1}"#, "drainseconds"),
            (r#"{"abortseconds": 3601}"#, "abortseconds"),
            (r#"{"pinseconds": 59}"#, "pinseconds"),
            (r#"{"transition": "jump"}"#, "transition"),
            (r#"{"pin": "header:a b"}"#, "pin"),
            (r#"{"cookie": {"name": "a b"}}"#, "cookie.name"),
            (r#"{"cookie": {"name": "a=b"}}"#, "cookie.name"),
            (r#"{"cookie": {"name": ""}}"#, "cookie.name"),
            (r#"{"cookie": {"nam": "x"}}"#, "cookie.nam"),
            (r#"{"cookie": {"samesite": "None"}}"#, "cookie.samesite"),
            (r#"{"cookie": {"samesite": "None", "secure": false}}"#, "cookie.samesite"),
            (r#"{"cookie": {"samesite": "lax"}}"#, "cookie.samesite"),
            (r#"{"cookie": {"partitioned": true}}"#, "cookie.partitioned"),
            (r#"{"cookie": {"name": "__Host-pin"}}"#, "cookie.name"),
            (r#"{"cookie": {"name": "__Host-p", "secure": true, "domain": "a.b"}}"#, "cookie.domain"),
            (r#"{"cookie": {"domain": ".shop.example"}}"#, "cookie.domain"),
            (r#"{"cookie": {"domain": "a; Secure"}}"#, "cookie.domain"),
            (r#"{"cookie": {"domain": "10.0.0.1"}}"#, "cookie.domain"),
            (r#"{"assets": {"paths": ["static/*"]}}"#, "assets.paths"),
            (r#"{"shielding": {"first_byte_ms": 9}}"#, "shielding.first_byte_ms"),
            (r#"{"shielding": {"first_byte_ms": 3600001}}"#, "shielding.first_byte_ms"),
            (r#"{"shielding": {"exclude": ["export/"]}}"#, "shielding.exclude"),
            (r#"{"health": {"path": "healthz"}}"#, "health.path"),
            (r#"{"health": {"path": "/a b"}}"#, "health.path"),
            (r#"{"health": {"interval_ms": 99}}"#, "health.interval_ms"),
            (r#"{"health": {"timeout_ms": 2001}}"#, "health.timeout_ms"),
            (r#"{"health": {"status": "2xx"}}"#, "health.status"),
            (r#"{"health": {"fall": 0}}"#, "health.fall"),
            (r#"{"health": {"rise": 101}}"#, "health.rise"),
            (r#"{"shielding": false}"#, "shielding"),
            (r#"{"override": {"header": "a b", "networks": ["10.0.0.0/8"]}}"#, "override.header"),
            (r#"{"override": {"header": "X-Release"}}"#, "override.networks"),
            (r#"{"override": {"networks": ["10.0.0.0/8"]}}"#, "override.header"),
            (r#"{"override": {"header": "X-Release", "networks": ["10.0.0.1/8"]}}"#, "override.networks[0]"),
            (r#"{"ci_blend_max": 101}"#, "ci_blend_max"),
            (r#"{"unheard": 1}"#, "unheard"),
            (r#"{} {}"#, "."),
        ] {
            assert_eq!(field_of(json), field, "{json}");
        }
    }

    #[test]
    fn no_json_is_no_settings() {
        let deep = "[".repeat(100_000);
        let long = " ".repeat(super::super::SETTINGS_BYTES_MAX + 1);
        for json in ["", "null", "[]", "7", "{", &deep, &long] {
            assert!(Settings::parse(json.as_bytes()).is_err());
        }
        assert!(Settings::parse(b"\xff\xfe").is_err());
    }

    #[test]
    fn takes_what_belongs_together() {
        for json in [
            r#"{"cookie": {"samesite": "None", "secure": true, "partitioned": true}}"#,
            r#"{"cookie": {"name": "__Host-pin", "secure": true}}"#,
            r#"{"cookie": {"domain": "shop.example"}}"#,
            r#"{"drainseconds": 0, "drainmaxseconds": 0, "abortseconds": 0}"#,
            r#"{"ci_blend_max": 12.5}"#,
            r#"{"override": {"header": "X-Rolling-Release", "networks": ["10.0.0.0/8", "::1"]}}"#,
        ] {
            assert!(Settings::parse(json.as_bytes()).is_ok(), "{json}");
        }
    }
}
