//! Names of engines, containers and networks.

use std::fmt;

use super::refusal::Refusal;

/// The longest name of an engine, in bytes: as of a router.
const ENGINE_NAME_BYTES_MAX: usize = 63;
/// The longest name of a container, network or volume, in bytes: those of the router have at most 150.
const OBJECT_NAME_BYTES_MAX: usize = 200;
/// Networks that would make a container a part of its host, or of another container.
const NETWORKS_REFUSED: [&str; 2] = ["host", "none"];

/// What a name of the engine's objects is, in words.
const OBJECT_NAME: &str = "a letter or digit, then 1 to 199 of letters, digits, `.`, `_` and `-`";

/// The name of an engine in the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EngineName(String);

/// The name of a container.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContainerName(String);

/// The name of an engine's network. Never that of its host.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NetworkName(String);

impl EngineName {
    /// The name as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for EngineName {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        // `spread` stands for all of them where a deployment names its engine.
        if begins_and_goes_on(text) && text.len() <= ENGINE_NAME_BYTES_MAX && text != "spread" {
            return Ok(Self(text.into()));
        }
        let allowed = "a letter or digit, then at most 62 of letters, digits, `.`, `_` and `-`; not `spread`";
        Err(Refusal::new("engine", text, allowed))
    }
}

impl ContainerName {
    /// The name as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for ContainerName {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        if is_object_name(text) {
            Ok(Self(text.into()))
        } else {
            Err(Refusal::new("container", text, OBJECT_NAME))
        }
    }
}

impl NetworkName {
    /// The name as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for NetworkName {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        if is_object_name(text) && !NETWORKS_REFUSED.contains(&text) {
            return Ok(Self(text.into()));
        }
        Err(Refusal::new("network", text, format!("{OBJECT_NAME}; not `host` or `none`")))
    }
}

impl fmt::Display for EngineName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for ContainerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for NetworkName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a text may name a container, a network or a volume. It may then stand in the path of a call as it is.
pub(super) fn is_object_name(text: &str) -> bool {
    begins_and_goes_on(text) && (2..=OBJECT_NAME_BYTES_MAX).contains(&text.len())
}

fn begins_and_goes_on(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    text.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric) && text.bytes().all(inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_no_path_and_no_namespace_of_the_host() {
        for text in ["", "a/b", "..", "/etc", "a b", "container:x", "a\n", "-a", "a?x=1", "%2e%2e"] {
            assert!(text.parse::<ContainerName>().is_err(), "{text}");
            assert!(text.parse::<NetworkName>().is_err(), "{text}");
            assert!(text.parse::<EngineName>().is_err(), "{text}");
        }
        assert!("host".parse::<NetworkName>().is_err());
        assert!("none".parse::<NetworkName>().is_err());
        assert!("spread".parse::<EngineName>().is_err());
        assert_eq!("shop_back-1.0".parse::<NetworkName>().unwrap().as_str(), "shop_back-1.0");
    }
}
