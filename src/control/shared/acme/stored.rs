//! What the store holds of certificates. All times are Unix milliseconds.

use serde::{Deserialize, Serialize};

use super::options::Challenge;

/// Everything about certificates.
pub const ACME_PREFIX: &str = "rolling/router/acme/";
/// The account with the CA.
pub const ACCOUNT_KEY: &str = "rolling/router/acme/account";
/// Who acts for the fleet.
pub const CLAIM_KEY: &str = "rolling/router/acme/claim";

/// The certificates with their keys.
pub const CERTIFICATES_PREFIX: &str = "rolling/router/acme/certificates/";
const ORDERS: &str = "rolling/router/acme/orders/";
const WEEKS: &str = "rolling/router/acme/weeks/";

/// Where the certificate of a host stands.
pub fn certificate_key(host: &str) -> String {
    format!("{CERTIFICATES_PREFIX}{host}")
}

/// Where the order for a host stands.
pub fn order_key(host: &str) -> String {
    format!("{ORDERS}{host}")
}

/// Where the times of the orders for a registered domain stand.
pub fn week_key(domain: &str) -> String {
    format!("{WEEKS}{domain}")
}

/// What a key is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AcmeKey<'a> {
    Account,
    Certificate(&'a str),
    Order(&'a str),
    /// Who acts, and how often a CA was asked: read from the store by whoever acts.
    Other,
}

impl<'a> AcmeKey<'a> {
    /// `None`: it is not about certificates.
    pub fn of(key: &'a str) -> Option<Self> {
        if key == ACCOUNT_KEY {
            return Some(Self::Account);
        }
        if let Some(host) = key.strip_prefix(CERTIFICATES_PREFIX) {
            return Some(Self::Certificate(host));
        }
        if let Some(host) = key.strip_prefix(ORDERS) {
            return Some(Self::Order(host));
        }
        key.starts_with(ACME_PREFIX).then_some(Self::Other)
    }
}

/// The account with a CA.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredAccount {
    /// Of which CA.
    pub directory: String,
    /// Its URL and private key, as the ACME library keeps them.
    pub credentials: serde_json::Value,
}

/// A certificate with its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredCertificate {
    /// PEM: the certificate, then those that lead from it to a root.
    pub chain: String,
    /// PEM: its private key.
    pub key: String,
    /// The CA.
    pub directory: String,
    pub issued_at: u64,
    pub ends_at: u64,
    /// When the next one is ordered.
    pub renew_at: u64,
    /// When the CA is asked again when that should be; none: it does not say.
    pub ask_again_at: Option<u64>,
}

/// An order for a host that was begun, or has failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredOrder {
    /// The node id of the member that carries it out.
    pub by: String,
    pub begun_at: u64,
    /// How many before it failed in a row.
    pub failures: u32,
    /// Where the CA keeps it; none: it was not told yet.
    pub url: Option<String>,
    /// What the CA asks for now.
    pub challenge: Option<StoredChallenge>,
    /// Why it failed; none: it is under way.
    pub fault: Option<Fault>,
}

/// What a CA asks for, and the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredChallenge {
    pub kind: Challenge,
    pub token: String,
    pub key_authorization: String,
}

/// Why an order failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    pub at: u64,
    pub error: String,
    /// When the next one is begun.
    pub retry_at: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_told_apart() {
        assert_eq!(AcmeKey::of(&certificate_key("a.test")), Some(AcmeKey::Certificate("a.test")));
        assert_eq!(AcmeKey::of(&order_key("a.test")), Some(AcmeKey::Order("a.test")));
        assert_eq!(AcmeKey::of(ACCOUNT_KEY), Some(AcmeKey::Account));
        assert_eq!(AcmeKey::of(&week_key("a.test")), Some(AcmeKey::Other));
        assert_eq!(AcmeKey::of("rolling/router/acme"), None);
    }
}
