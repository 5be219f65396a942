//! `scheme://user:password@host:port,host:port/path?option=value`: what the addresses of servers share.
//!
//! A password never appears in `Debug` or in an error.

use std::{collections::BTreeMap, fmt};

use crate::open_error::OpenError;

/// A parsed and percent-decoded address. Options are taken out one by one, so that [`Address::finish`] finds a misspelt one.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) user: Option<String>,
    pub(crate) password: Option<String>,
    /// `host:port`, at least one.
    pub(crate) hosts: Vec<(String, u16)>,
    /// Without its leading slash.
    pub(crate) path: String,
    options: BTreeMap<String, String>,
}

impl Address {
    /// Parses what follows `scheme:`.
    pub(crate) fn parse(rest: &str, default_port: u16) -> Result<Self, OpenError> {
        let bad = |text: &str| OpenError::Address(text.to_owned());
        let rest = rest.strip_prefix("//").ok_or_else(|| bad("`//` must follow the scheme"))?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        // What follows an unescaped `/` or `?` of a password is no path and no option, and is repeated nowhere.
        if path.contains('@') || (query.contains('@') && !authority.contains('@')) {
            return Err(bad_host());
        }
        let (login, hosts) = match authority.rsplit_once('@') {
            Some((login, hosts)) => (Some(login), hosts),
            None => (None, authority),
        };
        let (user, password) = match login.map(|login| login.split_once(':').unwrap_or((login, ""))) {
            Some((user, password)) => (decode(user)?, decode(password)?),
            None => Default::default(),
        };
        let hosts = hosts.split(',').map(|host| parse_host(host, default_port)).collect::<Result<_, _>>()?;
        let mut options = BTreeMap::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            options.insert(decode(name)?, decode(value)?);
        }
        let some = |text: String| (!text.is_empty()).then_some(text);
        Ok(Self { user: some(user), password: some(password), hosts, path: decode(path)?, options })
    }

    /// Takes an option out.
    pub(crate) fn option(&mut self, name: &str) -> Option<String> {
        self.options.remove(name)
    }

    /// Takes a file named by an option out, and reads it.
    pub(crate) fn file(&mut self, name: &str) -> Result<Option<Vec<u8>>, OpenError> {
        let Some(path) = self.option(name) else { return Ok(None) };
        let read = std::fs::read(&path);
        read.map(Some)
            .map_err(|error| OpenError::File(format!("the file of `{name}={path}` cannot be read: {error}")))
    }

    /// The same of a PEM file: of a private key if the option is `key`, else of certificates.
    pub(crate) fn pem(&mut self, name: &str) -> Result<Option<Vec<u8>>, OpenError> {
        let path = self.options.get(name).cloned().unwrap_or_default();
        let Some(bytes) = self.file(name)? else { return Ok(None) };
        let kind = if name == "key" { "PRIVATE KEY" } else { "CERTIFICATE" };
        let is_one = |line: &str| line.starts_with("-----BEGIN ") && line.ends_with(&format!("{kind}-----"));
        if String::from_utf8_lossy(&bytes).lines().map(str::trim_end).any(is_one) {
            return Ok(Some(bytes));
        }
        Err(OpenError::File(format!(
            "the file of `{name}={path}` has no `-----BEGIN {kind}-----`, as PEM files have"
        )))
    }

    /// Refuses options that nobody has taken.
    pub(crate) fn finish(self, known: &str) -> Result<(), OpenError> {
        match self.options.keys().next() {
            Some(name) => Err(OpenError::Address(format!("`{name}` is not an option; there are {known}"))),
            None => Ok(()),
        }
    }
}

/// The text may be part of a password that holds an unescaped `/`, so it is not repeated.
fn bad_host() -> OpenError {
    let text = "a host is missing, or its port is not a number from 0 to 65535. In a password write `/`, `?`, `@` and `%` \
                as `%2F`, `%3F`, `%40` and `%25`";
    OpenError::Address(text.into())
}

fn parse_host(text: &str, default_port: u16) -> Result<(String, u16), OpenError> {
    // An IPv6 address stands in brackets, which are not part of it.
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, port)) => (host, port.strip_prefix(':')),
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let port = port.map_or(Ok(default_port), str::parse).map_err(|_| bad_host())?;
    if host.is_empty() { Err(bad_host()) } else { Ok((host.to_owned(), port)) }
}

fn decode(text: &str) -> Result<String, OpenError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let escaped = (*byte == b'%').then(|| after.get(..2)).flatten();
        let value = escaped.and_then(|hex| std::str::from_utf8(hex).ok());
        match value.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(value) => {
                bytes.push(value);
                rest = &after[2..];
            }
            None => {
                bytes.push(*byte);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes)
        .map_err(|_| OpenError::Address("the address is not UTF-8 after percent-decoding".into()))
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Address")
            .field("hosts", &self.hosts)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_found_and_decoded() {
        let mut address =
            Address::parse("//me:p%40ss%3a@a,b:99,[::1]:7/x%2Fy?prefix=q%3a&replicas=2", 1).unwrap();
        assert_eq!((address.user.as_deref(), address.password.as_deref()), (Some("me"), Some("p@ss:")));
        assert_eq!(address.hosts, [("a".into(), 1), ("b".into(), 99), ("::1".into(), 7)]);
        assert_eq!(address.path, "x/y");
        assert_eq!(address.option("prefix").as_deref(), Some("q:"));
        let error = address.finish("`prefix`").unwrap_err().to_string();
        assert!(error.contains("`replicas`"), "{error}");
    }

    #[test]
    fn a_password_is_never_shown() {
        let address = Address::parse("//:secret@host", 1).unwrap();
        assert_eq!((address.user.as_deref(), address.password.as_deref()), (None, Some("secret")));
        assert!(!format!("{address:?}").contains("secret"));
        let error = Address::parse("//:secret@host:port", 1).unwrap_err().to_string();
        assert!(!error.contains("secret"), "{error}");
    }

    #[test]
    fn an_address_without_a_host_is_refused() {
        for text in ["host", "//", "//user@", "//a,,b", "//host:99999"] {
            assert!(Address::parse(text, 1).is_err(), "{text}");
        }
    }
}
