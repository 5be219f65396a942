//! All tokens of a router: those of the token file, and one from the environment.
//!
//! Tokens are kept as digests and compared in constant time, all of them every time: how long an answer takes says
//! nothing about which token was close.

use std::{collections::BTreeSet, io, path::Path, sync::Arc};

use rustix::fs::{Access, access};
use subtle::{ConditionallySelectable as _, ConstantTimeEq as _};

use super::{
    caller::Caller,
    known_token::{Digest, KnownToken, digest_of, short_token},
    scope::Scope,
    token_file::{self, TokenError, TokenFile, is_missing},
};
use crate::{
    control::{
        limits::TOKEN_CHARS_MAX,
        shared::{hex::random_hex, private_folder::make_private, state_dir::replace},
    },
    rollout::command::Role,
};

/// All tokens of a router.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tokens {
    known: Vec<KnownToken>,
    /// What is wrong with them.
    faults: Vec<String>,
}

/// What a token may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rights {
    pub role: Role,
    pub scope: Arc<Scope>,
}

/// What became of a name in the tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenChange {
    pub name: String,
    pub before: Option<Rights>,
    pub after: Option<Rights>,
    /// It has another token than before.
    pub is_other: bool,
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
    /// token (`OCCS_API_TOKEN`); with it and without a file, nothing is made. What is wrong is kept as a fault: without a
    /// usable token nobody comes in, and end users are served all the same.
    pub fn load(file: Option<&Path>, environment: Option<&str>) -> LoadedTokens {
        let mut tokens = Self::default();
        let mut generated = None;
        match file.map(|path| (path, token_file::read(path))) {
            Some((path, Ok(found))) => tokens.take(path, found),
            Some((path, Err(error))) if is_missing(&error) => match generate(path) {
                Ok(token) => generated = Some(token),
                Err(error) => tokens.faults.push(error.to_string()),
            },
            Some((_, Err(error))) => tokens.faults.push(error.to_string()),
            None if environment.is_none() => match random_token() {
                Ok(token) => generated = Some(token),
                Err(error) => tokens.faults.push(format!("no token can be made: {error}")),
            },
            None => {}
        }
        generated.iter().for_each(|token| tokens.add_admin("the token made just now", token));
        tokens.add_environment(environment);
        if let (Some(path), true) = (file, tokens.known.is_empty() && tokens.faults.is_empty()) {
            tokens.faults.push(TokenError::Empty { path: path.display().to_string() }.to_string());
        }
        LoadedTokens { tokens, generated }
    }

    /// Reads a token file that was read before: it must be there, and hold a token unless `environment` is one.
    pub fn read_again(file: &Path, environment: Option<&str>) -> Result<Self, TokenError> {
        let mut tokens = Self::default();
        tokens.take(file, token_file::read(file)?);
        tokens.add_environment(environment);
        if tokens.known.is_empty() {
            return Err(TokenError::Empty { path: file.display().to_string() });
        }
        Ok(tokens)
    }

    /// What a start-up would find, which makes nothing: what is wrong, and what should be mended.
    pub fn examine(file: Option<&Path>, environment: Option<&str>) -> (Vec<String>, Vec<String>) {
        let of_environment =
            environment.and_then(short_token).map(|warning| format!("OCCS_API_TOKEN: {warning}"));
        let mut warnings: Vec<String> = of_environment.into_iter().collect();
        let Some(path) = file else { return (Vec::new(), warnings) };
        let faults = match token_file::read(path) {
            Ok(found) => {
                warnings.extend(found.warnings.iter().map(|warning| at(path, warning)));
                let empty = found.known.is_empty() && found.faults.is_empty() && environment.is_none();
                let empty = empty.then(|| TokenError::Empty { path: path.display().to_string() }.to_string());
                found.faults.iter().map(|fault| at(path, fault)).chain(empty).collect()
            }
            // It would be made.
            Err(error) if is_missing(&error) => unmakable(path).into_iter().collect(),
            Err(error) => vec![error.to_string()],
        };
        (faults, warnings)
    }

    /// What is wrong with them: lines that were left out, or a file that counts for nothing.
    pub fn faults(&self) -> &[String] {
        &self.faults
    }

    /// Takes what a file holds, and logs what is wrong with it.
    fn take(&mut self, path: &Path, found: TokenFile) {
        found.warnings.iter().for_each(|warning| tracing::warn!("{}", at(path, warning)));
        self.faults.extend(found.faults.iter().map(|fault| at(path, fault)));
        self.known.extend(found.known);
    }

    fn add_environment(&mut self, token: Option<&str>) {
        let Some(token) = token else { return };
        if let Some(warning) = short_token(token) {
            tracing::warn!("OCCS_API_TOKEN: {warning}");
        }
        self.add_admin("OCCS_API_TOKEN", token);
    }

    /// An admin's token that stands in no file, under a name of its own: what it does can be told from what others do.
    fn add_admin(&mut self, place: &str, token: &str) {
        let taken = |name: &str| self.known.iter().any(|known| known.caller.name == name);
        let name = ["admin", "environment"].into_iter().find(|name| !taken(name)).unwrap_or("OCCS_API_TOKEN");
        match KnownToken::new(token, name, Role::Admin, Scope::default()) {
            // A line of the file says whose it is.
            Ok(known) if self.holder(&known.digest).is_some() => {}
            Ok(known) => self.known.push(known),
            Err(problem) => self.faults.push(format!("{place}: {problem}")),
        }
    }

    /// Keeps those of before that these say nothing of, since a line that is left out may have been one of theirs.
    pub fn keep_missing(&mut self, before: &Self) {
        let is_missing = |known: &&KnownToken| {
            let same = |now: &KnownToken| now.digest == known.digest || now.caller.name == known.caller.name;
            !self.known.iter().any(same)
        };
        let missing: Vec<KnownToken> = before.known.iter().filter(is_missing).cloned().collect();
        self.known.extend(missing);
    }

    /// What is otherwise after these: names that came, went, or have another role or another token.
    pub fn changes_to(&self, after: &Self) -> Vec<TokenChange> {
        let of = |tokens: &'_ Self, name: &str| {
            let known = tokens.known.iter().find(|known| known.caller.name == name)?;
            let rights = Rights { role: known.caller.role, scope: Arc::clone(&known.caller.scope) };
            Some((rights, known.digest))
        };
        let names: BTreeSet<&str> =
            self.callers().chain(after.callers()).map(|who| who.name.as_str()).collect();
        let change = |name: &str| {
            let (before, after) = (of(self, name), of(after, name));
            if before == after {
                return None;
            }
            let is_other = matches!((&before, &after), (Some((_, one)), Some((_, other))) if one != other);
            let rights = |known: Option<(Rights, Digest)>| known.map(|(rights, _)| rights);
            Some(TokenChange {
                name: name.to_owned(),
                before: rights(before),
                after: rights(after),
                is_other,
            })
        };
        names.into_iter().filter_map(change).collect()
    }

    /// Who holds the token of this digest.
    pub fn holder(&self, digest: &Digest) -> Option<&Caller> {
        self.known.iter().rev().find(|known| known.digest == *digest).map(|known| &known.caller)
    }

    /// These, and those that come from elsewhere. One that is here already stays whose it is.
    pub fn with(&self, others: impl Iterator<Item = KnownToken>) -> Self {
        let mut all = self.clone();
        all.known.extend(others.filter(|other| self.holder(&other.digest).is_none()));
        all
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
        let digest = digest_of(presented);
        let mut found = u32::MAX;
        for (index, known) in (0_u32..).zip(&self.known) {
            found.conditional_assign(&index, known.digest.ct_eq(&digest));
        }
        self.known.get(usize::try_from(found).ok()?).map(|known| (digest, &known.caller))
    }
}

/// A text about a token file, with its name.
fn at(path: &Path, text: &str) -> String {
    format!("the token file {}, {text}", path.display())
}

fn generate(path: &Path) -> Result<String, TokenError> {
    let failed = |source| TokenError::Io { path: path.display().to_string(), source };
    let token = random_token().map_err(failed)?;
    // One that is there may be anybody's; the file is private by itself.
    if let Some(dir) = path.parent().filter(|dir| !dir.is_dir()) {
        make_private(dir).map_err(failed)?;
    }
    replace(path, format!("{token} admin admin\n").as_bytes()).map_err(failed)?;
    Ok(token)
}

/// Why a token file that is missing cannot be made.
fn unmakable(path: &Path) -> Option<String> {
    let nearest = path
        .ancestors()
        .skip(1)
        .map(|folder| if folder.as_os_str().is_empty() { Path::new(".") } else { folder });
    let nearest = nearest.into_iter().find(|folder| folder.exists())?;
    let refused = access(nearest, Access::WRITE_OK | Access::EXEC_OK).err()?;
    Some(TokenError::Io { path: path.display().to_string(), source: refused.into() }.to_string())
}

/// 160 random bits: out of reach for guessing, short enough to copy.
pub fn random_token() -> io::Result<String> {
    random_hex::<20>().map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    #[test]
    fn lines_give_name_and_role() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tokens");
        fs::write(
            &path,
            "# tokens\nfirst-token-1\nsecond-token-2 ci-main ci\n\nthird-token-3 maria operator\n",
        )
        .unwrap();
        let tokens = Tokens::load(Some(&path), Some("from-the-environment")).tokens;
        let who = |token| tokens.find(token).map(|(_, caller)| (caller.name.as_str(), caller.role));
        assert_eq!(who("first-token-1"), Some(("admin", Role::Admin)));
        assert_eq!(who("second-token-2"), Some(("ci-main", Role::Ci)));
        assert_eq!(who("third-token-3"), Some(("maria", Role::Operator)));
        assert_eq!(who("from-the-environment"), Some(("environment", Role::Admin)), "it is another admin");
        for wrong in ["", "first-token", "first-token-11", "# tokens", "ci-main"] {
            assert_eq!(who(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn whatever_is_wrong_with_the_file_there_are_tokens_and_faults() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tokens");
        for (text, callers, fault) in [
            ("", 0, "holds no token"),
            ("good-token-1 a ci\nbad-token-2 b\n", 1, "line 2: it has a name and no role"),
        ] {
            fs::write(&path, text).unwrap();
            let LoadedTokens { tokens, generated } = Tokens::load(Some(&path), None);
            assert_eq!((tokens.callers().count(), generated), (callers, None), "{text}");
            assert!(tokens.faults().iter().any(|told| told.contains(fault)), "{:?}", tokens.faults());
        }
        let folder = Tokens::load(Some(dir.path()), Some("from-the-environment")).tokens;
        assert_eq!((folder.callers().count(), folder.faults().len()), (1, 1));
    }

    #[test]
    fn the_first_start_makes_a_private_file_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("made/tokens");
        let first = Tokens::load(Some(&path), None);
        let token = first.generated.unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        let second = Tokens::load(Some(&path), Some("from-the-environment"));
        assert_eq!(second.generated, None);
        assert_eq!(second.tokens.find(&token).unwrap().1.role, Role::Admin);
        assert_eq!(second.tokens.find("from-the-environment").unwrap().1.role, Role::Admin);
    }
}
