//! One hook: its URL, the apps and events that it wants, and its name.

use std::{
    collections::BTreeSet,
    fmt,
    net::{IpAddr, SocketAddr},
    str::FromStr,
    sync::Arc,
};

use reqwest::Url;
use serde::{Deserialize, Serialize};

use super::{event::EventKind, header::HookHeader, secret::Secret};
use crate::{
    control::limits::HOOK_URL_BYTES_MAX,
    rollout::{
        app::AppName,
        endpoint::{AddressPolicy, EndpointError},
        text_form::serde_as_text,
    },
};

/// The prefix of the keys of hooks.
pub const HOOKS_PREFIX: &str = "rolling/router/hooks/";

/// A hook's name: the rules are those of an app's name. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HookName(Arc<str>);

serde_as_text!(HookName);

/// What is allowed as a hook's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a hook's name begins with a letter or digit, followed by at most 62 letters, digits, `.`, `_` or `-`; `null` and \
     `router` are not allowed"
)]
pub struct HookNameError;

/// A hook as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hook {
    pub url: HookUrl,
    /// The apps whose changes it gets; none: all apps.
    #[serde(default)]
    pub apps: Option<BTreeSet<AppName>>,
    /// The events that it gets; none: all events.
    #[serde(default)]
    pub events: Option<BTreeSet<EventKind>>,
    pub secret: Secret,
    /// A further header of each message, such as a receiver's token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<HookHeader>,
    /// Nothing is sent to it for now; changes wait.
    #[serde(default)]
    pub paused: bool,
    /// Who wrote it last.
    #[serde(default)]
    pub by: String,
    /// When it was written last, Unix ms.
    #[serde(default)]
    pub at: u64,
}

/// The URL of a hook: http or https, without credentials, in its canonical spelling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookUrl(Url);

serde_as_text!(HookUrl);

/// Why a text is not allowed as a hook's URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HookUrlError {
    #[error(
        "the URL of a hook must be an http or https URL of at most {HOOK_URL_BYTES_MAX} bytes, such as \
         https://chat.example/hooks/releases"
    )]
    Malformed,
    #[error(
        "the URL of a hook must not contain a user name or password: everybody who may list hooks would see it"
    )]
    Credentials,
    #[error(
        "{0} is refused: a hook must not lead to an unspecified, multicast, link-local or metadata address"
    )]
    Forbidden(SocketAddr),
    #[error("{0} is refused: this router's options do not allow addresses of this machine")]
    Loopback(SocketAddr),
    #[error("{0} is refused: a hook must lead neither to this router nor to its store")]
    Own(SocketAddr),
}

impl fmt::Display for HookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

impl HookName {
    /// The key it is stored at.
    pub fn key(&self) -> String {
        format!("{HOOKS_PREFIX}{self}")
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

impl fmt::Debug for HookName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Hook {
    /// Whether it gets changes of this app.
    pub fn wants_app(&self, app: &AppName) -> bool {
        self.apps.as_ref().is_none_or(|apps| apps.contains(app))
    }

    /// Whether it gets events of this kind. Which tokens there are is not for a hook of some apps: an admin of these alone, who may
    /// have made it, sees no list of tokens of others.
    pub fn wants(&self, kind: &EventKind) -> bool {
        if matches!(kind, EventKind::TokenMade | EventKind::TokenRevoked) && self.apps.is_some() {
            return false;
        }
        *kind == EventKind::Test || self.events.as_ref().is_none_or(|events| events.contains(kind))
    }
}

impl HookUrl {
    /// The URL.
    pub fn url(&self) -> &Url {
        &self.0
    }

    /// The port that is connected to.
    pub fn port(&self) -> u16 {
        self.0.port_or_known_default().unwrap_or(0)
    }

    /// Refuses a literal address that is not allowed. Names are looked up, and their addresses checked, when something
    /// is sent.
    pub fn check(&self, policy: &AddressPolicy) -> Result<(), HookUrlError> {
        let host = self.0.host_str().unwrap_or_default().trim_matches(['[', ']']);
        match host.parse::<IpAddr>() {
            Ok(address) => check_address(policy, SocketAddr::new(address, self.port())),
            Err(_) => Ok(()),
        }
    }
}

/// Refuses an address that no hook may connect to.
pub fn check_address(policy: &AddressPolicy, address: SocketAddr) -> Result<(), HookUrlError> {
    match policy.parse(&address.to_string()) {
        Ok(_) => Ok(()),
        Err(EndpointError::Loopback) => Err(HookUrlError::Loopback(address)),
        Err(EndpointError::Own) => Err(HookUrlError::Own(address)),
        Err(_) => Err(HookUrlError::Forbidden(address)),
    }
}

impl FromStr for HookUrl {
    type Err = HookUrlError;

    fn from_str(text: &str) -> Result<Self, HookUrlError> {
        // The parser would remove blanks and line breaks, and the stored URL would not be the written one.
        let odd = |char: char| char.is_whitespace() || char.is_control();
        if text.len() > HOOK_URL_BYTES_MAX || text.contains(odd) {
            return Err(HookUrlError::Malformed);
        }
        let url = Url::parse(text).map_err(|_| HookUrlError::Malformed)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(HookUrlError::Credentials);
        }
        let whole = url.has_host() && url.fragment().is_none() && url.port() != Some(0);
        if !whole || !matches!(url.scheme(), "http" | "https") {
            return Err(HookUrlError::Malformed);
        }
        Ok(Self(url))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollout::command_name::CommandName;

    fn address(text: &str) -> Result<HookUrl, HookUrlError> {
        text.parse()
    }

    #[test]
    fn takes_urls_in_one_spelling() {
        for (text, canonical) in [
            ("https://Chat.Example/hooks/a?b=c", "https://chat.example/hooks/a?b=c"),
            ("http://0x7f.1:9000", "http://127.0.0.1:9000/"),
            ("https://[::1]:8443/x", "https://[::1]:8443/x"),
        ] {
            assert_eq!(address(text).map(|url| url.to_string()), Ok(canonical.to_owned()));
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
            assert_eq!(address(text), Err(HookUrlError::Malformed), "{text:?}");
        }
        for text in ["https://me@chat.example/", "https://me:secret@chat.example/"] {
            assert_eq!(address(text), Err(HookUrlError::Credentials), "{text}");
        }
    }

    #[test]
    fn addresses_are_judged_by_their_number() {
        let own = vec!["0.0.0.0:8080".parse().unwrap()];
        let policy = AddressPolicy { own, ..AddressPolicy::default() };
        let check = |text: &str| address(text).unwrap().check(&policy);
        assert_eq!(check("http://127.0.0.1:9000/"), Ok(()));
        assert_eq!(check("https://chat.example/"), Ok(()), "a name is looked up later");
        assert!(matches!(check("http://127.0.0.1:8080/"), Err(HookUrlError::Own(_))));
        for text in [
            "http://169.254.169.254/",
            "http://0.0.0.0/",
            "http://[fe80::1]/",
            "http://[::ffff:169.254.1.1]/",
        ] {
            assert!(matches!(check(text), Err(HookUrlError::Forbidden(_))), "{text}");
        }
        let closed = AddressPolicy { loopback_refused: true, ..AddressPolicy::default() };
        let refused = address("http://2130706433/").unwrap().check(&closed);
        assert!(matches!(refused, Err(HookUrlError::Loopback(_))), "127.0.0.1 as one number");
    }

    #[test]
    fn a_hook_is_told_what_it_wants() {
        let json = r#"{"url":"http://10.0.0.1/","apps":["shop"],"events":["promote"],"secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}"#;
        let hook: Hook = serde_json::from_str(json).unwrap();
        assert!(hook.wants_app(&"shop".parse().unwrap()) && !hook.wants_app(&"blog".parse().unwrap()));
        let [promote, abort] = [CommandName::Promote, CommandName::Abort].map(EventKind::Command);
        assert!(hook.wants(&promote) && hook.wants(&EventKind::Test) && !hook.wants(&abort));
        let some = Hook { events: None, ..hook.clone() };
        assert!(some.wants(&EventKind::ClockSkew) && !some.wants(&EventKind::TokenMade));
        let all = Hook { apps: None, events: None, ..hook };
        assert!(all.wants(&EventKind::TokenMade) && all.wants(&EventKind::TokenRevoked));
        assert!(all.wants_app(&"blog".parse().unwrap()) && all.wants(&EventKind::ClockSkew));
    }
}
