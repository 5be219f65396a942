//! One token: its digest, and whose it is.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::{caller::Caller, scope::Scope};
use crate::{
    control::limits::{TOKEN_CHARS_GOOD, TOKEN_CHARS_MAX, TOKEN_CHARS_MIN},
    rollout::command::Role,
};

/// What is kept of a token.
pub type Digest = [u8; 32];

/// A token: its digest, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownToken {
    pub digest: Digest,
    pub caller: Caller,
}

impl KnownToken {
    /// A token and whose it is. An error says what is allowed.
    pub fn new(token: &str, name: &str, role: Role, scope: Scope) -> Result<Self, String> {
        let printable = token.bytes().all(|byte| byte.is_ascii_graphic());
        if !printable || !(TOKEN_CHARS_MIN..=TOKEN_CHARS_MAX).contains(&token.len()) {
            return Err(format!(
                "a token is {TOKEN_CHARS_MIN} to {TOKEN_CHARS_MAX} printable ASCII characters without blanks"
            ));
        }
        Ok(Self::of_digest(digest_of(token), name, role, scope))
    }

    /// The token with this digest, and whose it is.
    pub fn of_digest(digest: Digest, name: &str, role: Role, scope: Scope) -> Self {
        let caller = Caller { name: name.to_owned(), token: digest, role, scope: Arc::new(scope) };
        Self { digest, caller }
    }
}

/// What is kept of a token, or of anything else that is as hard to guess.
pub fn digest_of(secret: &str) -> Digest {
    Sha256::digest(secret).into()
}

/// Says of a token that it can be guessed. It works, since whoever uses it would else be locked out.
pub fn short_token(token: &str) -> Option<String> {
    (token.len() < TOKEN_CHARS_GOOD).then(|| {
        format!(
            "the token has {} characters and may be guessed; new ones have at least {TOKEN_CHARS_GOOD}",
            token.len()
        )
    })
}
