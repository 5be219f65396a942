//! Which values a limit may have.

use super::{HEADER_BYTES_CEILING, Limits};

/// The longest deadline that may be configured, in ms.
const DAY_MS: u64 = 86_400_000;

/// A limit whose value is not allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("limits.{field} is {value}; allowed: {allowed}")]
pub struct LimitsError {
    /// The field of [`Limits`].
    pub field: &'static str,
    /// What it was set to.
    pub value: u64,
    /// What is allowed.
    pub allowed: &'static str,
}

impl Limits {
    /// Refuses values that cannot work.
    pub fn checked(self) -> Result<Self, LimitsError> {
        for (field, value, least, most, allowed) in self.ranges() {
            if value < least || value > most {
                return Err(LimitsError { field, value, allowed });
            }
        }
        Ok(self)
    }

    /// What the limit of this name allows, in words, if it has a range.
    pub fn allowed(name: &str) -> Option<&'static str> {
        let mut ranges = Self::default().ranges().into_iter();
        ranges.find(|(field, ..)| *field == name).map(|(.., allowed)| allowed)
    }

    /// The limits that have a range: name, value, least, most, and the range in words.
    fn ranges(&self) -> [(&'static str, u64, u64, u64, &'static str); 23] {
        let head = u64::from(HEADER_BYTES_CEILING);
        [
            ("header_bytes_max", self.header_bytes_max.into(), 1_024, head, "1024 to 65535 bytes"),
            (
                "response_header_bytes_max",
                self.response_header_bytes_max.into(),
                1_024,
                // Positions count from behind the status line.
                head + 1,
                "1024 to 65536 bytes",
            ),
            (
                "response_header_count_max",
                self.response_header_count_max.into(),
                8,
                10_000,
                "8 to 10000 lines",
            ),
            ("header_count_max", self.header_count_max.into(), 8, 1_000, "8 to 1000 lines"),
            ("target_bytes_max", self.target_bytes_max.into(), 64, head, "64 to 65535 bytes"),
            ("header_ms", self.header_ms, 100, DAY_MS, "100 ms to a day"),
            ("body_grace_ms", self.body_grace_ms, 100, DAY_MS, "100 ms to a day"),
            ("idle_ms", self.idle_ms, 100, DAY_MS, "100 ms to a day"),
            (
                "connections_per_worker_max",
                self.connections_per_worker_max.into(),
                1,
                10_000_000,
                "1 to 10000000",
            ),
            ("connect_ms", self.connect_ms, 10, DAY_MS, "10 ms to a day"),
            ("first_byte_ms", self.first_byte_ms, 10, DAY_MS, "10 ms to a day"),
            ("between_bytes_ms", self.between_bytes_ms, 10, DAY_MS, "10 ms to a day"),
            ("encoder_bytes_max", self.encoder_bytes_max, 0, 1 << 36, "0 to 68719476736 bytes"),
            ("login_connections_max", self.login_connections_max.into(), 0, 1_000_000, "0 to 1000000"),
            ("retry_percent_max", self.retry_percent_max.into(), 0, 100, "0 to 100 percent"),
            ("shields_per_second_max", self.shields_per_second_max.into(), 0, 1_000_000, "0 to 1000000"),
            ("admin_connections_max", self.admin_connections_max.into(), 16, 100_000, "16 to 100000"),
            ("streams_per_token_max", self.streams_per_token_max.into(), 1, 512, "1 to 512"),
            ("metrics_series_max", self.metrics_series_max.into(), 1_000, 10_000_000, "1000 to 10000000"),
            ("apps_max", self.apps_max.into(), 1, 100_000, "1 to 100000"),
            ("releases_per_app_max", self.releases_per_app_max.into(), 2, 100_000, "2 to 100000"),
            ("endpoints_per_release_max", self.endpoints_per_release_max.into(), 1, 100_000, "1 to 100000"),
            ("endpoints_max", self.endpoints_max.into(), 1, 1_000_000, "1 to 1000000"),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_allowed() {
        assert_eq!(Limits::default().checked(), Ok(Limits::default()));
    }

    #[test]
    fn a_value_that_cannot_work_is_refused_by_name() {
        let error = Limits { header_bytes_max: 70_000, ..Limits::default() }.checked().unwrap_err();
        assert_eq!(error.to_string(), "limits.header_bytes_max is 70000; allowed: 1024 to 65535 bytes");
    }
}
