//! Errors of the configuration: where the value was written, what it is, and what is allowed.

use std::{io, path::PathBuf};

use super::{
    fault::Fault,
    origin::Origin,
    setting::{self, Setting},
};

/// Why a configuration is refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A value is not allowed.
    #[error("{}\n  allowed: {}", describe(.setting, .origin, .text, .fault), .setting.allowed)]
    Value {
        /// The setting.
        setting: &'static Setting,
        /// Where its value was written.
        origin: Origin,
        /// The value.
        text: String,
        /// What is wrong with it.
        fault: Fault,
    },
    /// The file names a setting that does not exist.
    #[error("{}: there is no setting `{name}`{}", .path.display(), suggestion(.name))]
    UnknownSetting {
        /// The file.
        path: PathBuf,
        /// What it names.
        name: String,
    },
    /// A limit in the file is not allowed.
    #[error("{}: {fault}", .path.display())]
    Limit {
        /// The file.
        path: PathBuf,
        /// What is wrong, naming the limit.
        fault: String,
    },
    /// An engine in the file is not described rightly.
    #[error("{}{fault}", prefix(.path))]
    Engine {
        /// The file; empty: none.
        path: PathBuf,
        /// What is wrong, naming engine and field.
        fault: String,
    },
    /// Only one of two environment variables that belong together is set.
    #[error(
        "{set} is set in the environment, but {missing} is not; the store is http://KV_IP:KV_PORT, so both are needed"
    )]
    MissingVariable {
        /// The one that is set.
        set: &'static str,
        /// The one that is not.
        missing: &'static str,
    },
    /// A file cannot be read.
    #[error("cannot read {what} file {}", .path.display())]
    Unreadable {
        /// What it would have held.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// A file is not valid TOML.
    #[error("{} is not valid TOML: line {line}: {fault}", .path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong. The line itself is not repeated: it may hold a password.
        fault: String,
    },
    /// The file that should hold the store's address does not.
    #[error("the store file {}: {fault}", .path.display())]
    StoreFile {
        /// The file.
        path: PathBuf,
        /// What is wrong. What the file holds is not repeated.
        fault: String,
    },
    /// A keyvalues file does not hold keys and strings alone.
    #[error("keyvalues file {}: {fault}", .path.display())]
    Keyvalues {
        /// The file.
        path: PathBuf,
        /// What is wrong, naming the key.
        fault: String,
    },
    /// A certificate or its key cannot be used.
    #[error("`{}` is {}: {fault}\n  allowed: {}", .setting.name, .path.display(), .setting.allowed)]
    Certificate {
        /// Which of them.
        setting: &'static Setting,
        /// The file.
        path: PathBuf,
        /// What is wrong.
        fault: String,
    },
    /// Two settings contradict each other.
    #[error("{0}")]
    Contradiction(String),
}

/// The file before what is wrong in it.
fn prefix(path: &std::path::Path) -> String {
    if path.as_os_str().is_empty() { String::new() } else { format!("{}: ", path.display()) }
}

/// Where the value was written, the value, and what is wrong with it. Tokens are not repeated, nor addresses of stores,
/// which may hold a password.
fn describe(setting: &Setting, origin: &Origin, text: &str, fault: &Fault) -> String {
    let at = match origin {
        Origin::Flag(flag) => (*flag).to_owned(),
        Origin::Environment(name) => format!("{name} (environment)"),
        Origin::File(path) => format!("`{}` in {}", setting.name, path.display()),
        Origin::Default => format!("the default of `{}`", setting.name),
    };
    let secret = *setting == setting::TOKEN || *setting == setting::STORE;
    match (secret, fault.is_empty()) {
        (true, true) => format!("{at} has a value that is not allowed"),
        (true, false) => format!("{at}: {fault}"),
        (false, true) => format!("{at} is `{text}`, which is not allowed"),
        (false, false) => format!("{at} is `{text}`: {fault}"),
    }
}

/// Suggests the setting that was probably meant: one that differs in one or two characters, or has `_` for `-`.
fn suggestion(name: &str) -> String {
    if name == setting::TOKEN.name {
        return format!(
            "; a token must not be in this file: put it into a file of its own, and name that file as `{}`",
            setting::TOKEN_FILE.name
        );
    }
    let written = name.replace('-', "_").to_lowercase();
    let files = || setting::ALL.iter().filter(|setting| setting.flag.is_some()).map(|setting| setting.name);
    match files().find(|known| close(&written, known)) {
        Some(known) => format!("; did you mean `{known}`?"),
        None => format!(
            "; there are: {}, and the tables [limits] and [engines.NAME]",
            files().collect::<Vec<_>>().join(", ")
        ),
    }
}

/// Whether two words are equal but for one stretch of at most two characters.
fn close(left: &str, right: &str) -> bool {
    let prefix = left.bytes().zip(right.bytes()).take_while(|(a, b)| a == b).count();
    let rest = (&left.as_bytes()[prefix..], &right.as_bytes()[prefix..]);
    let suffix = rest.0.iter().rev().zip(rest.1.iter().rev()).take_while(|(a, b)| a == b).count();
    rest.0.len().max(rest.1.len()) - suffix <= 2
}
