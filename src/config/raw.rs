//! The raw form: what was written on the command line, in the environment and in the file, before it is parsed. Each value
//! keeps where it came from, so that an error can say where to correct it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use super::{
    error::ConfigError,
    fault::Fault,
    origin::{Origin, RawValue},
    setting::{self, Setting},
};

/// The variable that names the configuration file.
pub const FILE_ENVIRONMENT: &str = "ROLLING_ROUTER_CONFIG";
/// Says to a new process that it takes over from the one that started it. No operator sets it.
pub const TAKES_OVER_ENVIRONMENT: &str = "ROLLING_ROUTER_TAKES_OVER";

/// All settings as they were written, before they are parsed.
#[derive(Debug, Clone, Default)]
pub struct RawConfig {
    values: BTreeMap<&'static str, RawValue>,
    /// The `[limits]` table of the file, and which file.
    pub(super) limits: Option<(PathBuf, toml::Table)>,
    /// The tables `[engines.NAME]` of the file, and which file.
    pub(super) engines: Option<(PathBuf, toml::Table)>,
}

impl RawConfig {
    /// Takes a value from the command line.
    pub fn set_flag(&mut self, setting: &'static Setting, text: impl Into<String>) {
        let origin = setting.flag.map_or(Origin::Default, Origin::Flag);
        self.values.insert(setting.name, RawValue { text: text.into(), origin });
    }

    /// Reads the environment through `lookup`. A variable that is set but empty counts as not set, as it does in
    /// most container descriptions.
    pub fn from_environment(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let present = |name: &str| lookup(name).filter(|text| !text.is_empty());
        let mut raw = Self::default();
        for setting in setting::ALL {
            let found = setting.environment.iter().find_map(|name| present(name).map(|text| (*name, text)));
            if let Some((name, text)) = found {
                raw.values.insert(setting.name, RawValue { text, origin: Origin::Environment(name) });
            }
        }
        raw.take_old_store(&present)?;
        Ok(raw)
    }

    /// Reads the store's address from `KV_IP` and `KV_PORT`, as the old image did.
    fn take_old_store(&mut self, present: &dyn Fn(&str) -> Option<String>) -> Result<(), ConfigError> {
        if self.values.contains_key(setting::STORE_FILE.name) {
            return Ok(());
        }
        let (address, port) = match (present("KV_IP"), present("KV_PORT")) {
            (None, None) => return Ok(()),
            (Some(address), Some(port)) => (address, port),
            (Some(_), None) => return Err(ConfigError::MissingVariable { set: "KV_IP", missing: "KV_PORT" }),
            (None, Some(_)) => return Err(ConfigError::MissingVariable { set: "KV_PORT", missing: "KV_IP" }),
        };
        // The old image used its one token for the store as well.
        let token = present("OCCS_API_TOKEN").map(|token| format!(":{}@", escaped(&token)));
        let token = token.unwrap_or_default();
        let text = if address.contains(':') && !address.starts_with('[') {
            format!("http://{token}[{address}]:{port}")
        } else {
            format!("http://{token}{address}:{port}")
        };
        let value = RawValue { text, origin: Origin::Environment("KV_IP") };
        self.values.entry(setting::STORE.name).or_insert(value);
        Ok(())
    }

    /// Reads a configuration file.
    pub fn from_file(path: &Path) -> Result<Self, ConfigError> {
        let text = fs::read_to_string(path).map_err(|cause| ConfigError::Unreadable {
            what: "the configuration",
            path: path.into(),
            cause,
        })?;
        Self::from_toml(path, &text)
    }

    /// Reads the text of a configuration file.
    pub fn from_toml(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| ConfigError::Syntax {
            path: path.into(),
            line: line_of(text, &error),
            fault: error.message().to_owned(),
        })?;
        let mut raw = Self::default();
        for (name, value) in table {
            match value {
                toml::Value::Table(limits) if name == "limits" => raw.limits = Some((path.into(), limits)),
                toml::Value::Table(engines) if name == "engines" => {
                    raw.engines = Some((path.into(), engines))
                }
                value => raw.take_file_value(path, &name, &value)?,
            }
        }
        Ok(raw)
    }

    fn take_file_value(&mut self, path: &Path, name: &str, value: &toml::Value) -> Result<(), ConfigError> {
        let known = setting::ALL.iter().find(|setting| setting.name == name && setting.flag.is_some());
        let Some(setting) = known else {
            return Err(ConfigError::UnknownSetting { path: path.into(), name: name.into() });
        };
        let origin = Origin::File(path.into());
        let Some(text) = plain_text(value) else {
            return Err(ConfigError::Value {
                setting,
                origin,
                text: value.to_string(),
                fault: "a text, a whole number or a list of texts is expected".into(),
            });
        };
        self.values.insert(setting.name, RawValue { text, origin });
        Ok(())
    }

    /// These values, and those of `below` that are missing here.
    pub fn over(mut self, below: Self) -> Self {
        for (name, value) in below.values {
            self.values.entry(name).or_insert(value);
        }
        self.limits = self.limits.or(below.limits);
        self.engines = self.engines.or(below.engines);
        self
    }

    /// Parses a setting that has a default.
    pub(super) fn required<T>(
        &self,
        setting: &'static Setting,
        parse: impl Fn(&str) -> Result<T, Fault>,
    ) -> Result<T, ConfigError> {
        let default = || RawValue { text: String::new(), origin: Origin::Default };
        let RawValue { text, origin } = self.get(setting).unwrap_or_else(default);
        parse(text.trim()).map_err(|fault| ConfigError::Value { setting, origin, text, fault })
    }

    /// Parses a setting that may be left out.
    pub(super) fn optional<T>(
        &self,
        setting: &'static Setting,
        parse: impl Fn(&str) -> Result<T, Fault>,
    ) -> Result<Option<T>, ConfigError> {
        self.get(setting).map(|_| self.required(setting, parse)).transpose()
    }

    /// Parses a setting that may be left out, or hold several values separated by commas.
    pub(super) fn list<T>(
        &self,
        setting: &'static Setting,
        parse: impl Fn(&str) -> Result<T, Fault>,
    ) -> Result<Vec<T>, ConfigError> {
        let parts = |text: &str| {
            let written = text.split(',').map(str::trim).filter(|part| !part.is_empty());
            written.map(&parse).collect::<Result<Vec<T>, Fault>>()
        };
        Ok(self.optional(setting, parts)?.unwrap_or_default())
    }

    /// Where a setting was written; `None`: nowhere.
    pub(super) fn origin(&self, setting: &'static Setting) -> Option<&Origin> {
        self.values.get(setting.name).map(|value| &value.origin)
    }

    /// The value of a setting, else its default; `None` where it has neither.
    pub(super) fn get(&self, setting: &'static Setting) -> Option<RawValue> {
        let default = || RawValue { text: setting.default.into(), origin: Origin::Default };
        let value = self.values.get(setting.name).cloned().unwrap_or_else(default);
        (value.origin != Origin::Default || !value.text.is_empty()).then_some(value)
    }
}

/// The line where a text stops being TOML.
fn line_of(text: &str, error: &toml::de::Error) -> usize {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    1 + before.matches('\n').count()
}

/// A token, percent-encoded for a URL.
fn escaped(token: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    token
        .bytes()
        .map(|byte| if plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// A TOML value as the text that a flag would have: lists are joined by commas.
fn plain_text(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Array(items) => {
            let texts: Option<Vec<&str>> = items.iter().map(toml::Value::as_str).collect();
            texts.map(|texts| texts.join(","))
        }
        _ => None,
    }
}
