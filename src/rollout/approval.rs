//! Approvals: operators who say that a release may become stable, or that the setting `approvals` may be lowered.
//!
//! They stand in the rollout record, and count for what was approved: the release in the tenure that it had, with the
//! endpoints that it had. A token counts once, whatever it is called. It is known by a mark that only routers of the fleet
//! can make, so that nobody who reads the record learns anything of the token.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{endpoint::Endpoint, release::ReleaseId};

/// One operator's approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[cfg_attr(test, schema(as = RecordedApproval))]
pub struct Approval {
    /// The name of the token.
    pub by: String,
    /// The mark of the token.
    pub token: String,
    /// When, Unix ms.
    pub at: u64,
}

/// The approvals of a release in one tenure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[cfg_attr(test, schema(as = RecordedApprovals))]
pub struct ReleaseApprovals {
    /// The release.
    pub release: ReleaseId,
    /// Its tenure; 0: it was on no track.
    pub tenure: u32,
    /// Its endpoints then. With another one besides, these approvals have ended.
    #[cfg_attr(test, schema(value_type = Vec<String>))]
    pub endpoints: BTreeSet<Endpoint>,
    /// Who approved it, oldest first.
    pub given: Vec<Approval>,
}

/// The approvals of a lower value of the setting `approvals`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[cfg_attr(test, schema(as = RecordedLowering))]
pub struct LoweringApprovals {
    /// The value.
    pub to: u8,
    /// Who approved it, oldest first.
    pub given: Vec<Approval>,
}

/// Somebody with a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder<'a> {
    /// The name of the token.
    pub name: &'a str,
    /// Its mark; empty where it was not noted.
    pub token: &'a str,
}

/// What the name of a person begins with who signs in by a proxy. No token's name has a colon.
pub const BY_PROXY: &str = "sso:";

impl Holder<'_> {
    /// Whether both hold the same token. Where a mark was not noted, the names tell. A person who signs in by a proxy and has a
    /// token of the same name is one, and approves once.
    pub fn is(&self, other: &Holder<'_>) -> bool {
        let are_one = |by_proxy: &str, by_token| by_proxy.strip_prefix(BY_PROXY) == Some(by_token);
        if are_one(self.name, other.name) || are_one(other.name, self.name) {
            return true;
        }
        match self.token.is_empty() || other.token.is_empty() {
            true => self.name == other.name,
            false => self.token == other.token,
        }
    }
}

impl Approval {
    /// Who gave it.
    pub fn holder(&self) -> Holder<'_> {
        Holder { name: &self.by, token: &self.token }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_one_by_token_and_by_proxy() {
        let is = |(name, token), (other, other_token)| {
            let (one, two) = (Holder { name, token }, Holder { name: other, token: other_token });
            assert_eq!(one.is(&two), two.is(&one), "{name} {other}");
            one.is(&two)
        };
        assert!(is(("ann", "a"), ("sso:ann", "b")));
        assert!(is(("ann", "a"), ("sso:ann", "")));
        assert!(is(("ann", "a"), ("bea", "a")), "one token is one, whatever it is called");
        assert!(!is(("ann", "a"), ("ann", "b")), "two tokens of a fleet may have one name");
        assert!(!is(("ann", "a"), ("sso:bea", "b")));
        assert!(!is(("sso:ann", "a"), ("sso:bea", "b")));
        assert!(!is(("sso:", "a"), ("ann", "b")));
    }
}
