//! Whom a host belongs to that several apps claim paths of.
//!
//! The owner of the last table keeps it. Where there is none, as at a start, the order in which settings were written says
//! little, since every change of a setting writes them all. So the owner is the app that shares the host with all others that
//! claim it; else the one that claims all of it; else the one whose settings are the oldest.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use super::claimant::Claimant;
use crate::rollout::{app::AppName, settings::Settings};

/// Owners of hosts, as those are claimed, with their settings.
pub(super) type Owners = BTreeMap<String, (AppName, Arc<Settings>)>;

/// Decides whom each host belongs to. `claimants` stand in the order in which their settings were written. A host that one
/// app alone claims has an owner as well, so that it keeps it when others come.
pub(super) fn settle(claimants: &[Claimant<'_>], before: &Owners) -> Owners {
    let mut claiming: HashMap<&str, Vec<&Claimant<'_>>> = HashMap::new();
    for claimant in claimants {
        for host in &claimant.settings.hosts {
            claiming.entry(host).or_default().push(claimant);
        }
    }
    let owners = claiming.into_iter().filter_map(|(host, claiming)| {
        let known = before.get(host).map(|(name, _)| name);
        let kept = claiming.iter().find(|claimant| Some(claimant.name) == known);
        let owner = kept.or_else(|| first(&claiming))?;
        Some((host.to_owned(), (owner.name.clone(), Arc::clone(owner.settings))))
    });
    owners.collect()
}

fn first<'c, 'a>(claiming: &'c [&'a Claimant<'a>]) -> Option<&'c &'a Claimant<'a>> {
    let shares_with_all = |claimant: &&&Claimant<'_>| {
        let mut others = claiming.iter().filter(|other| other.name != claimant.name);
        claiming.len() > 1 && others.all(|other| claimant.settings.shares_host_with(other.name))
    };
    let has_all = |claimant: &&&Claimant<'_>| claimant.settings.prefixes().any(|prefix| prefix == "/");
    let sharing = claiming.iter().find(shares_with_all);
    sharing.or_else(|| claiming.iter().find(has_all)).or_else(|| claiming.first())
}
