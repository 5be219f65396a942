//! The store in an etcd cluster.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;

use super::{
    entries,
    gateway::{Gateway, meaning},
    status::{status, status_at},
    tail,
    wire::{
        Blob, Compare, GrantAnswer, GrantCall, LeaseName, Number, Operation, Range, RangeAnswer,
        StreamMessage, Txn, TxnAnswer,
    },
};
use crate::{
    backends::remote::{Failure, Hub, ResyncWatch},
    contract::{
        Capabilities, Check, Entry, Epoch, Lease, LeaseId, Listing, Outcome, Revision, Store, StoreError,
        Watch, Write,
    },
    key::Key,
    limits::{COMMIT_CHECKS_MAX, check_commit, check_ttl},
    open_error::OpenError,
};

/// A store in an etcd cluster.
#[derive(Debug)]
pub struct Etcd {
    gateway: Arc<Gateway>,
    hub: Hub,
}

impl Etcd {
    /// Connects to what follows `etcd:`, or with TLS to what follows `etcds:`:
    /// `//[user:password@]host[:port][,host[:port]...][?prefix=P&ca=FILE&cert=FILE&key=FILE]`.
    ///
    /// `prefix` stands before every key; `ca`, `cert` and `key` are PEM files.
    pub async fn open(rest: &str, tls: bool) -> Result<Self, OpenError> {
        let store = Self { gateway: Arc::new(Gateway::open(rest, tls)?), hub: Hub::default() };
        status(&store.gateway).await?;
        Ok(store)
    }

    /// Whether that can be used, as far as it is known without connecting.
    pub fn check_address(rest: &str, tls: bool) -> Result<(), OpenError> {
        Gateway::open(rest, tls).map(drop)
    }

    fn full(&self, key: &Key) -> Blob {
        entries::full(self.gateway.prefix(), key.as_str())
    }

    fn compare(&self, check: &Check) -> Compare {
        let (target, create_revision, mod_revision) = match check {
            Check::Absent(_) => ("CREATE", Some(Number(0)), None),
            // A missing key has revision 0, but none was ever written at it.
            Check::Unchanged(_, 0) => ("MOD", None, Some(Number(i64::MAX as u64))),
            Check::Unchanged(_, revision) => ("MOD", None, Some(Number::from(*revision))),
        };
        Compare { key: self.full(check.key()), result: "EQUAL", target, create_revision, mod_revision }
    }

    fn operation(&self, write: &Write) -> Operation {
        let key = self.full(write.key());
        match write {
            Write::Put { value, lease, .. } => {
                let lease = Number(lease.map_or(0, |lease| lease.0));
                Operation::Put { key, value: Blob(value.clone()), lease }
            }
            Write::Delete { .. } => Operation::Delete { key },
        }
    }

    async fn txn(&self, txn: &Txn) -> Result<TxnAnswer, StoreError> {
        self.gateway.read("kv/txn", txn).await
    }
}

/// Which check failed, by what the keys were at that moment.
fn failed(checks: &[Check], answer: &TxnAnswer) -> Option<Key> {
    let found = answer.responses.iter().map(|response| response.response_range.kvs.first());
    let broken = checks.iter().zip(found).find(|(check, found)| match (check, found) {
        (Check::Absent(_), found) => found.is_some(),
        (Check::Unchanged(..), None) => true,
        (Check::Unchanged(_, revision), Some(found)) => found.mod_revision.0 != *revision,
    });
    broken.map(|(check, _)| check.key().clone())
}

#[async_trait]
impl Store for Etcd {
    fn capabilities(&self) -> Capabilities {
        Capabilities::SERVER
    }

    /// The cluster's id. It is derived from the members' configuration, so a cluster that was wiped and started
    /// again with the same flags has the same one; its revision falls then.
    async fn epoch(&self) -> Result<Epoch, StoreError> {
        let (_, cluster) = status(&self.gateway).await?;
        Ok(Epoch(format!("etcd-{cluster:x}")))
    }

    async fn get(&self, key: &Key) -> Result<Option<Entry>, StoreError> {
        let range = Range { key: self.full(key), ..Range::default() };
        let ranged: RangeAnswer = self.gateway.read("kv/range", &range).await?;
        Ok(ranged.kvs.into_iter().find_map(|found| entries::entry(self.gateway.prefix(), found)))
    }

    async fn list(&self, prefixes: &[&str]) -> Result<Listing, StoreError> {
        if prefixes.len() > COMMIT_CHECKS_MAX {
            return Err(StoreError::Invalid(format!("at most {COMMIT_CHECKS_MAX} prefixes in one listing")));
        }
        let prefix = self.gateway.prefix();
        let ranges = prefixes.iter().map(|below| entries::below(&format!("{prefix}{below}")));
        let txn = Txn { success: ranges.map(Operation::Range).collect(), ..Txn::default() };
        let answer = self.txn(&txn).await?;
        let found = answer.responses.into_iter().flat_map(|response| response.response_range.kvs);
        let found = found.filter_map(|found| entries::entry(prefix, found));
        let entries = found.map(|entry| (entry.key.clone(), entry)).collect::<BTreeMap<_, _>>();
        Ok(Listing { revision: answer.header.revision.0, entries: entries.into_values().collect() })
    }

    async fn page(
        &self,
        below: &str,
        after: Option<&Key>,
        entries_max: usize,
    ) -> Result<Listing, StoreError> {
        let prefix = self.gateway.prefix();
        let mut after = after.map(|after| self.full(after));
        loop {
            let range = entries::page(&format!("{prefix}{below}"), after.as_ref(), entries_max.max(1));
            let ranged: RangeAnswer = self.gateway.read("kv/range", &range).await?;
            let revision = ranged.header.revision.0;
            after = ranged.kvs.last().map(|last| last.key.clone());
            let found = ranged.kvs.into_iter().filter_map(|found| entries::entry(prefix, found));
            let entries: Vec<Entry> = found.collect();
            // A page of another tool's keys alone is not the end.
            if !entries.is_empty() || after.is_none() {
                return Ok(Listing { revision, entries });
            }
        }
    }

    async fn commit(&self, checks: Vec<Check>, writes: Vec<Write>) -> Result<Outcome, StoreError> {
        check_commit(&checks, &writes)?;
        let look = |check: &Check| {
            Operation::Range(Range { key: self.full(check.key()), keys_only: true, ..Range::default() })
        };
        let txn = Txn {
            compare: checks.iter().map(|check| self.compare(check)).collect(),
            success: writes.iter().map(|write| self.operation(write)).collect(),
            failure: checks.iter().map(look).collect(),
        };
        match self.gateway.call::<TxnAnswer>("kv/txn", &txn).await {
            Ok(answer) if answer.succeeded => Ok(Outcome::Done(answer.header.revision.0)),
            Ok(answer) => failed(&checks, &answer)
                .map(Outcome::Conflict)
                .ok_or_else(|| StoreError::Corrupt("a transaction failed although its checks hold".into())),
            Err(Failure::Refused(error)) => Err(error),
            Err(Failure::Lost(text)) => Ok(Outcome::Unknown(text)),
        }
    }

    async fn watch(&self, prefixes: &[&str], after: Revision) -> Result<Box<dyn Watch>, StoreError> {
        let (revision, _) = status(&self.gateway).await?;
        if after > revision {
            return Ok(Box::new(ResyncWatch));
        }
        let gateway = Arc::clone(&self.gateway);
        Ok(Box::new(self.hub.watch(prefixes, after, |feeder| tail::run(gateway, feeder))))
    }

    async fn lease(&self, ttl: Duration) -> Result<Box<dyn Lease>, StoreError> {
        check_ttl(ttl)?;
        let grant = GrantCall { ttl: Number(ttl.as_secs() + u64::from(ttl.subsec_nanos() > 0)) };
        let granted: GrantAnswer = self.gateway.call("lease/grant", &grant).await?;
        Ok(Box::new(EtcdLease { gateway: Arc::clone(&self.gateway), id: granted.id }))
    }

    async fn has_history(&self, revisions: u64) -> Result<bool, StoreError> {
        let (now, _) = status(&self.gateway).await?;
        // The first revision is that of an empty store.
        let Some(then) = now.checked_sub(revisions).filter(|then| *then > 1) else { return Ok(false) };
        match status_at(&self.gateway, then).await {
            Ok(_) => Ok(true),
            // It was compacted.
            Err(StoreError::Invalid(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

#[derive(Debug)]
struct EtcdLease {
    gateway: Arc<Gateway>,
    id: Number,
}

#[async_trait]
impl Lease for EtcdLease {
    fn id(&self) -> LeaseId {
        LeaseId(self.id.0)
    }

    async fn keep_alive(&self) -> Result<(), StoreError> {
        let kept: StreamMessage<GrantAnswer> =
            self.gateway.read("lease/keepalive", &LeaseName { id: self.id }).await?;
        match (kept.result, kept.error) {
            (_, Some(refusal)) => Err(meaning(&refusal)),
            (Some(granted), None) if granted.ttl > Number(0) => Ok(()),
            _ => Err(StoreError::LeaseEnded),
        }
    }

    async fn revoke(self: Box<Self>) -> Result<(), StoreError> {
        let revoked =
            self.gateway.read::<serde_json::Value>("lease/revoke", &LeaseName { id: self.id }).await;
        match revoked {
            Ok(_) | Err(StoreError::LeaseEnded) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
