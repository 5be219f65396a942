//! A server that has keys and values and no commits: Consul's `/v1/kv/`, or the same shape below `/api/kv/` as the
//! Oracle Container Cloud had it. It is followed, not commanded.
//!
//! Everything is read again and again, and what differs becomes a change. Revisions are our own and begin anew with
//! every process, since a server's indexes belong to keys, may be missing, and may fall. Where there are indexes
//! they say in which order keys were written, and let a question wait at the server until there is an answer.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use reqwest::{Method, Response, StatusCode};
use serde::Deserialize;
use tokio::{task::AbortHandle, time::Instant};

use super::link::Link;
use crate::{
    backends::{
        local::{LogWatch, Plan, SharedState, State},
        remote::{ANSWER_WITHIN, redirected},
    },
    contract::{
        Capabilities, Check, Durability, Entry, Epoch, Lease, Listing, Outcome, Revision, Store, StoreError,
        Watch, WatchMode, Write,
    },
    key::Key,
    open_error::OpenError,
};

/// Where a server may have its keys, in the order in which they are tried.
const ROOTS: [&str; 2] = ["/v1/kv/", "/api/kv/"];

/// How often a server is asked that cannot let a question wait: a fifth of what a template generator took.
const POLL_EVERY: Duration = Duration::from_secs(1);

/// How long a question waits at a server that can: so that a silence is noticed as soon as elsewhere.
const WAIT: &str = "1s";

/// Between two questions at a server that answers at once because something changes all the time.
const REST: Duration = Duration::from_millis(100);

/// The longest answer taken: 20 times what 10,000 keys need.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// Keys and values that are followed.
#[derive(Debug)]
pub(super) struct PlainStore {
    shared: Arc<SharedState>,
    poll: AbortHandle,
}

impl PlainStore {
    /// Finds out which shape the server speaks, and reads everything once.
    pub(super) async fn open(link: Link) -> Result<Self, OpenError> {
        let mut found = None;
        for root in ROOTS {
            let snapshot = fetch(&link, root, None).await.map_err(OpenError::Store)?;
            if let Some(snapshot) = snapshot {
                found = Some((root, snapshot));
                break;
            }
        }
        let Some((root, snapshot)) = found else {
            let text = "the server is not the admin port of a rolling-router, and has no keys below `/v1/kv/` or `/api/kv/`";
            return Err(OpenError::Store(StoreError::Invalid(text.into())));
        };
        let shared = SharedState::new(State::default());
        let mut poller =
            Poller { link, root, index: None, known: BTreeMap::new(), shared: Arc::clone(&shared) };
        poller.take(snapshot)?;
        let poll = tokio::spawn(poller.run()).abort_handle();
        Ok(Self { shared, poll })
    }
}

impl Drop for PlainStore {
    fn drop(&mut self) {
        self.poll.abort();
    }
}

/// One key as the server has it. A value that was never set is null.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Item {
    key: String,
    #[serde(default)]
    value: Option<String>,
    #[serde(default)]
    modify_index: u64,
}

/// Value, and when it was written in the server's own count (0: it does not say), by key.
type Values = BTreeMap<Key, (Bytes, u64)>;

/// Everything, once.
#[derive(Debug, Default)]
struct Snapshot {
    index: Option<u64>,
    values: Values,
}

/// The task that asks.
#[derive(Debug)]
struct Poller {
    link: Link,
    root: &'static str,
    index: Option<u64>,
    known: Values,
    shared: Arc<SharedState>,
}

impl Poller {
    async fn run(mut self) {
        loop {
            let asked = Instant::now();
            let before = self.index;
            let read = match fetch(&self.link, self.root, before).await {
                Ok(Some(snapshot)) => self.take(snapshot),
                Ok(None) => {
                    Err(StoreError::Unreachable("the server has no keys any more where they were".into()))
                }
                Err(error) => Err(error),
            };
            if read.is_err() {
                // A restarted server may count anew, and a question must not wait for what will not come.
                self.index = None;
            }
            self.shared.lock().set_read_error(read.err());
            self.shared.wake();
            let waited = before.is_some() && (self.index != before || asked.elapsed() >= POLL_EVERY / 2);
            tokio::time::sleep_until(asked + if waited { REST } else { POLL_EVERY }).await;
        }
    }

    /// Makes what differs a change, in the order in which it was written as far as that is known. Deletions are last.
    fn take(&mut self, snapshot: Snapshot) -> Result<(), StoreError> {
        let mut written: BTreeMap<u64, Vec<Write>> = BTreeMap::new();
        for (key, (value, index)) in &snapshot.values {
            if self.known.get(key) != Some(&(value.clone(), *index)) {
                written.entry(*index).or_default().push(Write::put(key.clone(), value.clone()));
            }
        }
        let now: BTreeSet<&Key> = snapshot.values.keys().collect();
        let gone = self.known.keys().filter(|key| !now.contains(key));
        let gone: Vec<Write> = gone.map(|key| Write::delete(key.clone())).collect();
        for writes in written.into_values().chain([gone]) {
            self.change(writes)?;
        }
        self.index = snapshot.index;
        self.known = snapshot.values;
        Ok(())
    }

    fn change(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        let mut state = self.shared.lock();
        if let Plan::Change(batch) = state.plan(&[], writes)? {
            state.apply(batch);
            drop(state);
            self.shared.wake();
        }
        Ok(())
    }
}

/// Reads everything; with an index, once it is another one or a while has passed. `None`: there is no such thing.
async fn fetch(link: &Link, root: &str, index: Option<u64>) -> Result<Option<Snapshot>, StoreError> {
    let path = format!("{root}{}", link.prefix());
    let waiting = index.map(|index| format!("&index={index}&wait={WAIT}")).unwrap_or_default();
    let request = link.request(Method::GET, &format!("{path}?recurse=true{waiting}"));
    let response = link.answer(request.timeout(ANSWER_WITHIN)).await?;
    let index = header(&response);
    if let Some(error) = redirected(response.status()) {
        return Err(error);
    }
    match response.status() {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            Err(StoreError::Denied(format!("{} for {path}", response.status())))
        }
        // Without any key Consul knows of none, which its index tells from a page that is not there.
        StatusCode::NOT_FOUND if index.is_some() => Ok(Some(Snapshot { index, ..Snapshot::default() })),
        status if status.is_server_error() => {
            Err(StoreError::Unreachable(format!("the server answered {status} for {path}")))
        }
        status if !status.is_success() => Ok(None),
        _ => {
            let body = whole(response).await?;
            Ok(parse(&body, link.prefix())?.map(|values| Snapshot { index, values }))
        }
    }
}

/// Consul's index; 0 is none, and would not be waited for.
fn header(response: &Response) -> Option<u64> {
    let index = response.headers().get("x-consul-index")?.to_str().ok()?.parse().ok()?;
    (index > 0).then_some(index)
}

async fn whole(mut response: Response) -> Result<Vec<u8>, StoreError> {
    let broken =
        |error: reqwest::Error| StoreError::Unreachable(format!("the answer was cut short: {error}"));
    let mut body = Vec::new();
    while let Some(bytes) = response.chunk().await.map_err(broken)? {
        body.extend_from_slice(&bytes);
        if body.len() > ANSWER_BYTES_MAX {
            let text = format!(
                "the server's keys have more than {ANSWER_BYTES_MAX} bytes; choose fewer with `?prefix=`"
            );
            return Err(StoreError::Invalid(text));
        }
    }
    Ok(body)
}

/// Values by key; `None` when the answer has another shape. Keys that are no valid names (such as folders, which end
/// in a slash) are left out.
fn parse(body: &[u8], prefix: &str) -> Result<Option<Values>, StoreError> {
    let Ok(items) = serde_json::from_slice::<Option<Vec<Item>>>(body) else { return Ok(None) };
    let mut values = BTreeMap::new();
    for item in items.unwrap_or_default() {
        let Some(key) = item.key.strip_prefix(prefix).and_then(|key| Key::new(key).ok()) else { continue };
        let value = STANDARD.decode(item.value.unwrap_or_default());
        let value = value.map_err(|_| StoreError::Corrupt(format!("the value of `{key}` is not base64")))?;
        values.insert(key, (value.into(), item.modify_index));
    }
    Ok(Some(values))
}

#[async_trait]
impl Store for PlainStore {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            atomic_commit: false,
            lease: false,
            watch: WatchMode::Polled(POLL_EVERY),
            durability: Durability::Server,
        }
    }

    async fn epoch(&self) -> Result<Epoch, StoreError> {
        Ok(Epoch::default())
    }

    async fn get(&self, key: &Key) -> Result<Option<Entry>, StoreError> {
        let state = self.shared.lock();
        state.read_error().map_or_else(|| Ok(state.get(key.as_str()).cloned()), Err)
    }

    async fn list(&self, prefixes: &[&str]) -> Result<Listing, StoreError> {
        let state = self.shared.lock();
        state.read_error().map_or_else(|| Ok(state.list(prefixes)), Err)
    }

    async fn commit(&self, _: Vec<Check>, _: Vec<Write>) -> Result<Outcome, StoreError> {
        Err(StoreError::Unsupported("commits: its keys are followed"))
    }

    async fn watch(&self, prefixes: &[&str], after: Revision) -> Result<Box<dyn Watch>, StoreError> {
        Ok(Box::new(LogWatch::new(&self.shared, prefixes, after)))
    }

    async fn lease(&self, _: Duration) -> Result<Box<dyn Lease>, StoreError> {
        Err(StoreError::Unsupported("leases: its keys are followed"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_as_consul_gives_it() {
        let body = br#"[{"LockIndex":0,"Key":"a/b","Flags":0,"Value":"MTA=","CreateIndex":5,"ModifyIndex":7},
            {"Key":"a/","Value":null,"ModifyIndex":8},{"Key":"a/none","Value":null,"ModifyIndex":9}]"#;
        let values = parse(body, "").unwrap().unwrap();
        let of = |key: &str| values.get(key).cloned();
        assert_eq!(values.len(), 2, "a folder is no key");
        assert_eq!(of("a/b"), Some((Bytes::from_static(b"10"), 7)));
        assert_eq!(of("a/none"), Some((Bytes::new(), 9)));
        assert_eq!(parse(body, "a/").unwrap().unwrap().len(), 2);
        assert!(parse(b"null", "").unwrap().unwrap().is_empty());
    }

    #[test]
    fn another_answer_is_another_shape_and_a_damaged_value_an_error() {
        for body in ["<html>", "{}", "true", r#"["a","b"]"#, ""] {
            assert!(parse(body.as_bytes(), "").unwrap().is_none(), "{body}");
        }
        assert!(parse(br#"[{"Key":"a","Value":"!"}]"#, "").is_err());
    }
}
