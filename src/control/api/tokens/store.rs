//! Tokens, in the store: one is written or deleted, each in one commit.

use keyvalues::{Revision, Write as StoreWrite};

use crate::control::{
    commands::{
        commit::{Commit, Plan},
        transact::transact,
    },
    shared::{
        access::{
            limits::{TOKEN_ENDED_KEPT, TOKENS_STORED_MAX},
            stored_tokens::{StoredToken, TOKENS_PREFIX, key_of, use_key_of},
        },
        core::Core,
        entries::{as_read, decode, encode, entry, own_key, unchanged},
        error::{ApiError, Kind},
    },
};

/// Ended tokens that go with one commit.
const SWEPT_MAX: usize = 40;

/// Writes a new token, in place of one of its name that has ended at most. Those that ended long ago go with it.
pub(super) async fn put(core: &Core, name: &str, token: &StoredToken) -> Result<Revision, ApiError> {
    let key = &key_of(name);
    transact(&core.store, &what(name), move |round| async move {
        let listing = core.store.list(&[TOKENS_PREFIX]).await?;
        let found = entry(&listing, key);
        let known = found.and_then(|entry| decode::<StoredToken>(&entry.value));
        if let (Some(found), true) = (found, round.in_doubt && known.as_ref() == Some(token)) {
            // The commit whose answer was lost has done it.
            return Ok(Plan::Nothing(found.modified));
        }
        if found.is_some() && !known.is_some_and(|known| known.has_ended(token.at)) {
            return Err(taken(name, "revoke it first, or choose another name"));
        }
        let ended_before = |entry: &&keyvalues::Entry, at: u64| {
            decode::<StoredToken>(&entry.value).is_some_and(|known| known.has_ended(at))
        };
        let live = listing.entries.iter().filter(|entry| !ended_before(entry, token.at)).count();
        if live >= TOKENS_STORED_MAX {
            let message =
                format!("there are {TOKENS_STORED_MAX} tokens already; revoke one that nobody needs");
            return Err(ApiError::new(Kind::Refused("too_many_tokens"), message));
        }
        let long_ago = token.at.saturating_sub(TOKEN_ENDED_KEPT);
        let swept =
            listing.entries.iter().filter(|entry| entry.key.as_str() != key && ended_before(entry, long_ago));
        let swept = swept.take(SWEPT_MAX).flat_map(|entry| deletion(entry.key.as_str()));
        let writes = [StoreWrite::put(own_key(key), encode(token))].into_iter().chain(swept).collect();
        let commit = Commit { checks: vec![as_read(found, key)], writes, proof: None };
        Ok(Plan::write(commit, |revision| revision))
    })
    .await
}

/// Deletes a token; gives the revision that a router is to serve.
pub(super) async fn delete(core: &Core, name: &str) -> Result<Revision, ApiError> {
    let key = &own_key(&key_of(name));
    transact(&core.store, &what(name), move |round| async move {
        let Some(found) = core.store.get(key).await? else {
            // An earlier commit of ours may have done it.
            return if round.number > 0 { Ok(Plan::Nothing(0)) } else { Err(unknown(name)) };
        };
        let writes = deletion(key.as_str()).to_vec();
        let commit = Commit { checks: vec![unchanged(&found)], writes, proof: None };
        Ok(Plan::write(commit, |revision| revision))
    })
    .await
}

/// Deletes a token with what was kept about it.
fn deletion(key: &str) -> [StoreWrite; 2] {
    let name = key.strip_prefix(TOKENS_PREFIX).unwrap_or(key);
    [StoreWrite::delete(own_key(key)), StoreWrite::delete(own_key(&use_key_of(name)))]
}

/// There is no such token.
fn unknown(name: &str) -> ApiError {
    ApiError::new(Kind::NotFound, format!("the store has no token `{}`", name.escape_debug())).field("token")
}

/// There is one of this name.
pub(super) fn taken(name: &str, remedy: &str) -> ApiError {
    ApiError::new(Kind::Refused("token_exists"), format!("there is a token `{name}` already; {remedy}"))
        .field("name")
}

/// What is changed, in the words of an error.
fn what(name: &str) -> String {
    format!("the token `{name}`")
}
