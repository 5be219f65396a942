//! The store of another rolling-router, served below `/api/v1/store` of its admin port.
//!
//! Everything is the server's: revisions, epoch, leases, the order of changes. A watch is one answer that goes on.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use reqwest::{Method, StatusCode};

use super::link::{ANSWER_WITHIN, Link};
use crate::{
    backends::remote::{Failure, Lines},
    contract::{
        Batch, Capabilities, Check, Entry, Epoch, Event, Lease, LeaseId, Listing, Outcome, Revision, Store,
        StoreError, Watch, WatchItem, Write,
    },
    key::Key,
    limits::{check_commit, check_ttl},
    open_error::OpenError,
    wire::{
        About, BadKey, CONTRACT, CommitCall, GetAnswer, GetCall, LeaseAnswer, LeaseCall, ListAnswer,
        ListCall, OutcomeForm, ROOT, WatchCall, WatchForm,
    },
};

/// The store behind a router.
#[derive(Debug)]
pub(super) struct RouterStore {
    link: Arc<Link>,
    capabilities: Capabilities,
}

impl RouterStore {
    /// Asks the server which contract it keeps; `None` when it keeps none, or not for the holder of this token.
    pub(super) async fn about(link: &Link) -> Result<Option<About>, StoreError> {
        let response = link.answer(link.request(Method::GET, ROOT).timeout(ANSWER_WITHIN)).await?;
        let status = response.status();
        let known = response.json().await.ok().filter(|_| status.is_success());
        if known.is_none() && status == StatusCode::SERVICE_UNAVAILABLE {
            return Err(StoreError::Unreachable("the server is not ready".into()));
        }
        Ok(known)
    }

    /// The store of a server that keeps this contract.
    pub(super) fn open(link: Link, about: &About) -> Result<Self, OpenError> {
        if about.contract != CONTRACT {
            let text = format!(
                "the server keeps the contract `{}`; this version needs `{CONTRACT}`",
                about.contract
            );
            return Err(OpenError::Store(StoreError::Invalid(text)));
        }
        Ok(Self { capabilities: about.capabilities(), link: Arc::new(link) })
    }

    fn full(&self, key: &Key) -> String {
        format!("{}{key}", self.link.prefix())
    }

    fn prefixes(&self, prefixes: &[&str]) -> Vec<String> {
        prefixes.iter().map(|prefix| format!("{}{prefix}", self.link.prefix())).collect()
    }

    fn check(&self, check: Check) -> Result<Check, StoreError> {
        Ok(match check {
            Check::Absent(key) => Check::Absent(self.full_key(&key)?),
            Check::Unchanged(key, modified) => Check::Unchanged(self.full_key(&key)?, modified),
        })
    }

    fn write(&self, write: Write) -> Result<Write, StoreError> {
        Ok(match write {
            Write::Put { key, value, lease } => Write::Put { key: self.full_key(&key)?, value, lease },
            Write::Delete { key } => Write::Delete { key: self.full_key(&key)? },
        })
    }

    async fn ask_list(&self, call: &ListCall) -> Result<Listing, StoreError> {
        let answer: ListAnswer = self.link.call(&format!("{ROOT}/list"), call).await?;
        let Listing { revision, entries } = answer.try_into().map_err(corrupt)?;
        let entries = entries.into_iter().map(|entry| own_entry(self.link.prefix(), entry));
        Ok(Listing { revision, entries: entries.collect::<Result<_, _>>()? })
    }

    /// The key with the prefix before it.
    fn full_key(&self, key: &Key) -> Result<Key, StoreError> {
        if self.link.prefix().is_empty() {
            return Ok(key.clone());
        }
        let full = self.full(key);
        Key::new(&full).map_err(|error| StoreError::Invalid(format!("`{full}`: {error}")))
    }
}

async fn about(link: &Link) -> Result<About, Failure> {
    link.ask(link.request(Method::GET, ROOT)).await
}

/// A key without the prefix. The server must not send keys without it.
fn own(prefix: &str, key: &Key) -> Result<Key, StoreError> {
    let short = key.as_str().strip_prefix(prefix).and_then(|short| Key::new(short).ok());
    short.ok_or_else(|| {
        StoreError::Corrupt(format!("the server sent the key `{key}`, which does not begin with `{prefix}`"))
    })
}

fn own_entry(prefix: &str, mut entry: Entry) -> Result<Entry, StoreError> {
    if !prefix.is_empty() {
        entry.key = own(prefix, &entry.key)?;
    }
    Ok(entry)
}

fn corrupt(error: BadKey) -> StoreError {
    StoreError::Corrupt(error.to_string())
}

#[async_trait]
impl Store for RouterStore {
    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    async fn epoch(&self) -> Result<Epoch, StoreError> {
        Ok(Epoch(about(&self.link).await?.epoch))
    }

    async fn get(&self, key: &Key) -> Result<Option<Entry>, StoreError> {
        let call = GetCall { key: self.full(key) };
        let answer: GetAnswer = self.link.call(&format!("{ROOT}/get"), &call).await?;
        let entry = answer.entry.map(Entry::try_from).transpose().map_err(corrupt)?;
        entry.map(|entry| own_entry(self.link.prefix(), entry)).transpose()
    }

    async fn list(&self, prefixes: &[&str]) -> Result<Listing, StoreError> {
        self.ask_list(&ListCall { prefixes: self.prefixes(prefixes), after: None, limit: None }).await
    }

    async fn page(
        &self,
        prefix: &str,
        after: Option<&Key>,
        entries_max: usize,
    ) -> Result<Listing, StoreError> {
        let after_full = after.map(|after| self.full(after));
        let call =
            ListCall { prefixes: self.prefixes(&[prefix]), after: after_full, limit: Some(entries_max) };
        match self.ask_list(&call).await {
            Err(StoreError::Invalid(_)) => {
                // A router of an earlier version knows no pages.
                let mut listing = self.list(&[prefix]).await?;
                listing.entries.retain(|entry| after.is_none_or(|after| entry.key > *after));
                Ok(listing)
            }
            page => page,
        }
    }

    async fn commit(&self, checks: Vec<Check>, writes: Vec<Write>) -> Result<Outcome, StoreError> {
        check_commit(&checks, &writes)?;
        let checks = checks.into_iter().map(|check| self.check(check)).collect::<Result<_, _>>()?;
        let writes = writes.into_iter().map(|write| self.write(write)).collect::<Result<_, _>>()?;
        let call = CommitCall::of(checks, writes);
        match self.link.call::<OutcomeForm>(&format!("{ROOT}/commit"), &call).await {
            Ok(outcome) => match outcome.try_into().map_err(corrupt)? {
                Outcome::Conflict(key) => Ok(Outcome::Conflict(own(self.link.prefix(), &key)?)),
                outcome => Ok(outcome),
            },
            Err(Failure::Refused(error)) => Err(error),
            Err(Failure::Lost(text)) => Ok(Outcome::Unknown(text)),
        }
    }

    async fn watch(&self, prefixes: &[&str], after: Revision) -> Result<Box<dyn Watch>, StoreError> {
        let call = WatchCall { prefixes: self.prefixes(prefixes), after };
        let request = self.link.request(Method::POST, &format!("{ROOT}/watch")).json(&call);
        let response = self.link.send(request).await?;
        Ok(Box::new(RouterWatch { link: Arc::clone(&self.link), lines: Lines::of(response) }))
    }

    async fn lease(&self, ttl: Duration) -> Result<Box<dyn Lease>, StoreError> {
        check_ttl(ttl)?;
        let call = LeaseCall { ttl_ms: u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX).max(1) };
        let granted: LeaseAnswer = self.link.call(&format!("{ROOT}/leases"), &call).await?;
        Ok(Box::new(RouterLease { link: Arc::clone(&self.link), id: LeaseId(granted.lease) }))
    }
}

#[derive(Debug)]
struct RouterWatch {
    link: Arc<Link>,
    lines: Lines,
}

#[async_trait]
impl Watch for RouterWatch {
    async fn next(&mut self) -> Result<WatchItem, StoreError> {
        let line = self.lines.next().await?;
        let form: WatchForm = serde_json::from_slice(&line)
            .map_err(|error| StoreError::Corrupt(format!("a line of the watch cannot be read: {error}")))?;
        let (revision, events) = match form {
            WatchForm::Batch { revision, events } => (revision, events),
            WatchForm::Progress(revision) => return Ok(WatchItem::Progress(revision)),
            WatchForm::Resync {} => return Ok(WatchItem::Resync),
            WatchForm::Error(text) => return Err(StoreError::Unreachable(text)),
        };
        let prefix = self.link.prefix();
        let read = |form| match Event::try_from(form).map_err(corrupt)? {
            Event::Put(entry) => own_entry(prefix, entry).map(Event::Put),
            Event::Deleted { key } => own(prefix, &key).map(|key| Event::Deleted { key }),
        };
        let events = events.into_iter().map(read).collect::<Result<_, _>>()?;
        Ok(WatchItem::Batch(Batch { revision, events }))
    }
}

#[derive(Debug)]
struct RouterLease {
    link: Arc<Link>,
    id: LeaseId,
}

impl RouterLease {
    fn path(&self) -> String {
        format!("{ROOT}/leases/{}", self.id.0)
    }
}

#[async_trait]
impl Lease for RouterLease {
    fn id(&self) -> LeaseId {
        self.id
    }

    async fn keep_alive(&self) -> Result<(), StoreError> {
        let path = format!("{}/keep-alive", self.path());
        let kept = self.link.call::<serde_json::Value>(&path, &serde_json::json!({})).await;
        Ok(kept.map(drop)?)
    }

    async fn revoke(self: Box<Self>) -> Result<(), StoreError> {
        let request = self.link.request(Method::DELETE, &self.path());
        match self.link.ask::<serde_json::Value>(request).await.map_err(StoreError::from) {
            Ok(_) | Err(StoreError::LeaseEnded) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
