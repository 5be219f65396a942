//! Who a call comes from: the peer, or what the last trusted proxy on its way says of it (docs/design.md section 14).

use std::net::IpAddr;

use axum::http::HeaderMap;

use crate::rollout::{
    forwarded::{Family, client_before},
    network::Network,
};

/// The client's address, by the rule that end users' requests go by.
pub fn client_address(headers: &HeaderMap, peer: IpAddr, trusted: &[Network]) -> IpAddr {
    let trust = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    if !trust(peer) {
        return peer;
    }
    let Some(family) = Family::ALL.into_iter().find(|family| headers.contains_key(family.name())) else {
        return peer;
    };
    let lines: Vec<&[u8]> = headers.get_all(family.name()).iter().map(|value| value.as_bytes()).collect();
    client_before(peer, family, lines.into_iter().rev(), &trust).address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_trusted_proxy_says_who_its_client_is() {
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        let address = |peer: &str, headers: &[(&'static str, &str)]| {
            let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
            client_address(&headers.collect(), peer.parse().unwrap(), &trusted).to_string()
        };
        let said = [("x-forwarded-for", "6.6.6.6, 192.0.2.1")];
        assert_eq!(address("10.0.0.1", &said), "192.0.2.1");
        assert_eq!(address("192.0.2.9", &said), "192.0.2.9");
        assert_eq!(address("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(address("10.0.0.1", &[("x-forwarded-for", "unknown")]), "10.0.0.1");
        assert_eq!(address("10.0.0.1", &[("forwarded", "for=\"[2001:db8::1]:9\"")]), "2001:db8::1");
    }
}
