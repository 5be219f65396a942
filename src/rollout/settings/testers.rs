//! The override header: by it a request from a trusted network chooses its release.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{error::SettingsError, names::is_token};
use crate::rollout::network::Network;

/// The most networks. With more, one network that holds several serves better.
const NETWORKS_MAX: usize = 64;

/// Headers that the router, HTTP or browsers use already.
const TAKEN: [&str; 30] = [
    "accept",
    "authorization",
    "cache-control",
    "client-cert",
    "client-cert-chain",
    "cloudflare-cdn-cache-control",
    "cookie",
    "date",
    "edge-control",
    "expect",
    "forwarded",
    "host",
    "netlify-cdn-cache-control",
    "origin",
    "range",
    "referer",
    "set-cookie",
    "surrogate-control",
    "te",
    "traceparent",
    "tracestate",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "vercel-cdn-cache-control",
    "via",
    "x-accel-expires",
    "x-real-ip",
    "x-request-id",
];

/// Prefixes of headers that are in use already.
const TAKEN_PREFIXES: [&str; 10] = [
    "accept-",
    "cdn-",
    "connection",
    "content-",
    "http2-",
    "if-",
    "keep-alive",
    "proxy",
    "sec-",
    "x-forwarded-",
];

/// The override header, and from where it counts (docs/design.md section 5).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OverrideSettings {
    /// Its name. Its value is `stable`, `candidate`, or the id or the name of a release. It never goes upstream.
    pub header: Option<String>,
    /// The networks from which it counts: the client must be in one of them. Behind `trusted_networks`, a client is
    /// where the last trusted proxy says, and one that it does not name is in none.
    pub networks: Vec<Network>,
}

impl OverrideSettings {
    /// Whether the header counts if a client at this address sends it.
    pub fn trusts(&self, client: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(client))
    }

    pub(super) fn check(&self) -> Result<(), SettingsError> {
        let refuse =
            |field: &str, message: &str| Err(SettingsError::new(&format!("override.{field}"), message));
        let Some(header) = &self.header else {
            if self.networks.is_empty() {
                return Ok(());
            }
            return refuse(
                "header",
                "null has no effect with `override.networks`: name a header such as X-Rolling-Release",
            );
        };
        if header.len() > 64 || !is_token(header) || header.contains('_') {
            return Err(SettingsError::value("override.header", header.as_str()));
        }
        let lower = header.to_ascii_lowercase();
        if TAKEN.contains(&lower.as_str()) || TAKEN_PREFIXES.iter().any(|prefix| lower.starts_with(prefix)) {
            let message = format!(
                "{header} has another meaning in HTTP: name a header of your own, such as X-Rolling-Release"
            );
            return refuse("header", &message);
        }
        if self.networks.is_empty() || self.networks.len() > NETWORKS_MAX {
            return refuse(
                "networks",
                "the header counts only from networks that are named: give 1 to 64 addresses or networks, such as 10.0.0.0/8",
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_counts_from_its_networks_alone() {
        let networks = ["10.0.0.0/8", "::1"].map(|network| network.parse().unwrap()).to_vec();
        let settings = OverrideSettings { header: Some("X-Release".into()), networks };
        assert!(settings.check().is_ok());
        for (peer, trusted) in [("10.1.2.3", true), ("::1", true), ("11.0.0.1", false), ("::2", false)] {
            assert_eq!(settings.trusts(peer.parse().unwrap()), trusted, "{peer}");
        }
        assert!(!OverrideSettings::default().trusts("10.1.2.3".parse().unwrap()));
    }

    #[test]
    fn a_header_that_means_something_else_is_refused() {
        let refused = |header: &str| {
            let networks = vec!["10.0.0.0/8".parse().unwrap()];
            OverrideSettings { header: Some(header.into()), networks }.check().is_err()
        };
        for header in
            ["Host", "Cookie", "X-Forwarded-For", "Connection", "TE", "Sec-Fetch-Mode", "", "a:b", "a_b"]
        {
            assert!(refused(header), "{header}");
        }
        for header in ["X-Rolling-Release", "Rolling-Release", "X-Tester"] {
            assert!(!refused(header), "{header}");
        }
    }
}
