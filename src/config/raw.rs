//! The raw form: what was written on the command line, in the environment and in the file, before it means
//! anything. Each value remembers where it came from, so that an error can say where to mend it.

use std::{
    collections::BTreeMap,
    fmt, fs,
    path::{Path, PathBuf},
};

use super::{
    error::ConfigError,
    setting::{self, Setting},
};

/// Names the configuration file itself.
pub const FILE_ENVIRONMENT: &str = "ROLLING_ROUTER_CONFIG";

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A flag, by its name.
    Flag(&'static str),
    /// A variable of the environment, by its name.
    Environment(&'static str),
    /// A configuration file.
    File(PathBuf),
    /// Nowhere: it is the default.
    Default,
}

/// A value as written.
#[derive(Clone, PartialEq, Eq)]
pub struct Given {
    /// The text.
    pub text: String,
    /// Where it was written.
    pub source: Source,
}

/// Everything as written, before it is checked.
#[derive(Debug, Clone, Default)]
pub struct RawConfig {
    given: BTreeMap<&'static str, Given>,
    /// The `[limits]` table of the file, and which file.
    pub(super) limits: Option<(PathBuf, toml::Table)>,
}

impl RawConfig {
    /// Takes a value from the command line.
    pub fn set_flag(&mut self, setting: &'static Setting, text: impl Into<String>) {
        let source = setting.flag.map_or(Source::Default, Source::Flag);
        self.given.insert(setting.name, Given { text: text.into(), source });
    }

    /// Reads the environment through `lookup`. A variable that is set but empty counts as not set, as it does in
    /// most container descriptions.
    pub fn from_environment(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let present = |name: &str| lookup(name).filter(|text| !text.is_empty());
        let mut raw = Self::default();
        for setting in setting::ALL {
            let found = setting.environment.iter().find_map(|name| present(name).map(|text| (*name, text)));
            if let Some((name, text)) = found {
                raw.given.insert(setting.name, Given { text, source: Source::Environment(name) });
            }
        }
        raw.take_old_store(&present)?;
        Ok(raw)
    }

    /// `KV_IP` and `KV_PORT`, as the old image was told where its store is.
    fn take_old_store(&mut self, present: &dyn Fn(&str) -> Option<String>) -> Result<(), ConfigError> {
        let (address, port) = match (present("KV_IP"), present("KV_PORT")) {
            (None, None) => return Ok(()),
            (Some(address), Some(port)) => (address, port),
            (Some(_), None) => return Err(ConfigError::Half { set: "KV_IP", missing: "KV_PORT" }),
            (None, Some(_)) => return Err(ConfigError::Half { set: "KV_PORT", missing: "KV_IP" }),
        };
        // The old image showed its one token to the store as well.
        let token = present("OCCS_API_TOKEN").map(|token| format!(":{}@", escaped(&token)));
        let token = token.unwrap_or_default();
        let text = if address.contains(':') && !address.starts_with('[') {
            format!("http://{token}[{address}]:{port}")
        } else {
            format!("http://{token}{address}:{port}")
        };
        let given = Given { text, source: Source::Environment("KV_IP") };
        self.given.entry(setting::STORE.name).or_insert(given);
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
        let table: toml::Table = text
            .parse()
            .map_err(|cause| ConfigError::Syntax { path: path.into(), cause: Box::new(cause) })?;
        let mut raw = Self::default();
        for (name, value) in table {
            match value {
                toml::Value::Table(limits) if name == "limits" => raw.limits = Some((path.into(), limits)),
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
        let source = Source::File(path.into());
        let Some(text) = plain_text(value) else {
            return Err(ConfigError::Value {
                setting,
                place: source,
                text: value.to_string(),
                fault: "it is neither a text, a number nor a list of texts".into(),
            });
        };
        self.given.insert(setting.name, Given { text, source });
        Ok(())
    }

    /// What is given here, and what is not given here from `below`.
    pub fn over(mut self, below: Self) -> Self {
        for (name, given) in below.given {
            self.given.entry(name).or_insert(given);
        }
        self.limits = self.limits.or(below.limits);
        self
    }

    /// The value of a setting: as given, else its default; `None` where it has neither.
    pub(super) fn get(&self, setting: &'static Setting) -> Option<Given> {
        let default = || Given { text: setting.default.into(), source: Source::Default };
        let given = self.given.get(setting.name).cloned().unwrap_or_else(default);
        (given.source != Source::Default || !given.text.is_empty()).then_some(given)
    }
}

/// A token as it is written into an address.
fn escaped(token: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    token
        .bytes()
        .map(|byte| if plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// A TOML value as the text one would write in a flag: lists are joined by commas.
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

impl fmt::Debug for Given {
    /// Leaves the text out: it may be a token or hold a store's password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Given({:?})", self.source)
    }
}
