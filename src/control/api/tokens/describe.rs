//! A token as the API shows it: never the token itself.

use crate::{
    control::shared::{
        access::{
            caller::Caller,
            live_tokens::Pass,
            stored_tokens::{StoredToken, StoredTokens},
        },
        core::Core,
    },
    schema::token::{Token, TokenSource},
};

/// What a token may do.
pub fn describe(caller: &Caller) -> Token {
    let networks = caller.scope.networks();
    Token {
        name: caller.name.clone(),
        role: caller.role.to_string(),
        apps: caller.scope.apps(),
        raw: (!caller.scope.may_use_raw()).then_some(false),
        networks: networks.map(|networks| networks.iter().map(ToString::to_string).collect()),
        ends_at: caller.scope.ends_at(),
        ..Token::default()
    }
}

/// Who was let in.
pub fn describe_pass(pass: &Pass) -> Token {
    Token { source: pass.is_by_proxy().then_some(TokenSource::Proxy), ..describe(pass.caller()) }
}

/// One of the token file or the environment.
pub(super) fn describe_own(core: &Core, caller: &Caller) -> Token {
    Token {
        source: Some(TokenSource::Router),
        used_at: core.tokens.used_at(&caller.token),
        ..describe(caller)
    }
}

/// One of the store. `now`: Unix ms.
pub(super) fn describe_stored(
    core: &Core,
    all: &StoredTokens,
    (name, token): (&str, &StoredToken),
    now: u64,
) -> Token {
    let digest = token.digest().unwrap_or_default();
    let caller =
        Caller { name: name.to_owned(), token: digest, role: token.role, scope: token.scope().into() };
    Token {
        source: Some(TokenSource::Store),
        ended: token.has_ended(now),
        made_at: Some(token.at),
        by: Some(token.by.clone()),
        used_at: core.tokens.used_at(&digest).max(all.used_at(name)),
        ..describe(&caller)
    }
}
