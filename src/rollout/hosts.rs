//! Which host and path lead to which app: the same for every table until a claim changes.

use std::collections::HashMap;

use super::{
    host_name::HOST_CHARS_MAX,
    host_paths::{AmbiguousPath, HostPaths, PathMatch},
    settings::Settings,
};
use crate::authority::Authority;

/// Hosts, and below each of them the slots of the apps that have its paths.
#[derive(Debug, Default)]
pub struct Hosts {
    /// Exact host names, lower case, without port.
    pub exact: HashMap<Box<str>, HostPaths>,
    /// `*.` host names: the part after `*.`, lower case.
    pub wildcards: HashMap<Box<str>, HostPaths>,
    /// Prefixes on every host whose path is nobody's.
    pub others: HostPaths,
    /// The slot of the app that a host belongs to, as it is claimed (`*.` included), where that app does not have all of it.
    pub owners: HashMap<Box<str>, usize>,
}

impl Hosts {
    /// Where an authority (in any case) and a target lead: the exact host's longest prefix, then that of the longest `*.`, then
    /// that of all other hosts.
    ///
    /// # Errors
    /// The path can be read in several ways, which lead to different places.
    pub fn find(&self, authority: Authority<'_>, target: &[u8]) -> Result<Option<PathMatch>, AmbiguousPath> {
        let name = authority.host();
        let name = name.strip_suffix('.').unwrap_or(name);
        if name.len() > HOST_CHARS_MAX {
            return self.others.find(target);
        }
        if !name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return self.find_named(name, target);
        }
        let mut lower = [0; HOST_CHARS_MAX];
        let lower = &mut lower[..name.len()];
        lower.copy_from_slice(name.as_bytes());
        lower.make_ascii_lowercase();
        match std::str::from_utf8(lower) {
            Ok(lower) => self.find_named(lower, target),
            Err(_) => self.others.find(target),
        }
    }

    /// Whether some paths of a host, in lower case, lead to an app.
    #[cold]
    pub fn has_paths(&self, authority: Authority<'_>) -> bool {
        let name = authority.host().to_ascii_lowercase();
        let name = name.strip_suffix('.').unwrap_or(&name);
        let mut suffixes = name.match_indices('.').map(|(at, _)| &name[at + 1..]);
        !self.others.is_empty()
            || self.exact.contains_key(name)
            || suffixes.any(|suffix| self.wildcards.contains_key(suffix))
    }

    /// Where a lower-case name without a port leads.
    fn find_named(&self, name: &str, target: &[u8]) -> Result<Option<PathMatch>, AmbiguousPath> {
        if let Some(paths) = self.exact.get(name)
            && let Some(found) = paths.find(target)?
        {
            return Ok(Some(found));
        }
        if !self.wildcards.is_empty() {
            // From the left, so that the longest suffix is tried first.
            let dots = name.bytes().enumerate().filter(|(_, byte)| *byte == b'.');
            let suffixes =
                dots.filter(|(at, _)| *at > 0).filter_map(|(at, _)| self.wildcards.get(&name[at + 1..]));
            for paths in suffixes {
                if let Some(found) = paths.find(target)? {
                    return Ok(Some(found));
                }
            }
        }
        self.others.find(target)
    }

    /// The slots of the apps to which paths of a host lead, and whether they have all of them.
    #[cold]
    pub fn leading_from(&self, authority: Authority<'_>) -> (Vec<usize>, bool) {
        let name = authority.host().to_ascii_lowercase();
        let name = name.strip_suffix('.').unwrap_or(&name);
        let dots = name.match_indices('.').filter(|(at, _)| *at > 0);
        let wildcards = dots.filter_map(|(at, _)| self.wildcards.get(&name[at + 1..]));
        let mut slots = Vec::new();
        for paths in self.exact.get(name).into_iter().chain(wildcards).chain([&self.others]) {
            slots.extend(paths.slots());
            if paths.is_whole() {
                return (slots, true);
            }
        }
        (slots, false)
    }

    /// Adds a claim: a host as it is claimed, or the empty one for those that nobody claims, and a prefix.
    pub fn insert(&mut self, host: &str, prefix: &str, slot: usize) {
        let paths = match host.strip_prefix("*.") {
            Some(suffix) => self.wildcards.entry(suffix.into()).or_default(),
            None if host.is_empty() => &mut self.others,
            None => self.exact.entry(host.into()).or_default(),
        };
        paths.insert(prefix, slot);
    }

    /// The slot of the app that has a host, as it is claimed, with exactly this prefix.
    pub fn holder(&self, host: &str, prefix: &str) -> Option<usize> {
        self.paths_of(host)?.holder(prefix)
    }

    /// Says whom a host belongs to. That is kept only where it is not to be seen: where the app does not have all of it.
    pub fn set_owner(&mut self, host: &str, slot: usize) {
        if self.holder(host, "/") != Some(slot) {
            self.owners.insert(host.into(), slot);
        }
    }

    /// The slot of the app that a host belongs to, as it is claimed.
    pub fn owner(&self, host: &str) -> Option<usize> {
        self.owners.get(host).copied().or_else(|| self.holder(host, "/"))
    }

    fn paths_of(&self, host: &str) -> Option<&HostPaths> {
        match host.strip_prefix("*.") {
            Some(suffix) => self.wildcards.get(suffix),
            None if host.is_empty() => Some(&self.others),
            None => self.exact.get(host),
        }
    }

    /// The hosts that lead to an app with these settings and this slot, with their prefixes: `shop.example`,
    /// `shop.example/cart`, and `*/cart` on all hosts that nobody claims.
    pub fn leading_to(&self, settings: &Settings, slot: usize) -> Vec<String> {
        let any = settings.hosts.is_empty().then_some("");
        let hosts = settings.hosts.iter().map(String::as_str).chain(any);
        let claims = hosts.flat_map(|host| settings.prefixes().map(move |prefix| (host, prefix)));
        let led = claims.filter(|(host, prefix)| self.holder(host, prefix) == Some(slot));
        led.map(|(host, prefix)| shown(if host.is_empty() { "*" } else { host }, prefix)).collect()
    }
}

/// A host and a prefix below it, as they are shown.
pub fn shown(host: &str, prefix: &str) -> String {
    if prefix == "/" { host.to_owned() } else { format!("{host}{prefix}") }
}
