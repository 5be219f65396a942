//! Endpoints: canonicalised addresses, which of them are allowed, and names that stand for addresses.
//!
//! Whoever may write keyvalues chooses where this router connects to. So an address that would reach a cloud's metadata
//! service, the router itself or its store is refused, in every spelling. A name may stand for another address at any time,
//! so what it stands for is checked each time that it is found out.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    str::FromStr,
};

use super::{
    endpoint_name::{EndpointName, EndpointNameError},
    text_form::serde_as_text,
};

/// The longest text that is parsed as an address: a full IPv6 address in brackets and a port have 47 characters.
const ADDRESS_CHARS_MAX: usize = 64;

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

/// An endpoint as it is registered.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Endpoint {
    /// By its address.
    Address(SocketAddr),
    /// By a name that stands for its address, or for several.
    Name(EndpointName),
}

impl Endpoint {
    /// Its address; none of one by name.
    pub fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Address(address) => Some(*address),
            Self::Name(_) => None,
        }
    }

    /// Its name; none of one by address.
    pub fn name(&self) -> Option<&EndpointName> {
        match self {
            Self::Address(_) => None,
            Self::Name(name) => Some(name),
        }
    }
}

impl From<SocketAddr> for Endpoint {
    fn from(address: SocketAddr) -> Self {
        Self::Address(address)
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    /// As it is spelled, whether it is allowed or not.
    fn from_str(text: &str) -> Result<Self, EndpointError> {
        if let Ok(address) = text.parse() {
            return Ok(Self::Address(address));
        }
        // No part of an IPv6 address is taken for a name.
        if text.contains(['[', ']', '%']) || text.matches(':').count() > 1 && !text.contains('/') {
            return Err(EndpointError::Malformed);
        }
        Ok(Self::Name(text.parse()?))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

serde_as_text!(Endpoint);

/// Which addresses may be endpoints.
#[derive(Debug, Clone, Default)]
pub struct AddressPolicy {
    /// Whether loopback addresses are refused.
    pub loopback_refused: bool,
    /// Where the other routers of the fleet listen, as they report it.
    pub fleet: Vec<SocketAddr>,
    /// Listeners of the store and of routers, which are never endpoints. An unspecified address stands for every loopback
    /// address with its port. The machine's other addresses are listed one by one.
    pub own: Vec<SocketAddr>,
}

/// Why a value is not an endpoint that may be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// Neither `ip:port` nor `name:port`.
    #[error("an endpoint is `ip:port` or `name:port`, such as 10.0.0.9:3000, [fd00::9]:3000 or web:3000")]
    Malformed,
    /// Not `name:port`.
    #[error(transparent)]
    Name(#[from] EndpointNameError),
    /// Unspecified, multicast, broadcast, link-local or a metadata service, or an address that hides where it leads.
    #[error(
        "an endpoint cannot be an unspecified, multicast, link-local or metadata address, nor one that hides where it leads"
    )]
    Forbidden,
    /// Loopback, where the policy refuses it.
    #[error("a loopback address is refused by the router's setting `loopback_endpoints`")]
    Loopback,
    /// A listener of this router or of another one of its fleet, or its store.
    #[error("an endpoint cannot be the router itself, another router of its fleet, or its store")]
    Own,
}

impl AddressPolicy {
    /// Parses an endpoint. An address is canonicalised and has to be allowed; a name has to be spelled like one.
    pub fn parse_endpoint(&self, text: &str) -> Result<Endpoint, EndpointError> {
        match self.parse(text) {
            Ok(address) => Ok(Endpoint::Address(address)),
            Err(EndpointError::Malformed) => match text.parse()? {
                Endpoint::Address(_) => Err(EndpointError::Malformed),
                name => Ok(name),
            },
            Err(refused) => Err(refused),
        }
    }

    /// Parses and canonicalises one address: IPv4-mapped IPv6 becomes IPv4; no names, no scope ids, port not 0.
    pub fn parse(&self, text: &str) -> Result<SocketAddr, EndpointError> {
        if text.len() > ADDRESS_CHARS_MAX || text.contains('%') {
            return Err(EndpointError::Malformed);
        }
        self.check(text.parse().map_err(|_| EndpointError::Malformed)?)
    }

    /// Canonicalises an address, and refuses one that may not be an endpoint.
    pub fn check(&self, address: SocketAddr) -> Result<SocketAddr, EndpointError> {
        let address = canonical(address);
        if address.port() == 0 {
            return Err(EndpointError::Malformed);
        }
        let reached = reached(address.ip());
        if forbidden(address.ip()) || forbidden(reached) {
            return Err(EndpointError::Forbidden);
        }
        if self.loopback_refused && reached.is_loopback() {
            return Err(EndpointError::Loopback);
        }
        let is_own = |own: &SocketAddr| {
            let own = canonical(*own);
            covers(own, reached, address.port()) || covers(own, address.ip(), address.port())
        };
        if self.own.iter().chain(&self.fleet).any(is_own) {
            return Err(EndpointError::Own);
        }
        Ok(address)
    }
}

/// One spelling for each address: IPv4-mapped IPv6 as IPv4, no flow label, no scope id.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// The IPv4 address that a translating IPv6 address leads to (IPv4-compatible, RFC 4291 2.5.5.1; IPv4-translated, RFC
/// 2765; NAT64, RFC 6052; 6to4, RFC 3056; ISATAP, RFC 5214), or the address itself.
fn reached(ip: IpAddr) -> IpAddr {
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

fn forbidden(ip: IpAddr) -> bool {
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
fn covers(own: SocketAddr, ip: IpAddr, port: u16) -> bool {
    own.port() == port && (own.ip() == ip || own.ip().is_unspecified() && ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open() -> AddressPolicy {
        AddressPolicy::default()
    }

    #[test]
    fn canonicalises_what_it_takes() {
        for (text, canonical) in [
            ("10.0.0.9:3000", "10.0.0.9:3000"),
            ("127.0.0.1:9001", "127.0.0.1:9001"),
            ("[::ffff:10.0.0.9]:3000", "10.0.0.9:3000"),
            ("[FD00:0:0::9]:3000", "[fd00::9]:3000"),
            ("[::1]:9001", "[::1]:9001"),
        ] {
            assert_eq!(open().parse(text).map(|address| address.to_string()), Ok(canonical.to_owned()));
        }
    }

    #[test]
    fn takes_nothing_but_a_literal_address_and_a_port() {
        let texts = "|localhost:80|10.0.0.9|10.0.0.9:|10.0.0.9:0|10.0.0.9:65536|10.0.9:80|010.0.0.9:80|10.0.0.9:80/x\
             |http://10.0.0.9:80| 10.0.0.9:80|10.0.0.9:80 |[fe80::1%eth0]:80|[fd00::1%1]:80|fd00::1:80\
             |0x7f.1:80|2130706433:80|10.0.0.9:+80|10.0.0.9:8\u{660}";
        for text in texts.split('|') {
            assert_eq!(open().parse(text), Err(EndpointError::Malformed), "{text:?}");
        }
        assert_eq!(open().parse(&"1".repeat(10_000)), Err(EndpointError::Malformed));
    }

    #[test]
    fn an_endpoint_is_an_address_or_a_name() {
        for (text, written) in [
            ("[::ffff:10.0.0.9]:3000", "10.0.0.9:3000"),
            ("Web:3000", "web:3000"),
            ("localhost:80", "localhost:80"),
        ] {
            assert_eq!(
                open().parse_endpoint(text).map(|endpoint| endpoint.to_string()),
                Ok(written.to_owned())
            );
        }
        for text in
            ["fd00::1:80", "[fe80::1%eth0]:80", "[fd00::1]", "10.0.0.9:0", "web:80:80", "[web]:80", "a%b:80"]
        {
            assert_eq!(open().parse_endpoint(text), Err(EndpointError::Malformed), "{text}");
        }
        for text in
            ["", "10.0.0.9", "10.0.9:80", "http://web:80", "http://[fd00::1]:80/", "web", "10.0.0.9:80/x"]
        {
            assert!(open().parse_endpoint(text).is_err(), "{text}");
        }
        for text in ["169.254.169.254:80", "[::ffff:169.254.169.254]:80", "0.0.0.0:80"] {
            assert_eq!(open().parse_endpoint(text), Err(EndpointError::Forbidden), "{text}");
        }
        let json = serde_json::to_string(&open().parse_endpoint("Web:3000").unwrap()).unwrap();
        assert_eq!(
            (json.as_str(), serde_json::from_str::<Endpoint>(&json).unwrap()),
            ("\"web:3000\"", "web:3000".parse().unwrap())
        );
    }

    #[test]
    fn refuses_what_is_nobodys_endpoint() {
        for text in [
            "0.0.0.0:80",
            "0.1.2.3:80",
            "224.0.0.1:80",
            "255.255.255.255:80",
            "169.254.1.1:80",
            "169.254.169.254:80",
            "100.100.100.200:80",
            "[::]:80",
            "[ff02::1]:80",
            "[fe80::1]:80",
            "[fd00:ec2::254]:80",
            "[fd20:ce::254]:80",
            "[::ffff:169.254.169.254]:80",
            "[::169.254.169.254]:80",
            "[64:ff9b::169.254.169.254]:80",
            "[2002:a9fe:a9fe::1]:80",
            "[::ffff:0.0.0.0]:80",
            "168.63.129.16:80",
            "192.0.0.192:80",
            "[fd00:ec2::23]:80",
            "[fd00:c1::a9fe:a9fe]:80",
            "[fd00:42::42]:80",
            "[fd00:a9fe:a9fe::1]:80",
        ] {
            assert_eq!(open().parse(text), Err(EndpointError::Forbidden), "{text}");
        }
    }

    /// Azure's 168.63.129.16 was known in no spelling, and NAT64 for local use and Teredo hid every other one.
    #[test]
    fn refuses_every_spelling_of_what_is_excluded() {
        for excluded in ["169.254.169.254", "168.63.129.16", "192.0.0.192", "100.100.100.200", "0.0.0.0"] {
            let octets = excluded.parse::<Ipv4Addr>().unwrap().octets();
            let [high, low] = [[octets[0], octets[1]], [octets[2], octets[3]]].map(u16::from_be_bytes);
            for text in [
                format!("{excluded}:80"),
                format!("[::ffff:{excluded}]:80"),
                format!("[0:0:0:0:0:FFFF:{high:X}:{low:X}]:80"),
                format!("[::{excluded}]:80"),
                format!("[::ffff:0:{excluded}]:80"),
                format!("[64:ff9b::{excluded}]:80"),
                format!("[64:ff9b:1::{excluded}]:80"),
                format!("[64:ff9b:1:{high:x}:{:x}:{:x}::]:80", low >> 8, low << 8),
                format!("[2002:{high:x}:{low:x}::1]:80"),
                format!("[2001:0:4136:e378:0:0:{:x}:{:x}]:80", !high, !low),
                format!("[2001:0:{high:x}:{low:x}::1]:80"),
                format!("[fd00::5efe:{high:x}:{low:x}]:80"),
                format!("[fd00::200:5efe:{high:x}:{low:x}]:80"),
            ] {
                assert_eq!(open().parse(&text), Err(EndpointError::Forbidden), "{text}");
            }
        }
        for text in
            ["[64:ff9b::10.0.0.9]:80", "[2002:a00:9::1]:80", "[2001:db8::1]:80", "[fd00::5efe:a00:9]:80"]
        {
            assert!(open().parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn loopback_is_allowed_unless_switched_off() {
        let closed = AddressPolicy { loopback_refused: true, ..AddressPolicy::default() };
        for text in ["127.0.0.1:80", "127.8.8.8:80", "[::1]:80", "[::ffff:127.0.0.1]:80", "[::127.0.0.1]:80"]
        {
            assert_eq!(closed.parse(text), Err(EndpointError::Loopback), "{text}");
            assert!(open().parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn never_itself_nor_its_store() {
        let own =
            ["0.0.0.0:80", "[::]:443", "[::ffff:10.0.0.1]:8080", "127.0.0.1:2379", "[2002:a00:2::1]:8080"];
        let own =
            AddressPolicy { own: own.map(|own| own.parse().unwrap()).to_vec(), ..AddressPolicy::default() };
        for text in [
            "127.0.0.1:80",
            "127.9.9.9:80",
            "[::1]:80",
            "127.0.0.1:443",
            "[::1]:443",
            "10.0.0.1:8080",
            "127.0.0.1:2379",
            "[::ffff:127.0.0.1]:2379",
            "[64:ff9b::10.0.0.1]:8080",
            "[2002:a00:2::1]:8080",
        ] {
            assert_eq!(own.parse(text), Err(EndpointError::Own), "{text}");
        }
        for text in ["127.0.0.1:81", "10.0.0.1:80", "10.0.0.2:8080", "127.0.0.2:2379"] {
            assert!(own.parse(text).is_ok(), "{text}");
        }
    }
}
