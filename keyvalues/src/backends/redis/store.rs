//! The store on a Redis server.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;

use super::{
    link::{Failure, Link},
    place::Scheme,
    reply, tail,
};
use crate::{
    backends::{
        local::random_id,
        remote::{Hub, ResyncWatch},
    },
    contract::{
        Capabilities, Check, Entry, Epoch, Lease, LeaseId, Listing, Outcome, Revision, Store, StoreError,
        Watch, Write,
    },
    key::Key,
    limits::{check_commit, check_ttl},
    open_error::OpenError,
};

/// A store on a Redis server.
#[derive(Debug)]
pub struct Redis {
    link: Arc<Link>,
    hub: Hub,
}

impl Redis {
    /// Connects to what follows `redis:`, or with TLS to what follows `rediss:`:
    /// `//[user][:password]@host[:port][/database][?prefix=P&replicas=N&ca=FILE&cert=FILE&key=FILE]`.
    ///
    /// `prefix` stands before every key. With `replicas`, a commit is done only once that many replicas have it.
    /// `ca`, `cert` and `key` are PEM files.
    pub async fn open(rest: &str, tls: bool) -> Result<Self, OpenError> {
        Self::open_by(rest, Scheme { tls, sentinel: false }).await
    }

    /// Connects to the primary that Sentinels watch, and follows it to another server when that becomes the primary:
    /// `//[user][:password]@host[:port][,host[:port]...]/name[/database][?sentinel_user=U&sentinel_password=P&...]`, where the hosts
    /// are the Sentinels', and the login and the other options are as for [`Redis::open`].
    pub async fn open_watched(rest: &str, tls: bool) -> Result<Self, OpenError> {
        Self::open_by(rest, Scheme { tls, sentinel: true }).await
    }

    async fn open_by(rest: &str, scheme: Scheme) -> Result<Self, OpenError> {
        let link = Arc::new(Link::open(rest, scheme)?);
        let store = Self { link, hub: Hub::default() };
        store.epoch().await?;
        Ok(store)
    }

    /// Whether that can be used, as far as it is known without connecting.
    pub fn check_address(rest: &str, tls: bool) -> Result<(), OpenError> {
        Link::open(rest, Scheme { tls, sentinel: false }).map(drop)
    }

    /// The same of an address with Sentinels.
    pub fn check_watched_address(rest: &str, tls: bool) -> Result<(), OpenError> {
        Link::open(rest, Scheme { tls, sentinel: true }).map(drop)
    }

    /// Revision, how far the log is compacted, and the epoch.
    async fn status(&self) -> Result<(Revision, Revision, String), StoreError> {
        let id = random_id()?;
        self.link.read(&self.link.command("status").arg(id)).await
    }
}

#[async_trait]
impl Store for Redis {
    fn capabilities(&self) -> Capabilities {
        Capabilities::SERVER
    }

    async fn epoch(&self) -> Result<Epoch, StoreError> {
        let (_, _, id) = self.status().await?;
        Ok(Epoch(format!("redis-{id}")))
    }

    async fn get(&self, key: &Key) -> Result<Option<Entry>, StoreError> {
        let rows = self.link.read(&self.link.command("get").arg(key.as_str())).await?;
        Ok(reply::entries(rows)?.pop())
    }

    async fn list(&self, prefixes: &[&str]) -> Result<Listing, StoreError> {
        let (revision, rows) = self.link.read(&self.link.command("list").arg(prefixes).large()).await?;
        let mut entries = reply::entries(rows)?;
        entries.sort_unstable_by(|one, other| one.key.cmp(&other.key));
        Ok(Listing { revision, entries })
    }

    async fn page(
        &self,
        prefix: &str,
        after: Option<&Key>,
        entries_max: usize,
    ) -> Result<Listing, StoreError> {
        // A key before the prefix is as good as none.
        let after = after.map(Key::as_str).filter(|after| *after >= prefix).unwrap_or_default();
        let command = self.link.command("page").arg(prefix).arg(after).arg(entries_max.max(1)).large();
        let (revision, rows) = self.link.read(&command).await?;
        let mut entries = reply::entries(rows)?;
        entries.sort_unstable_by(|one, other| one.key.cmp(&other.key));
        Ok(Listing { revision, entries })
    }

    async fn commit(&self, checks: Vec<Check>, writes: Vec<Write>) -> Result<Outcome, StoreError> {
        check_commit(&checks, &writes)?;
        let mut command = self.link.command("commit").arg(checks.len()).arg(writes.len());
        for check in &checks {
            let (kind, revision) = match check {
                Check::Absent(_) => ("absent", 0),
                Check::Unchanged(_, revision) => ("unchanged", *revision),
            };
            command = command.arg(kind).arg(check.key().as_str()).arg(revision);
        }
        for write in &writes {
            let (kind, lease) = match write {
                Write::Put { lease, .. } => ("put", lease.map_or(0, |lease| lease.0)),
                Write::Delete { .. } => ("delete", 0),
            };
            command = command.arg(kind).arg(write.key().as_str()).arg(lease);
            command = command.arg(write.value().unwrap_or_default());
        }
        match self.link.write(&command).await {
            Ok(answer) => self.link.replicated(reply::outcome(answer)?).await,
            Err(Failure::Refused(error)) => Err(error),
            Err(Failure::Lost(text)) => Ok(Outcome::Unknown(text)),
        }
    }

    async fn watch(&self, prefixes: &[&str], after: Revision) -> Result<Box<dyn Watch>, StoreError> {
        let (revision, compacted, _) = self.status().await?;
        if !(compacted..=revision).contains(&after) {
            return Ok(Box::new(ResyncWatch));
        }
        let link = Arc::clone(&self.link);
        Ok(Box::new(self.hub.watch(prefixes, after, |feeder| tail::run(link, feeder))))
    }

    async fn risk(&self) -> Option<String> {
        eviction_risk(&self.link.memory_facts().await?)
    }

    async fn lease(&self, ttl: Duration) -> Result<Box<dyn Lease>, StoreError> {
        check_ttl(ttl)?;
        let id = self.link.call(&self.link.command("grant").arg(millis(ttl))).await?;
        Ok(Box::new(RedisLease { link: Arc::clone(&self.link), id: LeaseId(id), ttl }))
    }
}

/// What `INFO memory` says of a server that deletes keys when its memory is full.
fn eviction_risk(facts: &str) -> Option<String> {
    let fact = |name: &str| facts.lines().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix(':'));
    let (bytes, policy) = (fact("maxmemory")?, fact("maxmemory_policy")?);
    (bytes != "0" && policy != "noeviction").then(|| {
        format!(
            "Redis deletes keys when its memory is full (`maxmemory` {bytes}, `maxmemory-policy` {policy}), and what it deletes is \
             lost; set `maxmemory-policy` to `noeviction`"
        )
    })
}

/// Whole milliseconds, at least one.
fn millis(ttl: Duration) -> u64 {
    u64::try_from(ttl.as_millis()).map_or(u64::MAX, |millis| millis.max(1))
}

#[derive(Debug)]
struct RedisLease {
    link: Arc<Link>,
    id: LeaseId,
    ttl: Duration,
}

#[async_trait]
impl Lease for RedisLease {
    fn id(&self) -> LeaseId {
        self.id
    }

    async fn keep_alive(&self) -> Result<(), StoreError> {
        let command = self.link.command("keep").arg(self.id.0).arg(millis(self.ttl));
        match self.link.read::<u8>(&command).await? {
            0 => Err(StoreError::LeaseEnded),
            _ => Ok(()),
        }
    }

    async fn revoke(self: Box<Self>) -> Result<(), StoreError> {
        self.link.read::<u8>(&self.link.command("revoke").arg(self.id.0)).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_limit_with_a_policy_that_deletes_is_a_risk() {
        let facts = |bytes: &str, policy: &str| {
            format!("# Memory\r\nmaxmemory:{bytes}\r\nmaxmemory_policy:{policy}\r\n")
        };
        assert!(eviction_risk(&facts("1000", "allkeys-lru")).unwrap().contains("allkeys-lru"));
        assert!(eviction_risk(&facts("1000", "volatile-ttl")).is_some());
        assert_eq!(eviction_risk(&facts("0", "allkeys-lru")), None);
        assert_eq!(eviction_risk(&facts("1000", "noeviction")), None);
        assert_eq!(eviction_risk(""), None);
    }
}
