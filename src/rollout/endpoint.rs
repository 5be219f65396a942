//! Endpoints: canonicalised addresses, which of them are allowed, and names that stand for addresses.
//!
//! Whoever may write keyvalues chooses where this router connects to. So an address that would reach a cloud's metadata
//! service, the router itself or its store is refused, in every spelling. A name may stand for another address at any time,
//! so what it stands for is checked each time that it is found out.

use std::{fmt, net::SocketAddr, str::FromStr};

use super::{
    address::{Address, AddressError},
    endpoint_name::{EndpointName, EndpointNameError},
    excluded::{canonical, covers, forbidden, reached},
    socket_path::{SocketPath, SocketPathError, UNIX, is_plain_path},
    text_form::serde_as_text,
};

/// The longest text that is parsed as an address: a full IPv6 address in brackets and a port have 47 characters.
const ADDRESS_CHARS_MAX: usize = 64;

/// An endpoint as it is registered.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Endpoint {
    /// By its address.
    Address(Address),
    /// By a name that stands for its address, or for several.
    Name(EndpointName),
}

impl Endpoint {
    /// Its address; none of one by name.
    pub fn address(&self) -> Option<Address> {
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

impl<A: Into<Address>> From<A> for Endpoint {
    fn from(address: A) -> Self {
        Self::Address(address.into())
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    /// As it is spelled, whether it is allowed or not.
    fn from_str(text: &str) -> Result<Self, EndpointError> {
        match text.parse() {
            Ok(address) => return Ok(Self::Address(address)),
            Err(AddressError::Socket(error)) => return Err(error.into()),
            Err(AddressError::Malformed) => {}
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
    /// The folders below which sockets in the file system may be. Links are followed when one is connected to.
    pub socket_folders: Vec<SocketPath>,
    /// The sockets in the file system that this router listens on.
    pub own_sockets: Vec<String>,
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
    /// Neither `ip:port` nor `name:port` nor `unix:/path`.
    #[error(
        "an endpoint is `ip:port`, `name:port` or `unix:/path`, such as 10.0.0.9:3000, [fd00::9]:3000, web:3000 or \
         unix:/run/app/web.sock"
    )]
    Malformed,
    /// Not the path of a socket.
    #[error(transparent)]
    Socket(#[from] SocketPathError),
    /// A socket outside of the folders that the policy names.
    #[error(
        "a socket is an endpoint only below a folder of the router's setting `endpoint_sockets`; it names {0}"
    )]
    Folder(String),
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
        if let Some(path) = text.strip_prefix(UNIX).filter(|path| path.starts_with('/')) {
            return self.parse_socket(path).map(Endpoint::from);
        }
        match self.parse(text) {
            Ok(address) => Ok(address.into()),
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

    /// Parses the path of a socket, and refuses one that may not be an endpoint. It is kept only if it may be one.
    fn parse_socket(&self, path: &str) -> Result<Address, EndpointError> {
        if !is_plain_path(path) {
            return Err(SocketPathError::Malformed.into());
        }
        if self.own_sockets.iter().any(|own| own == path) {
            return Err(EndpointError::Own);
        }
        if !self.socket_folders.iter().any(|folder| folder.has_below(path)) {
            let named = self.socket_folders.iter().map(ToString::to_string).collect::<Vec<_>>();
            return Err(EndpointError::Folder(if named.is_empty() {
                "none".into()
            } else {
                named.join(", ")
            }));
        }
        Ok(Address::Socket(path.parse()?))
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

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

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
    fn a_socket_is_an_endpoint_only_below_a_folder_that_is_named() {
        let folders = ["/run/apps", "/srv/one.sock"].map(|folder| folder.parse().unwrap()).to_vec();
        let policy = AddressPolicy {
            socket_folders: folders,
            own_sockets: vec!["/run/apps/front.sock".into()],
            ..AddressPolicy::default()
        };
        for text in ["unix:/run/apps/web.sock", "unix:/run/apps/shop/web.sock"] {
            assert_eq!(policy.parse_endpoint(text).map(|endpoint| endpoint.to_string()), Ok(text.to_owned()));
            assert_eq!(open().parse_endpoint(text), Err(EndpointError::Folder("none".into())));
        }
        for text in
            ["unix:/run/docker.sock", "unix:/run/apps", "unix:/run/apps2/web.sock", "unix:/srv/one.sock"]
        {
            assert_eq!(
                policy.parse_endpoint(text),
                Err(EndpointError::Folder("/run/apps, /srv/one.sock".into())),
                "{text}"
            );
        }
        for text in
            ["unix:/run/apps/../docker.sock", "unix:/run/apps//a", "unix:/run/apps/", "unix:/run/apps/a\nb"]
        {
            let malformed = Err(EndpointError::Socket(SocketPathError::Malformed));
            assert_eq!(policy.parse_endpoint(text), malformed, "{text:?}");
        }
        assert_eq!(policy.parse_endpoint("unix:/run/apps/front.sock"), Err(EndpointError::Own));
        assert!(policy.parse_endpoint("unix:80").is_ok(), "a host may be called so");
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
