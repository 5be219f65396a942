//! The token file as it stands on disk: who may change it, and what its lines say (docs/design.md section 11).
//!
//! A bad line leaves out that line, a file that others can write leaves out the file. Neither ends the router: it says what
//! is wrong, and serves.

use std::{io, path::Path};

use super::{
    known_token::{KnownToken, short_token},
    scope::Scope,
};
use crate::{
    control::shared::private_file::{self, PrivateFileError},
    printable::is_hidden,
    rollout::command::Role,
};

/// What a line of the file is.
pub const LINE: &str = "TOKEN [NAME viewer|ci|operator|admin|router [apps=APP,APP;raw=no]]";
/// The longest name.
const NAME_CHARS_MAX: usize = 63;

/// Why the tokens cannot be had. No message repeats a token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The file cannot be read or made.
    #[error("the token file {path}: {source}")]
    Io {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// Others can change it, so that it says nothing about who may come in.
    #[error("the token file {path} is not used: {problem}")]
    Unsafe {
        /// The file.
        path: String,
        /// Who can change it.
        problem: String,
    },
    /// It holds no token, so nobody could come in.
    #[error("the token file {path} holds no token; a line is `{LINE}`")]
    Empty {
        /// The file.
        path: String,
    },
}

/// What a token file holds.
#[derive(Debug, Default)]
pub struct TokenFile {
    /// The lines that count, in the file's order.
    pub known: Vec<KnownToken>,
    /// What is wrong with the other lines. No text repeats a token.
    pub faults: Vec<String>,
    /// What should be mended, though everything counts.
    pub warnings: Vec<String>,
}

/// Reads a token file. An error says that none of it counts.
pub fn read(path: &Path) -> Result<TokenFile, TokenError> {
    let file = private_file::read(path, u64::MAX).map_err(|error| match error {
        PrivateFileError::Io(source) => TokenError::Io { path: path.display().to_string(), source },
        other => TokenError::Unsafe { path: path.display().to_string(), problem: other.to_string() },
    })?;
    let mut found = parse(&file.text);
    found.warnings.splice(0..0, file.warning);
    Ok(found)
}

fn parse(text: &str) -> TokenFile {
    let mut file = TokenFile::default();
    for (index, line) in text.lines().enumerate() {
        let (number, line) = (index + 1, line.trim());
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match parse_line(line).and_then(|token| refuse_second(token, &file.known)) {
            Ok(token) => {
                file.warnings.extend(
                    line.split_whitespace()
                        .next()
                        .and_then(short_token)
                        .map(|problem| format!("line {number}: {problem}")),
                );
                file.known.push(token);
            }
            Err(problem) => file.faults.push(format!("line {number}: {problem}; the line is left out")),
        }
    }
    file
}

fn parse_line(line: &str) -> Result<KnownToken, String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words[..] {
        // As the router makes it, and as old installations have it.
        [token] => KnownToken::new(token, "admin", Role::Admin, Scope::default()),
        [token, name, role] => KnownToken::new(token, check_name(name)?, parse_role(role)?, Scope::default()),
        [token, name, role, scope] => {
            KnownToken::new(token, check_name(name)?, parse_role(role)?, scope.parse()?)
        }
        [_, _] => Err(format!("it has a name and no role; a line is `{LINE}`")),
        _ => Err(format!("it has {} words; a line is `{LINE}`", words.len())),
    }
}

fn parse_role(word: &str) -> Result<Role, String> {
    Role::of(word).ok_or_else(|| format!("`{}` is no role; one of {}", shortened(word), Role::ALLOWED))
}

/// A word of a line as a message may repeat it: whoever swapped the words has the token there.
fn shortened(word: &str) -> String {
    if word.chars().count() > 12 { "...".to_owned() } else { word.escape_debug().to_string() }
}

/// Names stand in histories, logs and terminals.
fn check_name(name: &str) -> Result<&str, String> {
    if name.chars().count() > NAME_CHARS_MAX || name.contains(is_hidden) {
        return Err(format!(
            "the name is longer than {NAME_CHARS_MAX} characters or has some that cannot be shown"
        ));
    }
    Ok(name)
}

/// Two tokens of one name, or two names of one token, would make two people one in every trace.
fn refuse_second(token: KnownToken, known: &[KnownToken]) -> Result<KnownToken, String> {
    let name = &token.caller.name;
    if known.iter().any(|other| other.digest == token.digest) {
        return Err("an earlier line has the same token".to_owned());
    }
    if known.iter().any(|other| other.caller.name == *name) {
        return Err(format!(
            "an earlier line has the name `{name}` already; each token needs a name of its own"
        ));
    }
    Ok(token)
}

/// Whether a failure to read says that there is no such file.
pub fn is_missing(error: &TokenError) -> bool {
    matches!(error, TokenError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    fn names(file: &TokenFile) -> Vec<&str> {
        file.known.iter().map(|token| token.caller.name.as_str()).collect()
    }

    #[test]
    fn a_bad_line_leaves_out_itself_and_is_named_without_its_token() {
        let text = "# ours\nbare-token-secret\n\nsecret-2-token ci-main ci\nsecret-3-token maria boss\n\
                    secret-4-token joe\nsecret-5-token ann admin raw=no x\nshort x ci\n\
                    secret-6-token ci-main operator\nsecret-2-token other viewer\nsecret-7-token a\u{202e}b ci\n\
                    secret-8-token admin viewer\n";
        let file = parse(text);
        assert_eq!(names(&file), ["admin", "ci-main"]);
        let lines: Vec<&str> = file.faults.iter().filter_map(|fault| fault.split(':').next()).collect();
        assert_eq!(lines, (5..=12).map(|line| format!("line {line}")).collect::<Vec<_>>());
        let told = file.faults.join("\n");
        for said in
            ["`boss` is no role", "a name and no role", "5 words", "name `ci-main` already", "the same token"]
        {
            assert!(told.contains(said), "{said}: {told}");
        }
        assert!(!told.contains("secret") && !told.contains('\u{202e}'), "{told}");
    }

    #[test]
    fn a_fourth_word_limits_a_token() {
        let file = parse("shop-token-1 ci-shop ci apps=shop,blog;raw=no\nall-token-22 maria operator\n");
        let app = |name: &str| name.parse().unwrap();
        let limited = &file.known[0].caller.scope;
        assert!(limited.has_app(&app("shop")) && !limited.has_app(&app("other")));
        assert!(!limited.may_use_raw());
        assert_eq!(*file.known[1].caller.scope, Scope::default());
        for bad in ["apps=", "apps=shop raw=no", "raw", "apps=sh/op"] {
            let file = parse(&format!("some-token-1 x ci {bad}"));
            assert_eq!((file.known.len(), file.faults.len()), (0, 1), "{bad}");
        }
    }

    #[test]
    fn words_in_the_wrong_order_show_no_token() {
        let file = parse("maria admin f3b0c8a1d94e57f26a1b\n");
        assert!(
            file.known.is_empty() && !file.faults[0].contains("f3b0c8a1d94e57f26a1b"),
            "{:?}",
            file.faults
        );
    }

    #[test]
    fn a_file_that_others_can_change_counts_for_nothing_and_one_that_they_can_read_is_warned_of() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tokens");
        fs::write(&path, "some-long-token-0123456789 maria admin\n").unwrap();
        let with_mode = |mode: u32| {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            read(&path).map(|file| file.warnings)
        };
        assert_eq!(with_mode(0o600).unwrap(), Vec::<String>::new());
        assert!(with_mode(0o644).unwrap()[0].contains("others can read the file, whose mode is 644"));
        for mode in [0o620, 0o602, 0o666] {
            let error = with_mode(mode).unwrap_err().to_string();
            assert!(error.contains("others can write it") && error.contains(&format!("{mode:o}")), "{error}");
        }
        with_mode(0o600).unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("others can replace it"));
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o1777)).unwrap();
        assert!(read(&path).is_ok());
    }
}
