//! Which values of the store are secrets. Tokens and sessions are none, since their digests are stored; neither are preview
//! grants, which are stored without their tokens.

use keyvalues::sealed::SecretNames;

use crate::{
    control::shared::{
        acme::stored::{ACCOUNT_KEY, CERTIFICATES_PREFIX},
        hooks::hook::HOOKS_PREFIX,
        hooks_in::hook_in::HOOKS_IN_PREFIX,
        pin_keys::PIN_KEYS,
        token_key::TOKEN_KEY,
    },
    rollout::keys::{self, Meaning},
};

/// Where the store says by which key secrets are written: `ID.FINGERPRINT`, or `plain`.
pub const CURRENT_KEY: &str = "rolling/router/secrets";

/// What the store is told.
pub const NAMES: SecretNames = SecretNames { is_secret, current_at: CURRENT_KEY };

fn is_secret(key: &str) -> bool {
    [PIN_KEYS, TOKEN_KEY, ACCOUNT_KEY].contains(&key)
        || [CERTIFICATES_PREFIX, HOOKS_PREFIX, HOOKS_IN_PREFIX].iter().any(|prefix| key.starts_with(prefix))
        || matches!(keys::meaning(key), Some(Meaning::Deployment(..)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_opens_something_is_a_secret_and_nothing_else_is() {
        for key in [
            "rolling/router/pinkeys",
            "rolling/router/tokenkey",
            "rolling/router/acme/account",
            "rolling/router/acme/certificates/a.test",
            "rolling/router/hooks/chat",
            "rolling/router/hooks-in/github",
            "rolling/shop/deployments/d-1",
        ] {
            assert!(is_secret(key), "{key}");
        }
        for key in [
            CURRENT_KEY,
            "rolling/router/epoch",
            "rolling/router/pinformat",
            "rolling/router/tokens/ci",
            "rolling/router/hooks-sent/chat/shop",
            "rolling/router/hooks-in-deliveries/github/1",
            "rolling/router/acme/orders/a.test",
            "rolling/shop/rollout",
            "rolling/shop/settings",
            "apps/shop-1-80/containers/c1",
        ] {
            assert!(!is_secret(key), "{key}");
        }
    }
}
