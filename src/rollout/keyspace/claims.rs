//! Exclusive claims: what only one app may have. The first app that claims it has it, as long as it goes on claiming it.
//!
//! A path prefix on a host is claimed, since a request must lead to one app. A host belongs to the app that claimed it first;
//! another app has a prefix there only while that one shares the host with it, or has it still from a time when it did. A pin
//! cookie's name is claimed together with its `Domain` and `Path`, since browsers would overwrite one app's pin with the
//! other's. If the claim of a cookie is refused, it is only shown: the app works, but its clients lose pins.

use std::collections::HashMap;

use super::{
    claimant::Claimant,
    host_owners::{self, Owners},
};
use crate::rollout::{app::AppName, hosts::shown, settings::Settings};

/// Claims and their holders. They are kept from one table to the next: a holder that writes its settings again must not lose
/// a claim to an app that wrote the same claim in between.
#[derive(Debug, Default)]
pub(super) struct Claims {
    holders: HashMap<Claim, AppName>,
    owners: Owners,
    problems: Vec<ClaimProblem>,
}

/// A claim that is not as it should be: the app, what it claims, and what is allowed.
#[derive(Debug)]
pub(super) struct ClaimProblem {
    pub(super) app: AppName,
    pub(super) claim: String,
    pub(super) allowed: String,
}

/// What is claimed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Claim {
    /// A path prefix on a host, which is exact or begins with `*.`; without a name, on all hosts that nobody claims.
    Path {
        /// The host.
        host: String,
        /// The prefix; `/` for all paths.
        prefix: String,
    },
    /// A cookie of this name for a whole domain.
    Cookie {
        /// The cookie's name.
        name: String,
        /// Its `Domain`.
        domain: String,
        /// Its `Path`.
        path: String,
    },
}

impl Claims {
    /// Whether the claims of two settings differ, or with whom hosts are shared.
    pub(super) fn differ(settings: &Settings, from: &Settings) -> bool {
        settings.share_host != from.share_host || !claims(settings).eq(claims(from))
    }

    /// Decides which of the routed apps holds which claim.
    pub(super) fn settle(&mut self, mut claimants: Vec<Claimant<'_>>) {
        claimants.sort_by_key(|claimant| (claimant.modified, claimant.name));
        // Also of apps that are not routed yet: those of a seed become routed one after the other.
        let owners = host_owners::settle(&claimants, &self.owners);
        claimants.retain(|claimant| claimant.is_routed);
        let mut holders = HashMap::with_capacity(self.holders.len());
        self.problems.clear();
        for claimant in &claimants {
            let kept =
                claims(claimant.settings).filter(|claim| self.holders.get(claim) == Some(claimant.name));
            holders.extend(kept.map(|claim| (claim, claimant.name.clone())));
        }
        for claimant in &claimants {
            for claim in claims(claimant.settings) {
                let unshared = unsharing_owner(&owners, &claim, claimant.name);
                let holder = match holders.get(&claim) {
                    None if unshared.is_none() => {
                        holders.insert(claim, claimant.name.clone());
                        continue;
                    }
                    holder => holder.filter(|holder| *holder != claimant.name).cloned(),
                };
                let keeps = holders.get(&claim) == Some(claimant.name);
                let allowed = match (holder, unshared) {
                    (Some(holder), _) => claim.held_by(&holder),
                    (None, Some(owner)) if keeps => claim.no_longer_shared_by(owner),
                    (None, Some(owner)) => claim.not_shared_by(owner),
                    (None, None) => continue,
                };
                let (app, claim) = (claimant.name.clone(), claim.to_string());
                self.problems.push(ClaimProblem { app, claim, allowed });
            }
        }
        (self.holders, self.owners) = (holders, owners);
    }

    /// Every claimed host (empty for those that nobody claims) and prefix, with the holder.
    pub(super) fn paths(&self) -> impl Iterator<Item = (&str, &str, &AppName)> {
        self.holders.iter().filter_map(|(claim, name)| match claim {
            Claim::Path { host, prefix } => Some((host.as_str(), prefix.as_str(), name)),
            Claim::Cookie { .. } => None,
        })
    }

    /// The app that each claimed host belongs to.
    pub(super) fn owners(&self) -> impl Iterator<Item = (&str, &AppName)> {
        self.owners.iter().map(|(host, (name, _))| (host.as_str(), name))
    }

    /// The first claim of these settings that the app may not have, as a sentence; `None` if there is none.
    pub(super) fn refusal(&self, app: &AppName, settings: &Settings) -> Option<String> {
        claims(settings).find_map(|claim| match self.holders.get(&claim) {
            Some(holder) if holder == app => None,
            Some(holder) => Some(claim.held_by(holder)),
            None => Some(claim.not_shared_by(unsharing_owner(&self.owners, &claim, app)?)),
        })
    }

    /// The claims that are not as they should be.
    pub(super) fn problems(&self) -> &[ClaimProblem] {
        &self.problems
    }
}

impl Claim {
    fn held_by(&self, holder: &AppName) -> String {
        match self {
            Self::Path { host, prefix } if prefix == "/" => format!(
                "hosts: `{host}` is claimed by the app {holder} already; a host belongs to the first app that claims it"
            ),
            Self::Path { .. } => format!(
                "paths: `{self}` is claimed by the app {holder} already; a path prefix belongs to the first app that claims it"
            ),
            Self::Cookie { name, domain, .. } => format!(
                "cookie.name: the app {holder} has a cookie `{name}` for the domain {domain} already; apps that \
                 share a domain need different names"
            ),
        }
    }

    fn not_shared_by(&self, owner: &AppName) -> String {
        format!(
            "paths: `{self}` is on a host that the app {owner} has claimed; another app may claim paths there once the \
             setting `share_host` of {owner} names it"
        )
    }

    fn no_longer_shared_by(&self, owner: &AppName) -> String {
        format!(
            "paths: the setting `share_host` of the app {owner}, which has the host of `{self}`, names this app no longer. It \
             keeps the prefix until it gives it up or routers start anew: name it there again, or take the claim back"
        )
    }
}

impl std::fmt::Display for Claim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Path { host, prefix } => {
                f.write_str(&shown(if host.is_empty() { "*" } else { host }, prefix))
            }
            Self::Cookie { name, .. } => f.write_str(name),
        }
    }
}

/// The app that a claimed host belongs to and that does not share it with this one; `None`: nobody is in the way.
fn unsharing_owner<'o>(owners: &'o Owners, claim: &Claim, app: &AppName) -> Option<&'o AppName> {
    let Claim::Path { host, .. } = claim else { return None };
    let (owner, settings) = owners.get(host)?;
    (owner != app && !settings.shares_host_with(app)).then_some(owner)
}

fn claims(settings: &Settings) -> impl Iterator<Item = Claim> {
    // Without hosts, `/` would be what the default app has.
    let others = settings.hosts.is_empty().then_some("");
    let hosts = settings.hosts.iter().map(String::as_str).chain(others);
    let paths = hosts.flat_map(|host| settings.prefixes().map(move |prefix| (host, prefix)));
    let paths = paths.filter(|(host, prefix)| !host.is_empty() || *prefix != "/");
    let paths = paths.map(|(host, prefix)| Claim::Path { host: host.to_owned(), prefix: prefix.to_owned() });
    let cookie = settings.cookie.domain.iter().filter(|_| settings.owns_cookie_path()).map(|domain| {
        let (name, domain) = (settings.cookie.name.clone(), domain.clone());
        Claim::Cookie { name, domain, path: settings.cookie_path().to_owned() }
    });
    paths.chain(cookie)
}
