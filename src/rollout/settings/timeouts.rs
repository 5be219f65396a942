//! Time-outs: how long an app's endpoints and clients may take, for the whole app and for some of its paths.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::error::{SettingsError, check_range};

/// The most paths with time-outs of their own. With more, one prefix that covers several serves better.
const PATHS_MAX: usize = 32;
/// The longest prefix, in bytes.
const PREFIX_BYTES_MAX: usize = 200;
/// A day, in ms.
const DAY_MS: u64 = 86_400_000;

/// A time-out, or the least rate that goes with one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timeout {
    /// From the end of a request to the first byte of its response, in ms.
    FirstByte,
    /// The longest pause in a response's body, in ms.
    BetweenBytes,
    /// The longest time without a byte on a WebSocket or in a stream of events, in ms.
    TunnelIdle,
    /// The least rate of a client, in bytes per second.
    BodyRateMin,
    /// How long a client may stay below that rate, in ms.
    BodyGrace,
}

/// Each time-out with its name and what it allows.
const TIMEOUTS: [(Timeout, &str, u64, u64); 5] = [
    (Timeout::FirstByte, "first_byte_ms", 10, DAY_MS),
    (Timeout::BetweenBytes, "between_bytes_ms", 10, DAY_MS),
    (Timeout::TunnelIdle, "tunnel_idle_ms", 10, 7 * DAY_MS),
    (Timeout::BodyRateMin, "body_rate_min", 0, 1_000_000_000),
    (Timeout::BodyGrace, "body_grace_ms", 100, 3_600_000),
];

/// How long endpoints and clients may take (docs/design.md section 6). What is not set is the router's limit of that name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TimeoutSettings {
    /// From the end of a request to the first byte of its response, in ms: 10 to a day.
    pub first_byte_ms: Option<u64>,
    /// The longest pause in a response's body, in ms: 10 to a day.
    pub between_bytes_ms: Option<u64>,
    /// The longest time without a byte on a WebSocket or in a stream of events, in ms: 10 to a week.
    pub tunnel_idle_ms: Option<u64>,
    /// The least rate of a client that sends or takes a body, in bytes per second. 0: none.
    pub body_rate_min: Option<u64>,
    /// How long a client may stay below that rate, in ms: 100 to an hour.
    pub body_grace_ms: Option<u64>,
    /// Paths with time-outs of their own. The longest prefix that sets a time-out counts.
    pub paths: Vec<PathTimeouts>,
}

/// The time-outs of paths that begin with a prefix: `/report/;first_byte_ms=600000`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PathTimeouts {
    prefix: String,
    values: [Option<u64>; TIMEOUTS.len()],
}

impl TimeoutSettings {
    /// The value for a request's target (a path, its query included), if one is set.
    pub fn of(&self, target: &[u8], timeout: Timeout) -> Option<u64> {
        if self.paths.is_empty() { self.own(timeout) } else { self.of_path(target, timeout) }
    }

    #[cold]
    fn of_path(&self, target: &[u8], timeout: Timeout) -> Option<u64> {
        let set = self.paths.iter().filter(|path| target.starts_with(path.prefix.as_bytes()));
        let set = set.filter_map(|path| Some((path.prefix.len(), path.values[timeout as usize]?)));
        set.max_by_key(|(length, _)| *length).map(|(_, value)| value).or_else(|| self.own(timeout))
    }

    fn own(&self, timeout: Timeout) -> Option<u64> {
        match timeout {
            Timeout::FirstByte => self.first_byte_ms,
            Timeout::BetweenBytes => self.between_bytes_ms,
            Timeout::TunnelIdle => self.tunnel_idle_ms,
            Timeout::BodyRateMin => self.body_rate_min,
            Timeout::BodyGrace => self.body_grace_ms,
        }
    }

    pub(super) fn check(&self) -> Result<(), SettingsError> {
        for (timeout, name, least, most) in TIMEOUTS {
            if let Some(value) = self.own(timeout) {
                check_range(&format!("timeouts.{name}"), value, least..=most)?;
            }
        }
        if self.paths.len() > PATHS_MAX {
            let all: Vec<String> = self.paths.iter().cloned().map(String::from).collect();
            return Err(SettingsError::value("timeouts.paths", all));
        }
        Ok(())
    }
}

impl FromStr for PathTimeouts {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "this is not a path prefix with time-outs";
        let mut parts = text.split(';');
        let prefix = parts.next().unwrap_or_default();
        let visible = prefix.bytes().all(|byte| byte.is_ascii_graphic());
        if !prefix.starts_with('/') || prefix.len() > PREFIX_BYTES_MAX || !visible {
            return Err(WRONG);
        }
        let mut path = Self { prefix: prefix.to_owned(), values: Default::default() };
        for part in parts {
            let (name, value) = part.split_once('=').ok_or(WRONG)?;
            let known = TIMEOUTS.iter().find(|(_, known, ..)| *known == name);
            let (timeout, _, least, most) = known.ok_or(WRONG)?;
            let value: u64 = value.parse().map_err(|_| WRONG)?;
            if !(*least..=*most).contains(&value) || path.values[*timeout as usize].replace(value).is_some() {
                return Err(WRONG);
            }
        }
        if path.values.iter().any(Option::is_some) { Ok(path) } else { Err(WRONG) }
    }
}

impl TryFrom<String> for PathTimeouts {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<PathTimeouts> for String {
    fn from(path: PathTimeouts) -> Self {
        let set =
            TIMEOUTS.iter().filter_map(|(timeout, name, ..)| Some((name, path.values[*timeout as usize]?)));
        set.fold(path.prefix.clone(), |text, (name, value)| format!("{text};{name}={value}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_that_sets_a_time_out_counts() {
        let paths =
            ["/a/;first_byte_ms=100;body_rate_min=0", "/a/b;first_byte_ms=200", "/;tunnel_idle_ms=300"];
        let settings = TimeoutSettings {
            first_byte_ms: Some(10),
            paths: paths.iter().map(|path| path.parse().unwrap()).collect(),
            ..TimeoutSettings::default()
        };
        let of = |target: &str, timeout| settings.of(target.as_bytes(), timeout);
        assert_eq!(of("/a/b?c", Timeout::FirstByte), Some(200));
        assert_eq!(of("/a/x", Timeout::FirstByte), Some(100));
        assert_eq!(of("/a", Timeout::FirstByte), Some(10));
        assert_eq!(of("/a/b", Timeout::BodyRateMin), Some(0));
        assert_eq!(of("/x", Timeout::TunnelIdle), Some(300));
        assert_eq!(of("/x", Timeout::BetweenBytes), None);
        let written: Vec<String> = settings.paths.into_iter().map(String::from).collect();
        assert_eq!(written, paths);
    }

    #[test]
    fn a_path_without_a_known_time_out_is_refused() {
        for wrong in [
            "",
            "/a",
            "/a;",
            "a;first_byte_ms=100",
            "/a;first_byte_ms",
            "/a;first_byte_ms=9",
            "/a;first_byte_ms=100;first_byte_ms=100",
            "/a;first_byte=100",
            "/a b;first_byte_ms=100",
            "/a;first_byte_ms=86400001",
        ] {
            assert!(wrong.parse::<PathTimeouts>().is_err(), "{wrong:?}");
        }
    }
}
