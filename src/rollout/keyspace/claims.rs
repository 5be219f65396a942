//! Exclusive claims: what only one app may have. The first app that claims it has it, as long as it goes on claiming it.
//!
//! Host names are claimed, since a request must lead to one app. A pin cookie's name is claimed together with its `Domain`,
//! since browsers would overwrite one app's pin with the other's. If the claim of a cookie is refused, it is only shown: the
//! app works, but its clients lose pins.

use std::collections::HashMap;

use crate::rollout::{app::AppName, settings::Settings};

/// Claims and their holders. They are kept from one table to the next: a holder that writes its settings again must not lose
/// a claim to an app that wrote the same claim in between.
#[derive(Debug, Default)]
pub(super) struct Claims {
    holders: HashMap<Claim, AppName>,
    refused: Vec<(AppName, Claim)>,
}

/// What is claimed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Claim {
    /// A host name, exact or with `*.`.
    Host(String),
    /// A cookie of this name for a whole domain.
    Cookie {
        /// The cookie's name.
        name: String,
        /// Its `Domain`.
        domain: String,
    },
}

/// One app's claims.
pub(super) struct Claimant<'a> {
    pub(super) name: &'a AppName,
    pub(super) settings: &'a Settings,
    /// When its settings were written (store revision): the order in which claims count.
    pub(super) modified: u64,
}

impl Claims {
    /// Whether the claims of two settings differ.
    pub(super) fn differ(settings: &Settings, from: &Settings) -> bool {
        !claims(settings).eq(claims(from))
    }

    /// Decides which of the routed apps holds which claim.
    pub(super) fn settle(&mut self, mut claimants: Vec<Claimant<'_>>) {
        let mut holders = HashMap::with_capacity(self.holders.len());
        self.refused.clear();
        for claimant in &claimants {
            let kept =
                claims(claimant.settings).filter(|claim| self.holders.get(claim) == Some(claimant.name));
            holders.extend(kept.map(|claim| (claim, claimant.name.clone())));
        }
        claimants.sort_by_key(|claimant| (claimant.modified, claimant.name));
        for claimant in &claimants {
            for claim in claims(claimant.settings) {
                let holder = holders.entry(claim.clone()).or_insert_with(|| claimant.name.clone());
                if holder != claimant.name {
                    self.refused.push((claimant.name.clone(), claim));
                }
            }
        }
        self.holders = holders;
    }

    /// Every claimed host with its holder.
    pub(super) fn hosts(&self) -> impl Iterator<Item = (&str, &AppName)> {
        self.holders.iter().filter_map(|(claim, name)| match claim {
            Claim::Host(host) => Some((host.as_str(), name)),
            Claim::Cookie { .. } => None,
        })
    }

    /// The first claim of these settings that another app holds, as a sentence; `None` if there is none.
    pub(super) fn refusal(&self, app: &AppName, settings: &Settings) -> Option<String> {
        claims(settings).find_map(|claim| {
            let holder = self.holders.get(&claim).filter(|holder| *holder != app)?;
            Some(claim.allowed(holder))
        })
    }

    /// The refused claims: the app, what it claims, and what is allowed.
    pub(super) fn refused(&self) -> impl Iterator<Item = (&AppName, &str, String)> {
        self.refused.iter().filter_map(|(name, claim)| {
            let holder = self.holders.get(claim)?;
            let (Claim::Host(shown) | Claim::Cookie { name: shown, .. }) = claim;
            Some((name, shown.as_str(), claim.allowed(holder)))
        })
    }
}

impl Claim {
    fn allowed(&self, holder: &AppName) -> String {
        match self {
            Self::Host(host) => format!(
                "hosts: `{host}` is claimed by the app {holder} already; a host belongs to the first app that claims it"
            ),
            Self::Cookie { name, domain } => format!(
                "cookie.name: the app {holder} has a cookie `{name}` for the domain {domain} already; apps that \
                 share a domain need different names"
            ),
        }
    }
}

fn claims(settings: &Settings) -> impl Iterator<Item = Claim> {
    let hosts = settings.hosts.iter().cloned().map(Claim::Host);
    let cookie = settings.cookie.domain.iter().map(|domain| {
        let (name, domain) = (settings.cookie.name.clone(), domain.clone());
        Claim::Cookie { name, domain }
    });
    hosts.chain(cookie)
}
