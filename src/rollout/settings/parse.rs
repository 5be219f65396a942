//! Reading settings from JSON.

use serde_json::{Map, Value};

use super::{
    allowed::{allowed, group},
    app::Settings,
    error::SettingsError,
};
use crate::rollout::network::Network;

/// The most bytes of JSON that are read as settings.
pub const SETTINGS_BYTES_MAX: usize = 64 * 1024;

impl Settings {
    /// Parses and checks the stored JSON.
    ///
    /// # Errors
    /// The JSON is too long or malformed, or a setting is unknown, of the wrong type, or out of range.
    pub fn parse(json: &[u8]) -> Result<Self, SettingsError> {
        let whole = |message: String| SettingsError { field: ".".into(), message };
        if json.len() > SETTINGS_BYTES_MAX {
            return Err(whole(format!(
                "{} bytes of settings; at most {SETTINGS_BYTES_MAX} are allowed",
                json.len()
            )));
        }
        if json.trim_ascii_start().first() != Some(&b'{') {
            return Err(whole("settings must be a JSON object, such as {}".into()));
        }
        let no_json = |error: serde_json::Error| whole(format!("settings must be one JSON object: {error}"));
        let mut reader = serde_json::Deserializer::from_slice(json);
        let read = serde_path_to_error::deserialize(&mut reader);
        let mut settings: Self = match read {
            Ok(settings) => settings,
            Err(error) => {
                // A syntax error is reported for the whole document, and not for the setting where the parser stopped.
                let document = serde_json::from_slice(json).map_err(no_json)?;
                return Err(fault(&document, &error.path().to_string()));
            }
        };
        reader.end().map_err(no_json)?;
        settings.canonicalise();
        settings.check()?;
        Ok(settings)
    }

    /// Reads what is stored. Settings that this version does not know are passed over: a member of a newer version wrote them.
    ///
    /// # Errors
    /// As for [`Settings::parse`], unknown settings apart.
    pub fn read(json: &[u8]) -> Result<Self, SettingsError> {
        Self::parse(json).or_else(|error| {
            let document = serde_json::from_slice(json).ok().filter(|_| json.len() <= SETTINGS_BYTES_MAX);
            let Some(Value::Object(mut document)) = document else { return Err(error) };
            if !remove_unknown(&mut document) {
                return Err(error);
            }
            serde_json::to_vec(&document).map_or(Err(error), |known| Self::parse(&known))
        })
    }

    /// Host names are compared in lower case.
    fn canonicalise(&mut self) {
        self.hosts.iter_mut().for_each(|host| host.make_ascii_lowercase());
        self.hosts.sort_unstable();
        self.hosts.dedup();
        self.canonicalise_paths();
        if let Some(host) = &mut self.canonical_host {
            host.make_ascii_lowercase();
        }
        self.upgrades.sort_unstable();
        self.upgrades.dedup();
        self.compression.canonicalise();
        self.upstream_tls.canonicalise();
        if let Some(domain) = &mut self.cookie.domain {
            domain.make_ascii_lowercase();
        }
    }
}

/// Takes out of a document what is no setting of this version; whether there was anything.
pub fn remove_unknown(document: &mut Map<String, Value>) -> bool {
    remove_below("", document)
}

fn remove_below(prefix: &str, document: &mut Map<String, Value>) -> bool {
    let before = document.len();
    document.retain(|name, _| {
        let path = format!("{prefix}{name}");
        allowed(&path).is_some() || group(&path).is_some()
    });
    let mut removed = document.len() < before;
    for (name, value) in document.iter_mut() {
        let path = format!("{prefix}{name}");
        if let (true, Value::Object(inner)) = (group(&path).is_some(), value) {
            removed |= remove_below(&format!("{path}."), inner);
        }
    }
    removed
}

/// What is wrong with a document that could not be read. The parser stopped at `path`.
fn fault(document: &Value, path: &str) -> SettingsError {
    let (path, value) = place(document, path);
    if let (true, Some(text)) = (path.starts_with("override.networks["), value.as_str())
        && let Err(message) = text.parse::<Network>()
    {
        return SettingsError { field: path.to_owned(), message };
    }
    let readable = serde_json::to_vec(document).is_ok_and(|json| {
        serde_path_to_error::deserialize::<_, Settings>(&mut serde_json::Deserializer::from_slice(&json))
            .is_ok()
    });
    if readable {
        // The parsed document keeps only one value for each name, so it can be read.
        return SettingsError {
            field: path.to_owned(),
            message: "the setting is given twice; give it once".into(),
        };
    }
    SettingsError::value(path, value.clone())
}

/// The setting that a path leads to or through, and its value: a path may lead into a value that should be a single one.
fn place<'a>(document: &'a Value, path: &'a str) -> (&'a str, &'a Value) {
    let mut value = document;
    for (at, _) in path.match_indices('.').chain([(path.len(), "")]) {
        let name = path[..at].rsplit_once('.').map_or(&path[..at], |(_, name)| name);
        let (name, index) = name.split_once('[').map_or((name, None), |(name, index)| (name, Some(index)));
        let index = index.and_then(|index| index.trim_end_matches(']').parse::<usize>().ok());
        value = value.get(name).unwrap_or(&Value::Null);
        if let Some(index) = index {
            value = value.get(index).unwrap_or(&Value::Null);
        }
        if allowed(&path[..at]).is_some() {
            return (&path[..at], value);
        }
    }
    (path, value)
}
