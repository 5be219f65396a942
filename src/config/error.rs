//! What is wrong with a configuration, said so that it can be mended: where, what, what is allowed.

use std::{io, path::PathBuf};

use super::{
    raw::Source,
    setting::{self, Setting},
};

/// Why a configuration is refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A value is not allowed.
    #[error("{}: {fault}\n  allowed: {}", pointed_at(.setting, .place, .text), .setting.allowed)]
    Value {
        /// Which setting.
        setting: &'static Setting,
        /// Where it was given.
        place: Source,
        /// What was given.
        text: String,
        /// What is wrong with it.
        fault: String,
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
    #[error("{}, [limits]: {fault}", .path.display())]
    Limit {
        /// The file.
        path: PathBuf,
        /// What is wrong, naming the limit.
        fault: String,
    },
    /// Of two variables that belong together one is missing.
    #[error(
        "{set} is set in the environment, but {missing} is not; the store is http://KV_IP:KV_PORT, so both are needed"
    )]
    Half {
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
    /// A file is no TOML.
    #[error("{} is no TOML", .path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where and why.
        #[source]
        cause: Box<toml::de::Error>,
    },
    /// A keyvalues file holds something else than keys and strings.
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

/// Where the value stands and what it is, as a person would point at it. Tokens and store addresses (which may
/// hold a password) are not repeated.
fn pointed_at(setting: &Setting, place: &Source, text: &str) -> String {
    let at = match place {
        Source::Flag(flag) => (*flag).to_owned(),
        Source::Environment(name) => format!("{name} (environment)"),
        Source::File(path) => format!("`{}` in {}", setting.name, path.display()),
        Source::Default => format!("the default of `{}`", setting.name),
    };
    let secret = *setting == setting::TOKEN || *setting == setting::STORE;
    if secret { at } else { format!("{at} is `{text}`") }
}

/// A hint at the setting that was probably meant: one that differs in a character or two, or by `-` for `_`.
fn suggestion(name: &str) -> String {
    if name == setting::TOKEN.name {
        return format!(
            "; a token does not belong in this file: put it into a file of its own and name that as `{}`",
            setting::TOKEN_FILE.name
        );
    }
    let given = name.replace('-', "_").to_lowercase();
    let files = || setting::ALL.iter().filter(|setting| setting.flag.is_some()).map(|setting| setting.name);
    match files().find(|known| close(&given, known)) {
        Some(known) => format!("; is it `{known}`?"),
        None => format!("; there are: {}, and the table [limits]", files().collect::<Vec<_>>().join(", ")),
    }
}

/// Whether two words are equal but for one stretch of at most two characters.
fn close(left: &str, right: &str) -> bool {
    let prefix = left.bytes().zip(right.bytes()).take_while(|(a, b)| a == b).count();
    let rest = (&left.as_bytes()[prefix..], &right.as_bytes()[prefix..]);
    let suffix = rest.0.iter().rev().zip(rest.1.iter().rev()).take_while(|(a, b)| a == b).count();
    rest.0.len().max(rest.1.len()) - suffix <= 2
}
