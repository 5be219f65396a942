//! The keyvalues file: what a new store starts with.
//!
//! The file holds one flat JSON object of keys to strings, as the old tools export a store. It is written only into a store
//! that has no `rolling/null` yet, so a restart never undoes a rollout.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use super::error::ConfigError;

/// The key that marks a store as set up. It is always written last.
pub const MARKER: &str = "rolling/null";

/// What the marker holds.
const MARKER_VALUE: &str = "-";

/// The longest key, in bytes; what the store contract takes.
const KEY_BYTES_MAX: usize = 512;

/// The largest file, in bytes: 16 MiB holds about 100,000 endpoints, far more than one router serves.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// A keyvalues file with well-formed keys. What the values mean is for the rollout core to decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keyvalues {
    path: PathBuf,
    /// Endpoint keys first, then the rest, the marker last.
    entries: Vec<(String, String)>,
}

impl Keyvalues {
    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let unreadable =
            |cause| ConfigError::Unreadable { what: "the keyvalues", path: path.to_owned(), cause };
        let bytes = fs::metadata(path).map_err(unreadable)?.len();
        if bytes > FILE_BYTES_MAX {
            let fault = format!("the file has {bytes} bytes; at most {FILE_BYTES_MAX} are allowed");
            return Err(ConfigError::Keyvalues { path: path.into(), fault });
        }
        let text = fs::read_to_string(path).map_err(unreadable)?;
        Self::parse(path, &text)
    }

    /// Reads the text of a file.
    pub fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let refuse = |fault: String| ConfigError::Keyvalues { path: path.into(), fault };
        let object: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(text).map_err(|cause| {
                refuse(format!("the file must hold one JSON object of keys to strings: {cause}"))
            })?;
        let mut entries = BTreeMap::new();
        for (key, value) in object {
            let serde_json::Value::String(value) = value else {
                return Err(refuse(format!("`{key}` is {value}; every value must be a string, in quotes")));
            };
            check_key(&key).map_err(&refuse)?;
            entries.insert(key, value);
        }
        entries.entry(MARKER.into()).or_insert_with(|| MARKER_VALUE.into());
        let mut entries: Vec<(String, String)> = entries.into_iter().collect();
        entries.sort_by_key(|(key, _)| (key == MARKER, !key.starts_with("apps/")));
        Ok(Self { path: path.into(), entries })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All keys and values: endpoints first, then rollouts, [`MARKER`] last.
    pub fn entries(&self) -> &[(String, String)] {
        &self.entries
    }

    /// The entries in commits of at most `writes_max`: a single one if they fit. Otherwise endpoints come first and the marker
    /// last, so that a start that is cut short begins again with the next one.
    pub fn commits(&self, writes_max: usize) -> impl Iterator<Item = &[(String, String)]> {
        self.entries.chunks(writes_max)
    }
}

/// Checks a key: parts separated by `/`, none of them empty, `.` or `..`; no control character; not one of the router's own.
fn check_key(key: &str) -> Result<(), String> {
    if key.len() > KEY_BYTES_MAX {
        return Err(format!("the key `{key}` has {} bytes; at most {KEY_BYTES_MAX} are allowed", key.len()));
    }
    if key.chars().any(char::is_control) || key.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err(format!(
            "`{}` is not a key such as rolling/hello/stable/id: no part between slashes may be empty, `.` or `..`",
            key.escape_default()
        ));
    }
    if key.starts_with("rolling/router/") {
        return Err(format!("`{key}` is one of the router's own keys, which a file may not set"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Keyvalues, ConfigError> {
        Keyvalues::parse(Path::new("kv.json"), text)
    }

    #[test]
    fn endpoints_come_first_and_the_marker_last() {
        let text = r#"{"rolling/null": "-", "rolling/a/stable/id": "apps/a-1-80/containers",
                       "apps/a-1-80/containers/c1": "10.0.0.1:80"}"#;
        let keys: Vec<String> = parse(text).unwrap().entries().iter().map(|(key, _)| key.clone()).collect();
        assert_eq!(keys, ["apps/a-1-80/containers/c1", "rolling/a/stable/id", "rolling/null"]);
    }

    #[test]
    fn the_marker_is_added() {
        assert_eq!(parse("{}").unwrap().entries(), [("rolling/null".into(), "-".into())]);
    }

    #[test]
    fn many_keys_make_several_commits_with_the_marker_in_the_last() {
        let many: serde_json::Map<_, _> = (0..250)
            .map(|n| (format!("apps/a-1-80/containers/{n}"), format!("10.0.0.1:{n}").into()))
            .collect();
        let read = parse(&serde_json::Value::from(many).to_string()).unwrap();
        let commits: Vec<_> = read.commits(100).collect();
        assert_eq!(commits.iter().map(|commit| commit.len()).collect::<Vec<_>>(), [100, 100, 51]);
        assert_eq!(commits[2].last().unwrap().0, MARKER);
    }

    #[test]
    fn refuses_what_is_no_keyvalue_and_names_it() {
        for (text, named) in [
            ("[]", "JSON object"),
            (r#"{"rolling/a/blendpercent": 10}"#, "rolling/a/blendpercent"),
            (r#"{"a//b": ""}"#, "a//b"),
            (r#"{"/a": ""}"#, "/a"),
            (r#"{"a/../b": ""}"#, "a/../b"),
            (r#"{"a\nb": ""}"#, "a\\nb"),
            (r#"{"rolling/router/epoch": "x"}"#, "rolling/router/epoch"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
    }
}
