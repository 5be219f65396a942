//! The token file: one `TOKEN [NAME [ROLE [LIMITS]]]` per line (docs/design.md section 11).
//!
//! Tokens are kept as digests and compared in constant time, all of them every time: how long an answer takes says
//! nothing about which token was close.

use std::{fs, io, path::Path, sync::Arc};

use sha2::{Digest as _, Sha256};
use subtle::{ConditionallySelectable as _, ConstantTimeEq as _};

use super::{caller::Caller, scope::Scope};
use crate::{
    control::{
        limits::{TOKEN_CHARS_GOOD, TOKEN_CHARS_MAX, TOKEN_CHARS_MIN},
        shared::state_dir::{hex, replace},
    },
    rollout::command::Role,
};

/// What a line of the file is.
const LINE: &str = "TOKEN [NAME [viewer|ci|operator|admin [apps=APP,APP;raw=no]]]";

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
    /// A line is not understood.
    #[error("the token file {path}, line {line}: {problem}")]
    Line {
        /// The file.
        path: String,
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        problem: String,
    },
    /// It holds no token, so nobody could come in.
    #[error("the token file {path} holds no token; a line is `{LINE}`")]
    Empty {
        /// The file.
        path: String,
    },
    /// The environment's token is not usable.
    #[error("OCCS_API_TOKEN: {0}")]
    Environment(String),
}

/// All tokens of a router.
#[derive(Debug)]
pub struct Tokens {
    known: Vec<KnownToken>,
}

/// What is kept of a token.
pub type Digest = [u8; 32];

#[derive(Debug)]
struct KnownToken {
    digest: Digest,
    caller: Caller,
}

/// What a start-up found or made.
#[derive(Debug)]
pub struct LoadedTokens {
    /// The tokens.
    pub tokens: Tokens,
    /// A token made just now, to be shown to the operator once.
    pub generated: Option<String>,
}

impl Tokens {
    /// Reads the token file, making it with one admin token when it is missing. `environment` is a further admin
    /// token (`OCCS_API_TOKEN`); with it and without a file, nothing is made.
    pub fn load(file: Option<&Path>, environment: Option<&str>) -> Result<LoadedTokens, TokenError> {
        let mut known = environment_token(environment)?;
        let mut generated = None;
        match file.map(|path| (path, fs::read_to_string(path))) {
            Some((path, Ok(text))) => known.extend(parse(&path.display().to_string(), &text)?),
            Some((path, Err(error))) if error.kind() == io::ErrorKind::NotFound => {
                let token = generate(path)?;
                known.push(KnownToken::of_admin(&token).map_err(TokenError::Environment)?);
                generated = Some(token);
            }
            Some((path, Err(source))) => {
                return Err(TokenError::Io { path: path.display().to_string(), source });
            }
            None if known.is_empty() => {
                let token = random_token().map_err(|source| TokenError::Io { path: "-".into(), source })?;
                known.push(KnownToken::of_admin(&token).map_err(TokenError::Environment)?);
                generated = Some(token);
            }
            None => {}
        }
        Ok(LoadedTokens { tokens: Self { known }, generated })
    }

    /// Reads a token file that was read before: it must be there, and hold a token unless `environment` is one.
    pub fn read_again(file: &Path, environment: Option<&str>) -> Result<Self, TokenError> {
        let path = file.display().to_string();
        let text = fs::read_to_string(file);
        let text = text.map_err(|source| TokenError::Io { path: path.clone(), source })?;
        let mut known = environment_token(environment)?;
        known.extend(parse(&path, &text)?);
        if known.is_empty() {
            return Err(TokenError::Empty { path });
        }
        Ok(Self { known })
    }

    /// How many of these tokens are not among others.
    pub fn missing_in(&self, others: &Self) -> usize {
        let gone = |known: &&KnownToken| others.holder(&known.digest).is_none();
        self.known.iter().filter(gone).count()
    }

    /// Who holds the token of this digest.
    pub fn holder(&self, digest: &Digest) -> Option<&Caller> {
        self.known.iter().rev().find(|known| known.digest == *digest).map(|known| &known.caller)
    }

    /// Who holds a token, in the file's order.
    pub fn callers(&self) -> impl Iterator<Item = &Caller> {
        self.known.iter().map(|known| &known.caller)
    }

    /// Who holds this token, and what is kept of it.
    pub fn find(&self, presented: &str) -> Option<(Digest, &Caller)> {
        if presented.len() > TOKEN_CHARS_MAX {
            return None;
        }
        let digest: Digest = Sha256::digest(presented.as_bytes()).into();
        let mut found = u32::MAX;
        for (index, known) in (0_u32..).zip(&self.known) {
            found.conditional_assign(&index, known.digest.ct_eq(&digest));
        }
        self.known.get(usize::try_from(found).ok()?).map(|known| (digest, &known.caller))
    }
}

impl KnownToken {
    fn of_admin(token: &str) -> Result<Self, String> {
        Self::new(token, "admin", Role::Admin, Scope::default())
    }

    fn new(token: &str, name: &str, role: Role, scope: Scope) -> Result<Self, String> {
        let printable = token.bytes().all(|byte| byte.is_ascii_graphic());
        if !printable || !(TOKEN_CHARS_MIN..=TOKEN_CHARS_MAX).contains(&token.len()) {
            return Err(format!(
                "a token is {TOKEN_CHARS_MIN} to {TOKEN_CHARS_MAX} printable ASCII characters without blanks"
            ));
        }
        let caller = Caller { name: name.to_owned(), role, scope: Arc::new(scope) };
        Ok(Self { digest: Sha256::digest(token).into(), caller })
    }
}

/// Warns of a token that can be guessed. It works, since whoever uses it would else be locked out.
fn warn_when_short(place: &str, token: &str) {
    if token.len() < TOKEN_CHARS_GOOD {
        tracing::warn!(
            "{place}: the token has {} characters and may be guessed; new ones have at least {TOKEN_CHARS_GOOD}",
            token.len()
        );
    }
}

fn environment_token(token: Option<&str>) -> Result<Vec<KnownToken>, TokenError> {
    token.iter().for_each(|token| warn_when_short("OCCS_API_TOKEN", token));
    let known = token.map(|token| KnownToken::of_admin(token).map_err(TokenError::Environment));
    Ok(known.transpose()?.into_iter().collect())
}

fn parse(path: &str, text: &str) -> Result<Vec<KnownToken>, TokenError> {
    let mut known = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        known.push(parse_line(line).map_err(|problem| TokenError::Line {
            path: path.to_owned(),
            line: index + 1,
            problem,
        })?);
        let token = line.split_whitespace().next().unwrap_or_default();
        warn_when_short(&format!("the token file {path}, line {}", index + 1), token);
    }
    Ok(known)
}

fn parse_line(line: &str) -> Result<KnownToken, String> {
    let mut words = line.split_whitespace();
    let token = words.next().unwrap_or_default();
    let name = words.next().unwrap_or("admin");
    let role = match words.next().unwrap_or("admin") {
        "viewer" => Role::Viewer,
        "ci" => Role::Ci,
        "operator" => Role::Operator,
        "admin" => Role::Admin,
        other => return Err(format!("`{other}` is no role; one of viewer, ci, operator, admin")),
    };
    let scope = words.next().map_or_else(|| Ok(Scope::default()), str::parse)?;
    if words.next().is_some() {
        return Err(format!("it has more than four words; a line is `{LINE}`"));
    }
    KnownToken::new(token, name, role, scope)
}

fn generate(path: &Path) -> Result<String, TokenError> {
    let failed = |source| TokenError::Io { path: path.display().to_string(), source };
    let token = random_token().map_err(failed)?;
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir).map_err(failed)?;
    }
    replace(path, format!("{token} admin admin\n").as_bytes()).map_err(failed)?;
    Ok(token)
}

/// 160 random bits: out of reach for guessing, short enough to copy.
fn random_token() -> io::Result<String> {
    let mut bytes = [0; 20];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(hex(&bytes))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn lines_give_name_and_role_with_defaults() {
        let text = "# tokens\nfirst-token-1\nsecond-token-2 ci-main ci\n\nthird-token-3 maria operator\n";
        let tokens = Tokens { known: parse("tokens", text).unwrap() };
        let who = |token| tokens.find(token).map(|(_, caller)| (caller.name.as_str(), caller.role));
        assert_eq!(who("first-token-1"), Some(("admin", Role::Admin)));
        assert_eq!(who("second-token-2"), Some(("ci-main", Role::Ci)));
        assert_eq!(who("third-token-3"), Some(("maria", Role::Operator)));
        for wrong in ["", "first-token", "first-token-11", "# tokens", "ci-main"] {
            assert_eq!(who(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_fourth_word_limits_a_token() {
        let text = "shop-token-1 ci-shop ci apps=shop,blog;raw=no\nall-token-22 maria operator\n";
        let tokens = Tokens { known: parse("tokens", text).unwrap() };
        let app = |name: &str| name.parse().unwrap();
        let (_, limited) = tokens.find("shop-token-1").unwrap();
        assert!(limited.scope.has_app(&app("shop")) && !limited.scope.has_app(&app("other")));
        assert!(!limited.scope.may_use_raw());
        let (_, all) = tokens.find("all-token-22").unwrap();
        assert_eq!(*all.scope, Scope::default());
        for bad in ["apps=", "apps=shop raw=no", "raw", "apps=sh/op"] {
            let line = format!("some-token-1 x ci {bad}");
            assert!(parse("tokens", &line).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_line_that_is_not_understood_is_named_without_its_token() {
        let error = parse("tokens", "good-token\nsecret-token maria boss").unwrap_err().to_string();
        assert!(error.contains("line 2") && error.contains("boss") && !error.contains("secret"), "{error}");
        assert!(parse("tokens", "short").is_err());
    }

    #[test]
    fn the_first_start_makes_a_private_file_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("made/tokens");
        let first = Tokens::load(Some(&path), None).unwrap();
        let token = first.generated.unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let second = Tokens::load(Some(&path), Some("from-the-environment")).unwrap();
        assert_eq!(second.generated, None);
        assert_eq!(second.tokens.find(&token).unwrap().1.role, Role::Admin);
        assert_eq!(second.tokens.find("from-the-environment").unwrap().1.role, Role::Admin);
    }
}
