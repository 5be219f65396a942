//! The names that a connection's certificate is for.
//!
//! A browser sends requests for every host that it has a certificate of on one connection (RFC 9113 section 9.1.1). Where there
//! are several certificates, only those hosts that the shown one covers belong there: another one may have other rules.

use std::net::Ipv4Addr;

use crate::authority::Authority;

/// The names that a certificate is for.
#[derive(Debug, Default)]
pub struct CertificateNames {
    exact: Vec<String>,
    /// What follows the asterisk and its dot.
    wildcard: Vec<String>,
}

impl CertificateNames {
    /// From the names in a certificate.
    pub fn new(names: impl IntoIterator<Item = String>) -> Self {
        let mut new = Self::default();
        for name in names {
            match name.strip_prefix("*.") {
                Some(rest) => new.wildcard.push(rest.to_owned()),
                None => new.exact.push(name),
            }
        }
        new
    }

    /// Whether a request for this host belongs on the connection. One that names no host asks for nobody else's.
    pub fn cover(&self, authority: Authority<'_>) -> bool {
        let host = authority.host();
        let host = host.strip_suffix('.').unwrap_or(host);
        let parent = host.split_once('.').map_or("", |(_, parent)| parent);
        let among = |names: &[String], name: &str| names.iter().any(|other| other.eq_ignore_ascii_case(name));
        authority.is_none()
            || among(&self.exact, host)
            || !parent.is_empty() && among(&self.wildcard, parent)
            || is_address(host)
    }
}

/// An address is nobody's name: who asks for one gets the first certificate (RFC 6066 section 3).
fn is_address(host: &str) -> bool {
    host.starts_with('[') || host.parse::<Ipv4Addr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_stands_for_one_label() {
        let names = CertificateNames::new(["shop.test", "*.other.test"].map(str::to_owned));
        for (host, covered) in [
            ("shop.test", true),
            ("SHOP.test.:8443", true),
            ("a.other.test", true),
            ("other.test", false),
            ("a.b.other.test", false),
            ("www.shop.test", false),
            ("127.0.0.1:443", true),
            ("[::1]:443", true),
            ("127.0.0.1.test", false),
            ("test", false),
        ] {
            assert_eq!(names.cover(Authority::split(host)), covered, "{host}");
        }
        assert!(names.cover(Authority::NONE));
    }
}
