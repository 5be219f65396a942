//! What the names of endpoints stand for, as this router finds out by itself.
//!
//! A name that stops resolving keeps its last addresses: name servers fail more often than the endpoints that they tell of.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
    time::Duration,
};

use arc_swap::ArcSwap;
use futures_util::{StreamExt as _, stream};
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::resolver::{Answer, NameResolver};
use crate::{
    clock::Clock,
    control::limits::{ADDRESSES_PER_NAME_MAX, LOOK_UPS_MAX, NAME_FAILURE_FRESH, NAME_FRESH, NAME_KEPT},
    rollout::{
        address::Address,
        endpoint::{AddressPolicy, Endpoint},
        endpoint_name::EndpointName,
        resolved_names::ResolvedNames,
    },
};

/// The names of endpoints. Looked up by `sync` all the time, and by commands that are about to route them.
pub struct NameBoard {
    resolver: NameResolver,
    clock: Clock,
    hosts: Mutex<BTreeMap<Arc<str>, KnownHost>>,
    /// What the hosts stand for: replaced whole, and only by something else.
    resolved: ArcSwap<ResolvedNames>,
    /// The names that are routed.
    wanted: Mutex<BTreeSet<EndpointName>>,
    /// Other names than before are routed.
    pub asked: Notify,
    /// Some name stands for something else than before.
    pub changed: Notify,
}

/// A host name and what it stands for.
#[derive(Debug, Clone, Default)]
struct KnownHost {
    v4: Vec<IpAddr>,
    v6: Vec<IpAddr>,
    /// Why it does not resolve; none: it does.
    failure: Option<String>,
    /// When it was looked up last (monotonic); none: by an earlier process.
    looked_up: Option<Duration>,
}

impl KnownHost {
    fn addresses(&self) -> Vec<IpAddr> {
        self.v4.iter().chain(&self.v6).copied().collect()
    }

    /// Takes in an answer for each family. One that failed keeps its last addresses, and so do both if there are none.
    fn take(&mut self, answers: [Answer; 2], now: Duration) {
        self.looked_up = Some(now);
        let failure = answers.iter().find_map(|answer| answer.as_ref().err()).cloned();
        if answers.iter().flatten().all(Vec::is_empty) {
            let none = || "there is no such name, or it has no address".to_owned();
            self.failure = Some(failure.unwrap_or_else(none));
            return;
        }
        self.failure = None;
        let [v4, v6] = answers.map(|answer| answer.ok().map(in_order));
        self.v4 = v4.unwrap_or_else(|| std::mem::take(&mut self.v4));
        self.v6 = v6.unwrap_or_else(|| std::mem::take(&mut self.v6));
    }
}

/// The same addresses whatever the order in which they were told.
fn in_order(mut addresses: Vec<IpAddr>) -> Vec<IpAddr> {
    addresses.sort_unstable();
    addresses.dedup();
    addresses.truncate(ADDRESSES_PER_NAME_MAX);
    addresses
}

impl NameBoard {
    pub fn new(resolver: NameResolver, clock: Clock) -> Self {
        Self {
            resolver,
            clock,
            hosts: Mutex::default(),
            resolved: ArcSwap::default(),
            wanted: Mutex::default(),
            asked: Notify::new(),
            changed: Notify::new(),
        }
    }

    /// What all names stand for.
    pub fn resolved(&self) -> Arc<ResolvedNames> {
        self.resolved.load_full()
    }

    /// Says which names are routed; those that are new are looked up at once.
    pub fn want(&self, names: BTreeSet<EndpointName>) {
        let mut wanted = self.wanted.lock();
        if *wanted != names {
            *wanted = names;
            self.asked.notify_one();
        }
    }

    /// The hosts of the names that are routed.
    pub fn wanted_hosts(&self) -> BTreeSet<Arc<str>> {
        self.wanted.lock().iter().map(|name| Arc::clone(name.host())).collect()
    }

    /// Those of them that were never looked up.
    pub fn unknown_hosts(&self) -> BTreeSet<Arc<str>> {
        let mut wanted = self.wanted_hosts();
        let hosts = self.hosts.lock();
        wanted.retain(|host| !hosts.contains_key(host));
        wanted
    }

    /// Whether what is known of a name is too old to decide by.
    pub fn is_stale(&self, name: &EndpointName) -> bool {
        let now = self.clock.monotonic();
        let hosts = self.hosts.lock();
        let Some(known) = hosts.get(name.host()) else { return true };
        let fresh = if known.failure.is_some() { NAME_FAILURE_FRESH } else { NAME_FRESH };
        known.looked_up.is_none_or(|at| now.saturating_sub(at) > fresh)
    }

    /// Looks host names up, many at once; whoever comes first is noted first.
    pub async fn look_up(&self, hosts: impl IntoIterator<Item = Arc<str>>) {
        let lookups = stream::iter(hosts).map(|host| async move {
            let answers = self.resolver.look_up(&host).await;
            self.note(host, answers);
        });
        lookups.buffer_unordered(LOOK_UPS_MAX).collect::<()>().await;
    }

    fn note(&self, host: Arc<str>, answers: [Answer; 2]) {
        let mut hosts = self.hosts.lock();
        let known = hosts.entry(Arc::clone(&host)).or_default();
        let (failure, before) = (known.failure.clone(), known.addresses());
        let is_new = known.looked_up.is_none();
        known.take(answers, self.clock.monotonic());
        match (&failure, &known.failure) {
            (None, Some(why)) => {
                tracing::warn!(%host, "the name of an endpoint does not resolve: {why}; its last addresses are served on");
            }
            (Some(_), None) => tracing::info!(%host, "the name of an endpoint resolves again"),
            _ => {}
        }
        let addresses = known.addresses();
        if addresses != before {
            tracing::info!(%host, ?before, ?addresses, "the name of an endpoint stands for other addresses");
        }
        if is_new || addresses != before {
            self.publish(&hosts);
        }
    }

    fn publish(&self, hosts: &BTreeMap<Arc<str>, KnownHost>) {
        let resolved: ResolvedNames =
            hosts.iter().map(|(host, known)| (Arc::clone(host), known.addresses())).collect();
        if resolved != **self.resolved.load() {
            self.resolved.store(Arc::new(resolved));
            self.changed.notify_one();
        }
    }

    /// Forgets what nobody has routed for a while.
    pub fn forget_unwanted(&self) {
        let (wanted, now) = (self.wanted_hosts(), self.clock.monotonic());
        let mut hosts = self.hosts.lock();
        let before = hosts.len();
        hosts.retain(|host, known| {
            // What an earlier process found out may be wanted once the store was read.
            wanted.contains(host) || known.looked_up.is_none_or(|at| now.saturating_sub(at) < NAME_KEPT)
        });
        if hosts.len() != before {
            self.publish(&hosts);
        }
    }

    /// What an endpoint is reached at, by what is known: its addresses, and why others are left out or unknown.
    pub fn find(&self, endpoint: &Endpoint, policy: &AddressPolicy) -> FoundAddresses {
        let name = match endpoint {
            Endpoint::Address(address) => {
                return FoundAddresses { allowed: vec![*address], faults: Vec::new() };
            }
            Endpoint::Name(name) => name,
        };
        let mut found = FoundAddresses::default();
        let hosts = self.hosts.lock();
        let known = hosts.get(name.host());
        for ip in known.map(KnownHost::addresses).unwrap_or_default() {
            match policy.check((ip, name.port()).into()) {
                Ok(address) => found.allowed.push(address.into()),
                Err(error) => found.faults.push(format!("resolves to {ip}, which is left out: {error}")),
            }
        }
        let failure = match known {
            None => Some("it was not looked up yet"),
            Some(known) => known.failure.as_deref(),
        };
        if let Some(why) = failure {
            let served = if found.allowed.is_empty() { "" } else { "; its last addresses are served on" };
            found.faults.push(format!("does not resolve: {why}{served}"));
        }
        found
    }

    /// The names that are routed and that something is wrong with, each with what.
    pub fn faults(&self, policy: &AddressPolicy) -> Vec<(EndpointName, String)> {
        let wanted = self.wanted.lock().clone();
        let fault = |name: EndpointName| {
            let faults = self.find(&Endpoint::Name(name.clone()), policy).faults;
            faults.into_iter().map(move |fault| (name.clone(), fault))
        };
        wanted.into_iter().flat_map(fault).collect()
    }

    /// The addresses of the names that are routed, to be kept.
    pub fn to_saved(&self) -> SavedNames {
        let wanted = self.wanted_hosts();
        let hosts = self.hosts.lock();
        let known =
            hosts.iter().filter(|(host, known)| wanted.contains(*host) && !known.addresses().is_empty());
        known.map(|(host, known)| (host.to_string(), known.addresses())).collect()
    }

    /// Takes what an earlier process found out, where this one knows nothing yet.
    pub fn take_saved(&self, saved: SavedNames) {
        let mut hosts = self.hosts.lock();
        for (host, addresses) in saved {
            let (v4, v6) = addresses.into_iter().partition(IpAddr::is_ipv4);
            hosts.entry(host.into()).or_insert(KnownHost { v4, v6, ..KnownHost::default() });
        }
        self.publish(&hosts);
    }
}

/// Addresses by host name, as they are kept on disk.
pub type SavedNames = BTreeMap<String, Vec<IpAddr>>;

/// Where an endpoint is reached.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct FoundAddresses {
    /// Those that may be used.
    pub allowed: Vec<Address>,
    /// What is wrong with others, or with the name; each goes on where the name ends.
    pub faults: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(7);

    fn ips(texts: &[&str]) -> Vec<IpAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn known(v4: &[&str], v6: &[&str]) -> KnownHost {
        KnownHost { v4: ips(v4), v6: ips(v6), ..KnownHost::default() }
    }

    fn after(
        mut host: KnownHost,
        v4: Result<&[&str], &str>,
        v6: Result<&[&str], &str>,
    ) -> (Vec<IpAddr>, Option<String>) {
        let answer = |told: Result<&[&str], &str>| told.map(ips).map_err(str::to_owned);
        host.take([answer(v4), answer(v6)], NOW);
        (host.addresses(), host.failure)
    }

    #[test]
    fn a_name_that_stops_resolving_keeps_its_last_addresses() {
        let before = || known(&["10.0.0.1"], &["fd00::1"]);
        let all = ips(&["10.0.0.1", "fd00::1"]);
        let (addresses, failure) = after(before(), Ok(&[]), Ok(&[]));
        assert_eq!(
            (addresses, failure.as_deref()),
            (all.clone(), Some("there is no such name, or it has no address"))
        );
        for failed in [
            after(before(), Err("x"), Err("x")),
            after(before(), Err("x"), Ok(&[])),
            after(before(), Ok(&[]), Err("x")),
        ] {
            assert_eq!(failed, (all.clone(), Some("x".to_owned())));
        }
    }

    #[test]
    fn a_family_that_fails_keeps_its_own_addresses_and_one_that_is_gone_does_not() {
        let before = || known(&["10.0.0.1"], &["fd00::1"]);
        assert_eq!(after(before(), Ok(&["10.0.0.2"]), Err("x")), (ips(&["10.0.0.2", "fd00::1"]), None));
        assert_eq!(after(before(), Err("x"), Ok(&["fd00::2"])), (ips(&["10.0.0.1", "fd00::2"]), None));
        assert_eq!(after(before(), Ok(&["10.0.0.2"]), Ok(&[])), (ips(&["10.0.0.2"]), None));
    }

    #[test]
    fn the_order_of_an_answer_makes_no_difference() {
        let (one, _) = after(known(&[], &[]), Ok(&["10.0.0.2", "10.0.0.1", "10.0.0.2"]), Ok(&[]));
        assert_eq!(one, ips(&["10.0.0.1", "10.0.0.2"]));
        let many: Vec<String> = (0..1_000).map(|n| format!("10.1.{}.{}", n / 250, n % 250)).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(after(known(&[], &[]), Ok(&many), Ok(&[])).0.len(), ADDRESSES_PER_NAME_MAX);
    }

    #[tokio::test]
    async fn what_a_name_may_not_stand_for_is_left_out_each_time() {
        let board = NameBoard::new(NameResolver::default(), Clock::system());
        let name: EndpointName = "web:80".parse().unwrap();
        board.want([name.clone()].into());
        assert_eq!(board.unknown_hosts().len(), 1);
        board.note(
            "web".into(),
            [Ok(ips(&["10.0.0.1", "169.254.169.254"])), Ok(ips(&["::ffff:169.254.169.254"]))],
        );
        let policy = AddressPolicy { own: vec!["10.0.0.9:80".parse().unwrap()], ..AddressPolicy::default() };
        let endpoint = Endpoint::Name(name.clone());
        let found = board.find(&endpoint, &policy);
        assert_eq!((found.allowed, found.faults.len()), (vec!["10.0.0.1:80".parse().unwrap()], 2));
        board.note("web".into(), [Ok(ips(&["10.0.0.9"])), Ok(Vec::new())]);
        let faults = board.faults(&policy);
        assert!(
            matches!(faults.as_slice(), [(_, fault)] if fault.contains("10.0.0.9, which is left out")),
            "{faults:?}"
        );
        assert!(board.unknown_hosts().is_empty() && !board.is_stale(&name));
        assert_eq!(board.to_saved(), [("web".to_owned(), ips(&["10.0.0.9"]))].into());
    }
}
