//! Tokens that stand in the store, so that every router of a fleet knows them: each by its digest, with its rights.
//!
//! They are made by the router, of 160 random bits, so a plain digest gives nothing away. Whoever can write the store can
//! make tokens, as they can write everything else that routers go by.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use keyvalues::{Entry, Listing};
use serde::{Deserialize, Serialize};

use super::{
    known_token::{Digest, KnownToken},
    scope::Scope,
};
use crate::{
    control::shared::{
        entries::{decode, text},
        hex::{from_hex, hex},
    },
    rollout::{app::AppName, command::Role, network::Network},
};

/// The prefix of the keys of stored tokens.
pub const TOKENS_PREFIX: &str = "rolling/router/tokens/";
/// The prefix of the keys that say when each was used last, Unix ms.
pub const USES_PREFIX: &str = "rolling/router/token-uses/";

/// A token as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredToken {
    /// What is kept of it: 64 hexadecimal digits.
    pub digest: String,
    pub role: Role,
    /// The apps that it is for; none: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apps: Option<BTreeSet<AppName>>,
    /// Whether it may use raw keyvalues.
    #[serde(default)]
    pub raw: bool,
    /// Where it may come from; none: from anywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub networks: Option<Vec<Network>>,
    /// When it ends, Unix ms; none: when somebody takes it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<u64>,
    /// Who made it.
    #[serde(default)]
    pub by: String,
    /// When it was made, Unix ms.
    #[serde(default)]
    pub at: u64,
}

/// The tokens of the store, by name.
#[derive(Debug, Clone, Default)]
pub struct StoredTokens {
    tokens: BTreeMap<String, Arc<StoredToken>>,
    uses: BTreeMap<String, u64>,
}

/// The key that a token is stored at.
pub fn key_of(name: &str) -> String {
    format!("{TOKENS_PREFIX}{name}")
}

/// The key that says when it was used last.
pub fn use_key_of(name: &str) -> String {
    format!("{USES_PREFIX}{name}")
}

impl StoredToken {
    /// What is kept of it, as bytes; none: it cannot be read, and nobody comes in by it.
    pub fn digest(&self) -> Option<Digest> {
        from_hex(&self.digest)?.try_into().ok()
    }

    /// A digest as it is stored.
    pub fn encode_digest(digest: &Digest) -> String {
        hex(digest)
    }

    /// What it is limited to beside its role.
    pub fn scope(&self) -> Scope {
        Scope::of(self.apps.clone(), self.raw).within(self.networks.clone(), self.ends_at)
    }

    /// Whether its time is over. `now`: Unix ms.
    pub fn has_ended(&self, now: u64) -> bool {
        self.ends_at.is_some_and(|end| end <= now)
    }
}

impl StoredTokens {
    /// Those of a whole listing.
    pub fn of(listing: &Listing) -> Self {
        let mut all = Self::default();
        for entry in &listing.entries {
            all.take(entry.key.as_str(), Some(entry));
        }
        all
    }

    /// Takes one write or deletion; `false` when the key is not about tokens.
    pub fn take(&mut self, key: &str, entry: Option<&Entry>) -> bool {
        if let Some(name) = key.strip_prefix(TOKENS_PREFIX) {
            let token = entry.map(|entry| decode::<StoredToken>(&entry.value));
            if matches!(token, Some(None)) {
                tracing::warn!(name, "the stored token cannot be read, and nobody comes in by it; revoke it");
            }
            match token.flatten() {
                Some(token) => drop(self.tokens.insert(name.to_owned(), Arc::new(token))),
                None => drop(self.tokens.remove(name)),
            }
        } else if let Some(name) = key.strip_prefix(USES_PREFIX) {
            match entry.and_then(|entry| text(entry).parse().ok()) {
                Some(used) => drop(self.uses.insert(name.to_owned(), used)),
                None => drop(self.uses.remove(name)),
            }
        } else {
            return false;
        }
        true
    }

    /// Whether any of them ends by itself.
    pub fn has_ends(&self) -> bool {
        self.tokens.values().any(|token| token.ends_at.is_some())
    }

    /// Those that count. `now`: Unix ms.
    pub fn live(&self, now: u64) -> impl Iterator<Item = KnownToken> {
        let live = self.tokens.iter().filter(move |(_, token)| !token.has_ended(now));
        live.filter_map(|(name, token)| {
            Some(KnownToken::of_digest(token.digest()?, name, token.role, token.scope()))
        })
    }

    /// All of them by name, ended ones too.
    pub fn all(&self) -> impl Iterator<Item = (&str, &StoredToken)> {
        self.tokens.iter().map(|(name, token)| (name.as_str(), &**token))
    }

    /// The token of this name.
    pub fn get(&self, name: &str) -> Option<&StoredToken> {
        self.tokens.get(name).map(|token| &**token)
    }

    /// When it was used last, as the fleet knows, Unix ms. What is older than the token was about another of its name.
    pub fn used_at(&self, name: &str) -> Option<u64> {
        let made = self.tokens.get(name)?.at;
        self.uses.get(name).copied().filter(|used| *used >= made)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::control::shared::{access::known_token::digest_of, entries::encode};

    fn token(ends_at: Option<u64>) -> StoredToken {
        StoredToken {
            digest: StoredToken::encode_digest(&digest_of("some-token")),
            role: Role::Ci,
            apps: Some(["shop".parse().unwrap()].into()),
            raw: false,
            networks: Some(vec!["10.0.0.0/8".parse().unwrap()]),
            ends_at,
            by: "root".into(),
            at: 7,
        }
    }

    fn entry(key: String, value: Vec<u8>) -> Entry {
        Entry { key: key.parse().unwrap(), value: Bytes::from(value), created: 1, modified: 1, lease: None }
    }

    #[test]
    fn one_counts_until_it_ends_or_is_taken_back() {
        let mut all = StoredTokens::default();
        let key = key_of("ci-shop");
        assert!(all.take(&key, Some(&entry(key.clone(), encode(&token(Some(100)))))));
        let known: Vec<KnownToken> = all.live(99).collect();
        assert_eq!((known[0].digest, known[0].caller.name.as_str()), (digest_of("some-token"), "ci-shop"));
        assert!(known[0].caller.scope.has_address("10.1.2.3".parse().unwrap()));
        assert!(!known[0].caller.scope.has_address("192.0.2.1".parse().unwrap()));
        assert_eq!((all.live(100).count(), all.has_ends(), all.all().count()), (0, true, 1));
        assert!(all.take(&key, None));
        assert_eq!(all.all().count(), 0);
        assert!(!all.take("rolling/router/tokenkey", None), "that is something else");
    }

    #[test]
    fn what_cannot_be_read_lets_nobody_in() {
        let mut all = StoredTokens::default();
        let mut short = token(None);
        short.digest.pop();
        let future = br#"{"digest":"00","role":"emperor"}"#.to_vec();
        for (name, value) in [("a", b"x".to_vec()), ("b", encode(&short)), ("c", future)] {
            assert!(all.take(&key_of(name), Some(&entry(key_of(name), value))), "{name}");
        }
        assert_eq!(all.live(0).count(), 0);
    }

    #[test]
    fn a_use_before_a_token_was_made_is_of_another() {
        let mut all = StoredTokens::default();
        all.take(&key_of("a"), Some(&entry(key_of("a"), encode(&token(None)))));
        for (at, known) in [("6", None), ("8", Some(8)), ("x", None)] {
            all.take(&use_key_of("a"), Some(&entry(use_key_of("a"), at.into())));
            assert_eq!(all.used_at("a"), known);
        }
    }
}
