//! One hook: where it leads, what it is told of, and what it is called.

use std::{
    collections::BTreeSet,
    fmt,
    net::{IpAddr, SocketAddr},
    str::FromStr,
    sync::Arc,
};

use reqwest::Url;
use serde::{Deserialize, Serialize, Serializer};

use super::{event::EventKind, secret::Secret};
use crate::{
    control::limits::HOOK_URL_BYTES_MAX,
    rollout::{
        app::AppName,
        endpoint::{AddressPolicy, EndpointError},
    },
};

/// Where hooks are stored.
pub const HOOKS: &str = "rolling/router/hooks/";

/// A hook's name: what an app's name may be. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HookName(Arc<str>);

/// What is allowed as a hook's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a hook's name is a letter or digit, then at most 62 of letters, digits, `.`, `_` and `-`; `null` and `router` are taken"
)]
pub struct HookNameError;

/// A hook as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hook {
    pub url: Address,
    /// The apps it is told of; none: all.
    #[serde(default)]
    pub apps: Option<BTreeSet<AppName>>,
    /// The events it is told of; none: all.
    #[serde(default)]
    pub events: Option<BTreeSet<EventKind>>,
    pub secret: Secret,
    /// It is told nothing for now; what happens meanwhile waits.
    #[serde(default)]
    pub paused: bool,
    /// Who wrote it last.
    #[serde(default)]
    pub by: String,
    /// When, Unix ms.
    #[serde(default)]
    pub at: u64,
}

/// Where a hook leads: an http or https URL without credentials, in its canonical spelling.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address(Url);

/// Why a text is no address of a hook.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    #[error(
        "it is an http or https URL such as https://chat.example/hooks/releases, at most {HOOK_URL_BYTES_MAX} bytes long"
    )]
    Malformed,
    #[error("it has no name and password in it: whoever may read hooks would read them")]
    Credentials,
    #[error("{0} is refused: a hook leads to no unspecified, multicast, link-local or metadata address")]
    Forbidden(SocketAddr),
    #[error("{0} is refused: addresses of this machine are switched off by the router's settings")]
    Loopback(SocketAddr),
    #[error("{0} is refused: a hook leads neither to this router nor to its store")]
    Own(SocketAddr),
}

impl HookName {
    /// The key it is stored at.
    pub fn key(&self) -> String {
        format!("{HOOKS}{self}")
    }
}

impl FromStr for HookName {
    type Err = HookNameError;

    fn from_str(text: &str) -> Result<Self, HookNameError> {
        text.parse::<AppName>().map(|name| Self(name.as_str().into())).map_err(|_| HookNameError)
    }
}

impl fmt::Display for HookName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for HookName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl fmt::Debug for HookName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Hook {
    /// Whether it is told of this app.
    pub fn wants_app(&self, app: &AppName) -> bool {
        self.apps.as_ref().is_none_or(|apps| apps.contains(app))
    }

    /// Whether it is told of such events.
    pub fn wants(&self, kind: EventKind) -> bool {
        kind == EventKind::Test || self.events.as_ref().is_none_or(|events| events.contains(&kind))
    }
}

impl Address {
    /// The URL.
    pub fn url(&self) -> &Url {
        &self.0
    }

    /// The port that is connected to.
    pub fn port(&self) -> u16 {
        self.0.port_or_known_default().unwrap_or(0)
    }

    /// Refuses an address by its number. Names are looked up, and what they lead to is refused, when something is sent.
    pub fn check(&self, policy: &AddressPolicy) -> Result<(), AddressError> {
        let host = self.0.host_str().unwrap_or_default().trim_matches(['[', ']']);
        match host.parse::<IpAddr>() {
            Ok(address) => allowed(policy, SocketAddr::new(address, self.port())),
            Err(_) => Ok(()),
        }
    }
}

/// Refuses what no hook may connect to.
pub fn allowed(policy: &AddressPolicy, address: SocketAddr) -> Result<(), AddressError> {
    match policy.parse(&address.to_string()) {
        Ok(_) => Ok(()),
        Err(EndpointError::Loopback) => Err(AddressError::Loopback(address)),
        Err(EndpointError::Own) => Err(AddressError::Own(address)),
        Err(EndpointError::Forbidden | EndpointError::Malformed) => Err(AddressError::Forbidden(address)),
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        // The parser would take blanks and line breaks out, and what is stored would not be what was written.
        let odd = |char: char| char.is_whitespace() || char.is_control();
        if text.len() > HOOK_URL_BYTES_MAX || text.contains(odd) {
            return Err(AddressError::Malformed);
        }
        let url = Url::parse(text).map_err(|_| AddressError::Malformed)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(AddressError::Credentials);
        }
        let whole = url.has_host() && url.fragment().is_none() && url.port() != Some(0);
        if !whole || !matches!(url.scheme(), "http" | "https") {
            return Err(AddressError::Malformed);
        }
        Ok(Self(url))
    }
}

impl TryFrom<String> for Address {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.0.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Result<Address, AddressError> {
        text.parse()
    }

    #[test]
    fn takes_urls_in_one_spelling() {
        for (text, canonical) in [
            ("https://Chat.Example/hooks/a?b=c", "https://chat.example/hooks/a?b=c"),
            ("http://0x7f.1:9000", "http://127.0.0.1:9000/"),
            ("https://[::1]:8443/x", "https://[::1]:8443/x"),
        ] {
            assert_eq!(address(text).map(String::from), Ok(canonical.to_owned()));
        }
    }

    #[test]
    fn refuses_what_is_no_url_of_a_receiver() {
        let long = format!("https://chat.example/{}", "a".repeat(HOOK_URL_BYTES_MAX));
        for text in [
            "",
            "chat.example/x",
            "ftp://chat.example/",
            "file:///etc/passwd",
            "https://",
            "https://chat.example/#here",
            "https://chat.example:0/",
            "https://chat.example/a b",
            " https://chat.example/",
            "https://chat.ex\nample/",
            &long,
        ] {
            assert_eq!(address(text), Err(AddressError::Malformed), "{text:?}");
        }
        for text in ["https://me@chat.example/", "https://me:secret@chat.example/"] {
            assert_eq!(address(text), Err(AddressError::Credentials), "{text}");
        }
    }

    #[test]
    fn addresses_are_judged_by_their_number() {
        let own = vec!["0.0.0.0:8080".parse().unwrap()];
        let policy = AddressPolicy { loopback_refused: false, own };
        let check = |text: &str| address(text).unwrap().check(&policy);
        assert_eq!(check("http://127.0.0.1:9000/"), Ok(()));
        assert_eq!(check("https://chat.example/"), Ok(()), "a name is looked up later");
        assert!(matches!(check("http://127.0.0.1:8080/"), Err(AddressError::Own(_))));
        for text in [
            "http://169.254.169.254/",
            "http://0.0.0.0/",
            "http://[fe80::1]/",
            "http://[::ffff:169.254.1.1]/",
        ] {
            assert!(matches!(check(text), Err(AddressError::Forbidden(_))), "{text}");
        }
        let closed = AddressPolicy { loopback_refused: true, own: Vec::new() };
        let refused = address("http://2130706433/").unwrap().check(&closed);
        assert!(matches!(refused, Err(AddressError::Loopback(_))), "127.0.0.1 as one number");
    }

    #[test]
    fn a_hook_is_told_what_it_wants() {
        let json = r#"{"url":"http://10.0.0.1/","apps":["shop"],"events":["promote"],"secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}"#;
        let hook: Hook = serde_json::from_str(json).unwrap();
        assert!(hook.wants_app(&"shop".parse().unwrap()) && !hook.wants_app(&"blog".parse().unwrap()));
        assert!(
            hook.wants(EventKind::Promote) && hook.wants(EventKind::Test) && !hook.wants(EventKind::Abort)
        );
        let all = Hook { apps: None, events: None, ..hook };
        assert!(all.wants_app(&"blog".parse().unwrap()) && all.wants(EventKind::ClockSkew));
    }
}
