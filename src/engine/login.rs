//! Logins to registries, from a `config.json` as `docker login` writes it.

use std::{collections::BTreeMap, fs, io, path::Path};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bollard::auth::DockerCredentials;
use serde::Deserialize;

use super::reference::normal_domain;

/// Logins to registries, by their hosts.
#[derive(Clone, Default)]
pub struct RegistryLogins(BTreeMap<String, Login>);

#[derive(Clone)]
struct Login {
    user: Option<String>,
    password: Option<String>,
    identity: Option<String>,
}

/// The file, as far as it concerns logins.
#[derive(Deserialize)]
struct File {
    #[serde(default)]
    auths: BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
struct Entry {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
}

impl RegistryLogins {
    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read, or is no such file. What it holds is not repeated.
    pub fn read(file: &Path) -> Result<Self, String> {
        let text = fs::read(file)
            .map_err(|error: io::Error| format!("{} cannot be read: {error}", file.display()))?;
        Self::parse(&text).map_err(|why| format!("{}: {why}", file.display()))
    }

    fn parse(text: &[u8]) -> Result<Self, String> {
        // A message of the parser may quote what stands there, which is a password.
        let file: File = serde_json::from_slice(text)
            .map_err(|error| format!("line {} is not what `docker login` writes", error.line()))?;
        let logins = file.auths.into_iter().map(|(registry, entry)| {
            let login = entry.login().ok_or_else(|| {
                format!("the login to {registry} cannot be read; `docker login` writes one")
            })?;
            Ok((host_of(&registry), login))
        });
        logins.collect::<Result<_, String>>().map(Self)
    }

    /// The hosts that there are logins to.
    pub fn registries(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The login to a registry, as an engine takes it.
    pub(super) fn credentials(&self, domain: &str) -> Option<DockerCredentials> {
        let Login { user, password, identity } = self.0.get(domain)?.clone();
        Some(DockerCredentials {
            username: user,
            password,
            identitytoken: identity,
            serveraddress: Some(domain.to_owned()),
            ..DockerCredentials::default()
        })
    }
}

impl Entry {
    /// None: neither user and password nor a token, which is what a credential helper leaves here.
    fn login(self) -> Option<Login> {
        let identity = self.identitytoken.filter(|token| !token.is_empty());
        let (user, password) = match self.auth.filter(|text| !text.is_empty()) {
            Some(auth) => {
                let text = String::from_utf8(STANDARD.decode(auth).ok()?).ok()?;
                let (user, password) = text.split_once(':')?;
                (Some(user.to_owned()), Some(password.trim_end_matches('\0').to_owned()))
            }
            None => (self.username, self.password),
        };
        let is_whole = identity.is_some() || (user.is_some() && password.is_some());
        is_whole.then_some(Login { user, password, identity })
    }
}

/// The host of a registry's key, which may be written as an address: `https://index.docker.io/v1/`.
fn host_of(registry: &str) -> String {
    let bare = registry.split_once("://").map_or(registry, |(_, rest)| rest);
    let host = bare.split('/').next().unwrap_or(bare);
    normal_domain(host).unwrap_or_else(|| host.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_found_by_its_registry() {
        let text = br#"{"auths": {"https://index.docker.io/v1/": {"auth": "dXNlcjpwYTpzcw=="},
            "registry.example:5000": {"username": "u", "password": "p"}}, "HttpHeaders": {}}"#;
        let logins = RegistryLogins::parse(text).unwrap();
        let hub = logins.credentials("docker.io").unwrap();
        assert_eq!((hub.username.as_deref(), hub.password.as_deref()), (Some("user"), Some("pa:ss")));
        assert!(logins.credentials("registry.example:5000").is_some());
        assert!(logins.credentials("registry.example").is_none());
    }

    #[test]
    fn what_cannot_be_read_is_said_without_the_secret() {
        let parse = |text: &str| RegistryLogins::parse(text.as_bytes()).map(|_| ()).unwrap_err();
        assert_eq!(parse(r#"{"auths": "secret"}"#), "line 1 is not what `docker login` writes");
        let said = parse(r#"{"auths": {"registry.example": {"auth": "c2VjcmV0"}}}"#);
        assert!(said.starts_with("the login to registry.example cannot be read"), "{said}");
        assert!(RegistryLogins::parse(b"{}").is_ok());
    }
}
