//! Addresses that are nobody's endpoint, in every spelling, and which of them lead to the same place.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Metadata services outside of the link-local range: of Alibaba, Azure and Oracle.
const METADATA_V4: [Ipv4Addr; 3] =
    [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(168, 63, 129, 16), Ipv4Addr::new(192, 0, 0, 192)];

/// Metadata services in IPv6's unique local range: of Google, Oracle, Scaleway and Akamai. Amazon keeps a network for its.
const METADATA_V6: [Ipv6Addr; 4] = [
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd00, 0xc1, 0, 0, 0, 0, 0xa9fe, 0xa9fe),
    Ipv6Addr::new(0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42),
    Ipv6Addr::new(0xfd00, 0xa9fe, 0xa9fe, 0, 0, 0, 0, 1),
];

/// One spelling for each address: IPv4-mapped IPv6 as IPv4, no flow label, no scope id.
pub(super) fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// The IPv4 address that a translating IPv6 address leads to (IPv4-compatible, RFC 4291 2.5.5.1; IPv4-translated, RFC
/// 2765; NAT64, RFC 6052; 6to4, RFC 3056; ISATAP, RFC 5214), or the address itself.
pub(super) fn reached(ip: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = ip else { return ip };
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        IpAddr::V4(Ipv4Addr::new(a, b, c, d))
    };
    match v6.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => ip,
        [0, 0, 0, 0, 0 | 0xffff, 0, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => v4(high, low),
        [0x2002, high, low, ..] => v4(high, low),
        [.., 0 | 0x200, 0x5efe, high, low] => v4(high, low),
        _ => ip,
    }
}

/// Whether it is an unspecified, multicast, broadcast, link-local or metadata address, or hides where it leads.
pub(super) fn forbidden(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => {
            let this_network = v4.octets()[0] == 0;
            this_network
                || v4.is_multicast()
                || v4.is_broadcast()
                || v4.is_link_local()
                || METADATA_V4.contains(&v4)
        }
        IpAddr::V6(v6) => {
            v6.is_unspecified()
                || v6.is_multicast()
                || v6.is_unicast_link_local()
                || METADATA_V6.contains(&v6)
                || matches!(v6.segments(), [0xfd00, 0xec2, ..])
                || hides_where_it_leads(v6)
        }
    }
}

/// Addresses that lead to some IPv4 address that cannot be told from them. In NAT64 for local use (RFC 8215) the network
/// chooses where that address stands. Teredo (RFC 4380) leads to a server and through a NAT, both of the writer's choice.
fn hides_where_it_leads(v6: Ipv6Addr) -> bool {
    matches!(v6.segments(), [0x64, 0xff9b, 1, ..] | [0x2001, 0, ..])
}

/// Whether a listener answers at `ip:port`. A wildcard answers on loopback of both families, since an IPv6 one
/// usually takes IPv4 as well.
pub(super) fn covers(own: SocketAddr, ip: IpAddr, port: u16) -> bool {
    own.port() == port && (own.ip() == ip || own.ip().is_unspecified() && ip.is_loopback())
}
