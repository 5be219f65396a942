//! Shielding: whether, and after how long, a request that the candidate failed is answered by stable.

use serde::{Deserialize, Serialize};

use super::{
    assets::matches,
    error::{SettingsError, check_range},
};

/// The most prefixes. With more, one prefix that covers several serves better.
const PREFIXES_MAX: usize = 32;

/// Whether a failing candidate is shielded (docs/design.md section 6).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ShieldingSettings {
    /// Whether it is shielded at all.
    pub enabled: bool,
    /// How long the candidate may take to the first byte of a response before stable is asked, in ms: 10 to an hour.
    /// An app whose good answers take longer sets it above them.
    pub first_byte_ms: u64,
    /// Requests for paths that begin with one of these are not shielded: reads that must not be done twice.
    pub exclude: Vec<String>,
    /// Requests for these paths are never sent to both releases while the candidate is silent. `*` stands for any characters, and
    /// case does not count.
    pub race_exclude: Vec<String>,
}

impl Default for ShieldingSettings {
    fn default() -> Self {
        let race_exclude = ["*callback*", "*logout*"].map(str::to_owned).into();
        Self { enabled: true, first_byte_ms: 5_000, exclude: Vec::new(), race_exclude }
    }
}

impl ShieldingSettings {
    /// Whether a request for this target (a path, its query included) may be shielded.
    pub fn covers(&self, target: &[u8]) -> bool {
        self.enabled && !self.exclude.iter().any(|prefix| target.starts_with(prefix.as_bytes()))
    }

    /// Whether a request for this target may be sent to both releases.
    pub fn may_race(&self, target: &str) -> bool {
        let path = target.split('?').next().unwrap_or(target).to_ascii_lowercase();
        let fits = |pattern: &String| matches(pattern.to_ascii_lowercase().as_bytes(), path.as_bytes());
        !self.race_exclude.iter().any(fits)
    }

    pub(super) fn check(&self) -> Result<(), SettingsError> {
        check_range("shielding.first_byte_ms", self.first_byte_ms, 10..=3_600_000)?;
        let allowed = |prefix: &&String| prefix.starts_with('/') && prefix.len() <= 200;
        if let Some(wrong) = self.exclude.iter().find(|prefix| !allowed(prefix)) {
            return Err(SettingsError::entry("shielding.exclude", wrong));
        }
        if self.exclude.len() > PREFIXES_MAX {
            return Err(SettingsError::value("shielding.exclude", self.exclude.as_slice()));
        }
        let allowed =
            |pattern: &&String| pattern.starts_with(['/', '*']) && (1..=200).contains(&pattern.len());
        if let Some(wrong) = self.race_exclude.iter().find(|pattern| !allowed(pattern)) {
            return Err(SettingsError::entry("shielding.race_exclude", wrong));
        }
        if self.race_exclude.len() > PREFIXES_MAX {
            return Err(SettingsError::value("shielding.race_exclude", self.race_exclude.as_slice()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn covers_all_but_what_is_excluded() {
        let of = |exclude: &[&str]| ShieldingSettings {
            exclude: exclude.iter().map(|prefix| (*prefix).to_owned()).collect(),
            ..ShieldingSettings::default()
        };
        assert!(of(&[]).covers(b"/"));
        let some = of(&["/export/", "/once"]);
        assert!(some.covers(b"/export") && some.covers(b"/a/export/"));
        assert!(!some.covers(b"/export/1") && !some.covers(b"/once?token=1"));
        assert!(!ShieldingSettings { enabled: false, ..of(&[]) }.covers(b"/"));
    }

    #[test]
    fn what_signs_in_or_out_is_never_raced() {
        let default = ShieldingSettings::default();
        assert!(default.may_race("/reports?next=/callback"));
        assert!(!default.may_race("/auth/Callback?code=1") && !default.may_race("/logout"));
    }
}
