//! Signing in by the header of a proxy that knows who people are: whom it may speak for, and what they may do.
//!
//! A header alone proves nothing: it counts from the proxy's networks, with the proxy's secret, and never from where an endpoint
//! is, since whoever took an endpoint over could else be anybody here. Names get `sso:` before them, so that nobody is taken for
//! a token of the same name.

use std::{collections::BTreeMap, net::IpAddr, path::Path};

use axum::http::{HeaderMap, HeaderName, HeaderValue, header::GetAll};
use subtle::ConstantTimeEq as _;

use super::{
    caller::Caller,
    known_token::{Digest, digest_of},
    scope::Scope,
};
use crate::{
    control::{
        limits::{TOKEN_CHARS_GOOD, TOKEN_CHARS_MAX},
        shared::private_file,
    },
    printable::is_hidden,
    rollout::{approval::BY_PROXY, command::Role, network::Network},
};

/// In which header the proxy shows its secret.
pub const SECRET_HEADER: HeaderName = HeaderName::from_static("x-rolling-router-sso-secret");

/// The longest name, in characters, as of tokens.
const NAME_CHARS_MAX: usize = 63;
/// The longest list of groups that is read, in bytes: a few hundred of them.
const GROUPS_BYTES_MAX: usize = 8 << 10;
/// Secrets of a file: the one of today, and others while it is changed.
const SECRETS_MAX: usize = 4;
/// The longest file, in bytes.
const FILE_BYTES_MAX: u64 = 8 << 10;

/// How people sign in by a proxy.
#[derive(Debug)]
pub struct ProxySignIn {
    /// The header with the name.
    pub header: HeaderName,
    /// The header with the groups; none: there are no groups.
    pub groups_header: Option<HeaderName>,
    /// Where the proxy connects from.
    pub networks: Vec<Network>,
    /// What is kept of its secrets.
    pub secrets: Vec<Digest>,
    /// What people may do.
    pub roles: SignInRoles,
}

/// What people may do.
#[derive(Debug, Clone, Default)]
pub struct SignInRoles {
    /// By name.
    pub names: BTreeMap<String, Role>,
    /// By group.
    pub groups: BTreeMap<String, Role>,
    /// Everybody else's; none: they do not come in.
    pub others: Option<Role>,
}

impl SignInRoles {
    /// What somebody may do: what their name says, else the most that a group says, else what everybody may.
    pub fn role<'a>(&self, name: &str, groups: impl Iterator<Item = &'a str>) -> Option<Role> {
        let of_groups = groups.filter_map(|group| self.groups.get(group)).max();
        self.names.get(name).or(of_groups).copied().or(self.others)
    }
}

/// Why nobody is signed in.
#[derive(Debug, PartialEq, Eq)]
pub enum SignInFault {
    /// Something is said twice, or is no name.
    Malformed(&'static str),
    /// The secret is missing or wrong.
    Secret,
    /// The proxy knows them, and the settings give them no role.
    NoRole(String),
}

impl ProxySignIn {
    /// Whether the proxy may be there.
    pub fn has_address(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(address))
    }

    /// Whether a request says who somebody is, whoever sends it.
    pub fn is_said(&self, headers: &HeaderMap) -> bool {
        headers.contains_key(&self.header)
    }

    /// Who a request of the proxy is of.
    pub fn caller(&self, headers: &HeaderMap) -> Result<Caller, SignInFault> {
        let secret = one(headers.get_all(SECRET_HEADER), "X-Rolling-Router-Sso-Secret comes twice")?;
        if !secret.is_some_and(|secret| self.knows(secret)) {
            return Err(SignInFault::Secret);
        }
        let name =
            one(headers.get_all(&self.header), "the header with the name comes twice")?.unwrap_or_default();
        let name = std::str::from_utf8(name).ok().map(str::trim).filter(|name| is_name(name));
        let name = name.ok_or(SignInFault::Malformed(
            "the header has no name of 1 to 63 characters that can be shown",
        ))?;
        let groups = match &self.groups_header {
            Some(header) => one(headers.get_all(header), "the header with the groups comes twice")?,
            None => None,
        };
        let groups = std::str::from_utf8(groups.unwrap_or_default());
        let groups = groups.ok().filter(|groups| groups.len() <= GROUPS_BYTES_MAX);
        let groups =
            groups.ok_or(SignInFault::Malformed("the header with the groups is too long, or no text"))?;
        let role = self.roles.role(name, groups.split(',').map(str::trim).filter(|group| !group.is_empty()));
        let role = role.ok_or_else(|| SignInFault::NoRole(name.to_owned()))?;
        let name = format!("{BY_PROXY}{name}");
        Ok(Caller { token: digest_of(&format!("{name}\n")), name, role, scope: Scope::default().into() })
    }

    fn knows(&self, secret: &[u8]) -> bool {
        let Ok(secret) = std::str::from_utf8(secret) else { return false };
        let digest = digest_of(secret);
        self.secrets.iter().fold(false, |known, other| known | bool::from(other.ct_eq(&digest)))
    }
}

/// The one value of a header; none: there is none. Two are a fault: the first may be a client's, and the second the proxy's.
fn one<'a>(values: GetAll<'a, HeaderValue>, twice: &'static str) -> Result<Option<&'a [u8]>, SignInFault> {
    let mut values = values.iter();
    let first = values.next().map(HeaderValue::as_bytes);
    if values.next().is_some() { Err(SignInFault::Malformed(twice)) } else { Ok(first) }
}

/// Names stand in histories, logs and terminals. Commas would make two values of one line look like a name.
fn is_name(name: &str) -> bool {
    let is_odd = |char: char| is_hidden(char) || char.is_whitespace() || char == ',';
    (1..=NAME_CHARS_MAX).contains(&name.chars().count()) && !name.contains(is_odd)
}

/// What is kept of the secrets of a file, and what should be mended though they count. An error repeats no secret.
pub fn read_secrets(path: &Path) -> Result<(Vec<Digest>, Option<String>), String> {
    let refuse = |problem: &str| format!("the secret file {} is not used: {problem}", path.display());
    let file = private_file::read(path, FILE_BYTES_MAX).map_err(|error| refuse(&error.to_string()))?;
    let lines: Vec<&str> = file.text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let is_secret = |line: &&str| {
        (TOKEN_CHARS_GOOD..=TOKEN_CHARS_MAX).contains(&line.len())
            && line.bytes().all(|byte| byte.is_ascii_graphic())
    };
    if lines.is_empty() || lines.len() > SECRETS_MAX || !lines.iter().all(is_secret) {
        let allowed = format!(
            "it has to have 1 to {SECRETS_MAX} lines, each of {TOKEN_CHARS_GOOD} to {TOKEN_CHARS_MAX} visible ASCII characters"
        );
        return Err(refuse(&allowed));
    }
    let warning = file.warning.map(|warning| format!("the secret file {}: {warning}", path.display()));
    Ok((lines.into_iter().map(digest_of).collect(), warning))
}

#[cfg(test)]
mod tests {
    use HeaderValue;

    use super::*;

    const SECRET: &str = "proxy-secret-0123456789";

    fn sign_in() -> ProxySignIn {
        ProxySignIn {
            header: HeaderName::from_static("x-user"),
            groups_header: Some(HeaderName::from_static("x-groups")),
            networks: vec!["10.0.0.7".parse().unwrap()],
            secrets: vec![digest_of("the-other-secret-012345"), digest_of(SECRET)],
            roles: SignInRoles {
                names: [("maria".to_owned(), Role::Viewer)].into(),
                groups: [("ops".to_owned(), Role::Operator), ("boss".to_owned(), Role::Admin)].into(),
                others: None,
            },
        }
    }

    fn ask(headers: &[(&'static str, &str)]) -> Result<(String, Role), SignInFault> {
        let mut all = HeaderMap::new();
        for (name, value) in headers {
            all.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        sign_in().caller(&all).map(|caller| (caller.name, caller.role))
    }

    const PROOF: (&str, &str) = ("x-rolling-router-sso-secret", SECRET);

    #[test]
    fn the_map_gives_roles_and_whom_it_does_not_know_none() {
        let role = |name: &str, groups: &str| ask(&[PROOF, ("x-user", name), ("x-groups", groups)]);
        assert_eq!(
            role("joe", "x, ops ,boss"),
            Ok(("sso:joe".to_owned(), Role::Admin)),
            "the most of all groups"
        );
        assert_eq!(role("maria", "boss"), Ok(("sso:maria".to_owned(), Role::Viewer)), "a name comes first");
        assert_eq!(role("joe", "opsx,,"), Err(SignInFault::NoRole("joe".to_owned())));
        assert_eq!(ask(&[PROOF, ("x-user", "joe")]), Err(SignInFault::NoRole("joe".to_owned())));
    }

    #[test]
    fn without_the_secret_or_with_anything_said_twice_nobody_is_signed_in() {
        let user = ("x-user", "maria");
        for headers in [
            vec![user],
            vec![user, ("x-rolling-router-sso-secret", "")],
            vec![user, ("x-rolling-router-sso-secret", "proxy-secret-012345678")],
            vec![user, ("x-rolling-router-sso-secret", "PROXY-secret-0123456789")],
        ] {
            assert_eq!(ask(&headers), Err(SignInFault::Secret), "{headers:?}");
        }
        for headers in [
            vec![PROOF, user, user],
            vec![PROOF, PROOF, user],
            vec![PROOF, user, ("x-groups", "a"), ("x-groups", "boss")],
            vec![PROOF, ("x-user", "")],
            vec![PROOF, ("x-user", "a b")],
            vec![PROOF, ("x-user", "joe,maria")],
            vec![PROOF, ("x-user", "ma\u{202e}ria")],
            vec![PROOF, ("x-user", &"x".repeat(64))],
            vec![PROOF, user, ("x-groups", &"x".repeat(9_000))],
        ] {
            assert!(matches!(ask(&headers), Err(SignInFault::Malformed(_))), "{headers:?}");
        }
    }

    #[test]
    fn two_people_are_two_and_none_of_them_a_token() {
        let of = |name: &str| {
            let headers = HeaderMap::from_iter([
                (SECRET_HEADER, HeaderValue::from_static(SECRET)),
                (HeaderName::from_static("x-user"), HeaderValue::from_str(name).unwrap()),
                (HeaderName::from_static("x-groups"), HeaderValue::from_static("ops")),
            ]);
            sign_in().caller(&headers).unwrap()
        };
        assert_eq!(of("joe").token, of("joe").token);
        assert_ne!(of("joe").token, of("jim").token);
        assert_ne!(of("joe").token, digest_of("sso:joe"));
    }
}
