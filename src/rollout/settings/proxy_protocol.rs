//! The PROXY protocol towards endpoints: what stands before each connection to say whose it is.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ppp::v2::{Builder, Command, Protocol, Version};
use serde::{Deserialize, Serialize};

use crate::rollout::address::Address;

/// How a connection to an endpoint begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UpstreamProxyProtocol {
    /// With the request, or with TLS.
    #[default]
    Off,
    /// With a header of version 1, which is text.
    V1,
    /// With a header of version 2, which is binary.
    V2,
}

impl UpstreamProxyProtocol {
    /// Whether each connection is one client's.
    pub fn is_on(self) -> bool {
        self != Self::Off
    }

    /// The header of a connection from a client to an endpoint; empty if none is sent. `None`: nobody knows the client, or it is the
    /// router itself that asks. Addresses of two families are both written as IPv6 (RFC 4291 section 2.5.5.2). A socket in the file
    /// system has no address: it is written as the unspecified one.
    pub fn header(self, client: Option<SocketAddr>, endpoint: Address) -> Vec<u8> {
        let nowhere = |client: SocketAddr| {
            let ip =
                if client.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
            SocketAddr::new(ip, 0)
        };
        let both =
            client.map(|client| same_family(client, endpoint.tcp().unwrap_or_else(|| nowhere(client))));
        match self {
            Self::Off => Vec::new(),
            Self::V1 => text(both).into_bytes(),
            Self::V2 => binary(both),
        }
    }
}

fn text(both: Option<(SocketAddr, SocketAddr)>) -> String {
    let Some((client, endpoint)) = both else { return "PROXY UNKNOWN\r\n".into() };
    let family = if client.is_ipv4() { "TCP4" } else { "TCP6" };
    let (from, to) = (client.ip(), endpoint.ip());
    format!("PROXY {family} {from} {to} {} {}\r\n", client.port(), endpoint.port())
}

fn binary(both: Option<(SocketAddr, SocketAddr)>) -> Vec<u8> {
    let builder = match both {
        Some(both) => Builder::with_addresses(Version::Two | Command::Proxy, Protocol::Stream, both),
        None => Builder::new(Version::Two | Command::Local, 0),
    };
    builder.build().expect("two addresses are shorter than a header may be")
}

fn same_family(client: SocketAddr, endpoint: SocketAddr) -> (SocketAddr, SocketAddr) {
    if client.is_ipv4() == endpoint.is_ipv4() {
        return (client, endpoint);
    }
    let mapped = |address: SocketAddr| match address.ip() {
        IpAddr::V4(ip) => SocketAddr::new(ip.to_ipv6_mapped().into(), address.port()),
        IpAddr::V6(_) => address,
    };
    (mapped(client), mapped(endpoint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_name_client_and_endpoint() {
        let (client, endpoint) =
            ("192.0.2.7:5000".parse().unwrap(), "10.0.0.1:80".parse::<Address>().unwrap());
        let header = |version: UpstreamProxyProtocol, client| version.header(client, endpoint);
        let (v1, v2) = (UpstreamProxyProtocol::V1, UpstreamProxyProtocol::V2);
        assert_eq!(header(v1, Some(client)), b"PROXY TCP4 192.0.2.7 10.0.0.1 5000 80\r\n");
        let socket = "unix:/run/app.sock".parse().unwrap();
        assert_eq!(v1.header(Some(client), socket), b"PROXY TCP4 192.0.2.7 0.0.0.0 5000 0\r\n");
        assert_eq!(header(v1, None), b"PROXY UNKNOWN\r\n");
        let start = b"\r\n\r\n\0\r\nQUIT\n";
        let named = [&start[..], &[0x21, 0x11, 0, 12, 192, 0, 2, 7, 10, 0, 0, 1, 0x13, 0x88, 0, 80]].concat();
        assert_eq!(header(v2, Some(client)), named);
        assert_eq!(header(v2, None), [&start[..], &[0x20, 0, 0, 0]].concat());
        assert_eq!(header(UpstreamProxyProtocol::Off, Some(client)), b"");
    }

    #[test]
    fn two_families_become_one() {
        let (client, endpoint) = ("192.0.2.7:5000".parse().unwrap(), "[2001:db8::1]:80".parse().unwrap());
        let header = UpstreamProxyProtocol::V1.header(Some(client), endpoint);
        assert_eq!(header, b"PROXY TCP6 ::ffff:192.0.2.7 2001:db8::1 5000 80\r\n");
        assert_eq!(UpstreamProxyProtocol::V2.header(Some(client), endpoint)[13], 0x21);
    }
}
