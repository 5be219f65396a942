//! The store's address, as far as the configuration has to know it. The backend parses the rest.

use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    str::FromStr,
};

use percent_encoding::percent_decode_str;

use super::fault::{Fault, NOT_ALLOWED};

/// Schemes of stores that are reached over the network.
const REMOTE_SCHEMES: &[&str] =
    &["redis", "rediss", "redis+sentinel", "rediss+sentinel", "etcd", "etcds", "http", "https"];

/// Options of addresses whose values are files.
const FILE_OPTIONS: [&str; 4] = ["ca", "cert", "key", "token_file"];

/// A store's address.
#[derive(Clone, PartialEq, Eq)]
pub enum StoreAddress {
    /// In this process, and gone with it.
    Memory,
    /// In one file.
    Embedded(PathBuf),
    /// A server; the whole URL, which may hold a password.
    Remote(String),
}

impl StoreAddress {
    /// The address in full, password included, for whoever opens the store.
    pub fn url(&self) -> String {
        match self {
            Self::Memory => "memory".into(),
            Self::Embedded(file) => format!("embedded:{}", file.display()),
            Self::Remote(url) => url.clone(),
        }
    }

    /// The addresses of the servers, where the URL has IP addresses. An unspecified address stands for `localhost`. Other names
    /// are left out: what they resolve to may change at any time.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        let Self::Remote(url) = self else { return Vec::new() };
        let (scheme, rest) = url.split_once("://").unwrap_or_default();
        let port = match scheme {
            "redis" | "rediss" => 6_379,
            "redis+sentinel" | "rediss+sentinel" => 26_379,
            "etcd" | "etcds" => 2_379,
            "https" => 443,
            _ => 80,
        };
        let hosts = after_login(rest).split(['/', '?']).next().unwrap_or_default();
        hosts.split(',').filter_map(|host| literal(host, port)).collect()
    }

    /// The files that the options of the address name: certificates, keys, a token.
    pub fn files(&self) -> Vec<PathBuf> {
        let Self::Remote(url) = self else { return Vec::new() };
        let options = after_login(url).split_once('?').map_or("", |(_, options)| options).split('&');
        let named = options.filter_map(|option| option.split_once('='));
        let named = named.filter(|(name, _)| FILE_OPTIONS.contains(name));
        named.map(|(_, path)| percent_decode_str(path).decode_utf8_lossy().into_owned().into()).collect()
    }

    /// Whether the address holds a user or a password.
    pub(super) fn has_login(&self) -> bool {
        matches!(self, Self::Remote(url) if url.contains('@'))
    }

    /// The folder of an embedded store's file.
    pub fn folder(&self) -> Option<&Path> {
        let Self::Embedded(file) = self else { return None };
        Some(file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")))
    }
}

/// What follows user and password. Wherever the last `@` stands, nothing before it is shown: a password may hold an
/// unescaped `/` or `?`.
fn after_login(rest: &str) -> &str {
    rest.rsplit_once('@').map_or(rest, |(_, hosts)| hosts)
}

/// The address of a host that is an IP address or `localhost`.
fn literal(host: &str, port: u16) -> Option<SocketAddr> {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, digits)) if !digits.ends_with(']') => (name, digits.parse().ok()?),
        _ => (host, port),
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    let ip = if name.eq_ignore_ascii_case("localhost") {
        Some(Ipv4Addr::UNSPECIFIED.into())
    } else {
        name.parse().ok()
    };
    ip.map(|ip| SocketAddr::new(ip, port))
}

impl FromStr for StoreAddress {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let (scheme, rest) = text.split_once(':').unwrap_or((text, ""));
        let server = rest.strip_prefix("//").filter(|server| !server.is_empty());
        match (scheme, server) {
            ("memory", _) if rest.is_empty() => Ok(Self::Memory),
            ("embedded", _) if !rest.is_empty() => Ok(Self::Embedded(rest.into())),
            ("embedded", _) => Err("`embedded:` must be followed by the name of a file".into()),
            (remote, Some(_)) if REMOTE_SCHEMES.contains(&remote) => Ok(Self::Remote(text.into())),
            (remote, None) if REMOTE_SCHEMES.contains(&remote) => {
                Err(format!("`{remote}:` must be followed by `//` and a host").into())
            }
            _ => Err(NOT_ALLOWED),
        }
    }
}

impl fmt::Display for StoreAddress {
    /// The address without user and password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.url();
        let Some((scheme, rest)) = url.split_once("://") else { return f.write_str(&url) };
        write!(f, "{scheme}://{}", after_login(rest).split('?').next().unwrap_or_default())
    }
}

impl fmt::Debug for StoreAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_kind() {
        for text in
            ["memory", "embedded:/var/lib/x.redb", "redis://h:6379/0", "etcds://a", "http://10.0.0.1:9109"]
        {
            assert_eq!(text.parse::<StoreAddress>().unwrap().url(), text);
        }
        assert_eq!("embedded:x.redb".parse::<StoreAddress>().unwrap().folder(), Some(Path::new(".")));
    }

    #[test]
    fn says_where_its_servers_are() {
        for (text, addresses) in [
            ("memory", &[][..]),
            ("redis://user:pw@10.0.0.2/0", &["10.0.0.2:6379"]),
            ("etcds://10.0.0.2:4001,[fd00::2],store.example", &["10.0.0.2:4001", "[fd00::2]:2379"]),
            ("http://:token@[::1]:8080", &["[::1]:8080"]),
            ("redis+sentinel://:pw@10.0.0.2,10.0.0.3:1/name", &["10.0.0.2:26379", "10.0.0.3:1"]),
            ("https://localhost", &["0.0.0.0:443"]),
        ] {
            let found = text.parse::<StoreAddress>().unwrap().addresses();
            assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), addresses, "{text}");
        }
    }

    #[test]
    fn says_which_files_it_needs() {
        for (text, files) in [
            ("memory", &[][..]),
            ("redis://:a?ca=x@h", &[]),
            ("rediss://h/0?ca=/a%20b.pem&replicas=1&key=k", &["/a b.pem", "k"]),
            ("http://h?token_file=t", &["t"]),
        ] {
            let found = text.parse::<StoreAddress>().unwrap().files();
            assert_eq!(
                found.iter().map(|path| path.display().to_string()).collect::<Vec<_>>(),
                files,
                "{text}"
            );
        }
    }

    #[test]
    fn refuses_what_is_no_store() {
        for text in ["", "memory:x", "embedded:", "redis:", "redis://", "mongo://h", "/var/x.redb"] {
            assert!(text.parse::<StoreAddress>().is_err(), "{text}");
        }
    }

    #[test]
    fn shows_no_password() {
        for text in ["redis://user:p@ss/word@h:6379/0?token=x", "redis://:a?ss/word@h:6379/0"] {
            let store: StoreAddress = text.parse().unwrap();
            assert_eq!(store.to_string(), "redis://h:6379/0", "{text}");
        }
        let store: StoreAddress = "redis://user:p@ss@h:6379/0?token=x".parse().unwrap();
        assert_eq!(format!("{store} {store:?}"), "redis://h:6379/0 redis://h:6379/0");
    }
}
