//! The file in which a person keeps where the router is and who asks: `~/.config/rolling-router/config.toml`.
//!
//! Whatever flags and environment say counts before it. Its token goes to the router that the file names, and to no other.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::{exit::Failure, printer::Printer};

/// Where it is, below the folder of a person's settings.
const FILE: &str = "rolling-router/config.toml";
/// The bits of a file's mode that let others read it.
const READ_BY_OTHERS: u32 = 0o044;

/// What the file says.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UserConfig {
    /// The router's admin port.
    pub(super) admin: Option<String>,
    /// Certificates that its own may come from.
    pub(super) admin_ca: Option<PathBuf>,
    /// The token.
    pub(super) token: Option<String>,
    /// A file whose first word is the token.
    pub(super) token_file: Option<PathBuf>,
}

impl UserConfig {
    /// Reads it; what is not there says nothing.
    pub(super) fn read() -> Result<Self, Failure> {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let folder =
            variable("XDG_CONFIG_HOME").or_else(|| variable("HOME").map(|home| home.join(".config")));
        folder.map_or_else(|| Ok(Self::default()), |folder| Self::read_file(&folder.join(FILE)))
    }

    fn read_file(file: &Path) -> Result<Self, Failure> {
        let refused = |why: String| Failure::usage(format!("{}: {why}", file.display()));
        let text = match fs::read_to_string(file) {
            Ok(text) => text,
            // A home that this user may not look into has no settings of theirs.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied | io::ErrorKind::NotADirectory
                ) =>
            {
                return Ok(Self::default());
            }
            Err(error) => return Err(refused(format!("the file cannot be read: {error}"))),
        };
        // The line itself is not repeated: it may hold a token.
        let config: Self = toml::from_str(&text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let line = 1 + before.matches('\n').count();
            let allowed = "allowed are the texts admin, admin_ca, token and token_file";
            refused(format!("line {line} is wrong; {allowed}"))
        })?;
        if config.token.is_some() && config.token_file.is_some() {
            return Err(refused("it has a token and a token_file; give either of the two".to_owned()));
        }
        let mode = fs::metadata(file).map_or(0, |found| found.permissions().mode());
        if config.token.is_some() && mode & READ_BY_OTHERS != 0 {
            let note = format!("{} holds a token, and others can read it: `chmod 600` it", file.display());
            Printer::new().note(&note);
        }
        Ok(config)
    }

    /// Whether its token is for the router at an address.
    pub(super) fn is_for(&self, admin: &str) -> bool {
        self.admin.as_ref().is_none_or(|own| own.trim_end_matches('/') == admin.trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<UserConfig, Failure> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.toml");
        fs::write(&file, text).unwrap();
        UserConfig::read_file(&file)
    }

    #[test]
    fn a_file_says_where_the_router_is_and_who_asks() {
        let config = read("admin = \"https://router.example:8080\"\ntoken = \"abc\"\n").unwrap();
        assert!(config.is_for("https://router.example:8080/") && !config.is_for("https://evil.example"));
        assert_eq!(config.token.as_deref(), Some("abc"));
        assert!(read("token = \"abc\"").unwrap().is_for("http://anywhere"), "it names no router");
        let nowhere = UserConfig::read_file(Path::new("/nowhere/config.toml"));
        assert!(read("").unwrap() == UserConfig::default() && nowhere.unwrap() == UserConfig::default());
    }

    #[test]
    fn what_is_wrong_is_told_by_its_line_and_never_repeated() {
        for text in
            ["\ntoken = hunter2", "\ntokn = \"hunter2\"", "\ntoken = [\"hunter2\"]", "\n[hunter2]\na = 1"]
        {
            let failure = format!("{:?}", read(text).err().unwrap());
            assert!(failure.contains("config.toml: line 2 is wrong"), "{failure}");
            assert!(!failure.contains("hunter2"), "{failure}");
        }
        assert!(read("token = \"a\"\ntoken_file = \"b\"").is_err());
    }
}
