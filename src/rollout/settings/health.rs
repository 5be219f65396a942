//! Health: how an app's endpoints are checked.

use serde::{Deserialize, Serialize};

use super::error::{SettingsError, check_range};

/// How endpoints are checked (docs/design.md section 6).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HealthSettings {
    /// The path that a check gets. None: an endpoint is healthy if it accepts connections.
    pub path: Option<String>,
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
        Self { path: None, interval_ms: 2_000, timeout_ms: 1_500, status, fall: 3, rise: 1 }
    }
}

impl HealthSettings {
    /// Whether an answer with this status is healthy.
    pub fn accepts(&self, status: u16) -> bool {
        self.status.split(',').filter_map(range).any(|(least, most)| (least..=most).contains(&status))
    }

    pub(super) fn check(&self) -> Result<(), SettingsError> {
        let visible = |path: &&String| path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
        let allowed = |path: &&String| path.starts_with('/') && path.len() <= 1_000 && visible(path);
        if let Some(path) = self.path.as_ref().filter(|path| !allowed(path)) {
            return Err(SettingsError::value("health.path", path.as_str()));
        }
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

/// `204` or `200-399`.
fn range(text: &str) -> Option<(u16, u16)> {
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
