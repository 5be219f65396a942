//! What every part of the control plane shares: the store, the live table, and what is known of both.
//!
//! No mutable state hides here beyond counters and snapshots that are replaced whole; the keyspace itself belongs to
//! one task (`sync`).

use std::{
    hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher},
    net::SocketAddr,
    ops::Deref,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use keyvalues::{Revision, WatchMode};
use tokio::{
    sync::{Notify, watch},
    time::timeout,
};

use super::{
    access::{live_tokens::LiveTokens, throttle::Throttle},
    error::{ApiError, Kind},
    fleet::roster::Roster,
    hooks::board::Hooks,
    settlement::{Decision, Settled, Settlement},
    status::StoreStatus,
    store::StoreHandle,
    view::View,
};
use crate::{
    clock::Clock,
    control::{
        activity::Board,
        admin::track_hosts::FrontDoor,
        api::{store::ServedStore, stream::Feed},
        sync::endpoint_ends::GoneEndpoints,
    },
    live::table::LiveTable,
    rollout::{app::AppName, endpoint::AddressPolicy, keyspace::KeyspaceOptions, pin::PinKeys},
    telemetry::counters::Counters,
};

/// Locks of apps: one command at a time per app and router, so that our own commands never conflict.
const TURNS: usize = 64;

/// What the control plane was started with, as far as handlers need it.
#[derive(Debug, Clone)]
pub struct CoreOptions {
    pub admin_hosts: Vec<String>,
    pub default_app: Option<AppName>,
    pub addresses: AddressPolicy,
    pub https: bool,
    pub store_kind: String,
    /// The store is a copy of a server's keys: they are changed there and nowhere else.
    pub followed: bool,
    /// What people call this router.
    pub name: Option<String>,
    pub listen: Vec<SocketAddr>,
    pub front_door: Option<FrontDoor>,
}

/// A handle on what is shared. Cheap to clone.
#[derive(Clone)]
pub struct Core(Arc<Shared>);

/// What is shared.
pub struct Shared {
    pub options: CoreOptions,
    pub node: String,
    pub store: StoreHandle,
    pub live: Arc<LiveTable>,
    pub clock: Clock,
    pub counters: Counters,
    pub tokens: LiveTokens,
    pub throttle: Throttle,
    /// What the store holds, as last read: written by `sync` alone.
    pub view: ArcSwap<View>,
    pub status: StoreStatus,
    /// The fleet, as the watch tells of it: written by `sync` alone.
    pub roster: Roster,
    /// Hooks, as the watch tells of them: what is stored is written by `sync` alone.
    pub hooks: Hooks,
    /// Rates and quantiles of the last seconds: written by `activity` alone.
    pub board: ArcSwap<Board>,
    /// Endpoints that no table names, and where something may still be open: written by `sync` alone.
    pub gone: ArcSwap<GoneEndpoints>,
    pub feed: Feed,
    /// What other routers hold of the store that this one serves them.
    pub served_store: ServedStore,
    /// What an operator decided about a store that is another one than the table came from.
    pub settlement: Settlement,
    /// Asks `sync` to list the store again.
    pub relist: Notify,
    pub started: Duration,
    pin_keys: Mutex<Option<PinKeys>>,
    reached: watch::Sender<Revision>,
    published: watch::Sender<bool>,
    stop: watch::Sender<bool>,
    accepting: AtomicBool,
    failed_sign_ins: AtomicU64,
    turns: Vec<tokio::sync::Mutex<()>>,
}

/// What a core is made of.
pub struct CoreParts {
    pub options: CoreOptions,
    pub node: String,
    pub store: StoreHandle,
    pub live: Arc<LiveTable>,
    pub clock: Clock,
    pub counters: Counters,
    pub tokens: LiveTokens,
}

impl Deref for Core {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl Core {
    pub fn new(parts: CoreParts) -> Self {
        let started = parts.clock.monotonic();
        Self(Arc::new(Shared {
            feed: Feed::new(parts.clock.wall_ms()),
            options: parts.options,
            roster: Roster::new(&parts.node, parts.clock.clone()),
            hooks: Hooks::default(),
            node: parts.node,
            store: parts.store,
            live: parts.live,
            status: StoreStatus::new(parts.clock.clone()),
            clock: parts.clock,
            counters: parts.counters,
            tokens: parts.tokens,
            throttle: Throttle::default(),
            view: ArcSwap::default(),
            board: ArcSwap::default(),
            gone: ArcSwap::default(),
            served_store: ServedStore::default(),
            settlement: Settlement::default(),
            relist: Notify::new(),
            started,
            pin_keys: Mutex::new(None),
            reached: watch::Sender::new(0),
            published: watch::Sender::new(false),
            stop: watch::Sender::new(false),
            accepting: AtomicBool::new(false),
            failed_sign_ins: AtomicU64::new(0),
            turns: (0..TURNS).map(|_| tokio::sync::Mutex::new(())).collect(),
        }))
    }
}

impl Shared {
    /// What people call this router: its `--node`, or its id.
    pub fn name(&self) -> &str {
        self.options.name.as_deref().unwrap_or(&self.node)
    }

    /// Waits for this router's turn at an app.
    pub async fn turn(&self, app: &AppName) -> tokio::sync::MutexGuard<'_, ()> {
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(app);
        let index = usize::try_from(hash % TURNS as u64).unwrap_or(0);
        self.turns[index].lock().await
    }

    /// Says that everything up to this store revision is served.
    pub fn set_reached(&self, revision: Revision) {
        self.reached.send_replace(revision);
    }

    /// The store revision up to which everything is served.
    pub fn reached(&self) -> Revision {
        *self.reached.borrow()
    }

    /// Waits until this router serves everything up to a revision; `false` when that takes too long.
    pub async fn served(&self, revision: Revision, wait: Duration) -> bool {
        let mut reached = self.reached.subscribe();
        let behind = *reached.borrow() < revision;
        if behind && matches!(self.store.capabilities().watch, WatchMode::Polled(_)) {
            // Its watch would see the change only when it asks next; a listing sees it now.
            self.relist.notify_one();
        }
        let served = timeout(wait, reached.wait_for(|reached| *reached >= revision)).await;
        matches!(served, Ok(Ok(_)))
    }

    /// Says that a first table is live.
    pub fn set_published(&self) {
        self.published.send_if_modified(|published| !std::mem::replace(published, true));
    }

    /// Waits for the first table.
    pub async fn first_table(&self) {
        // The sender lives as long as `self`, so waiting cannot fail.
        let _ = self.published.subscribe().wait_for(|published| *published).await;
    }

    /// Ends all tasks.
    pub fn stop(&self) {
        self.set_accepting(false);
        self.stop.send_replace(true);
    }

    /// Becomes true when the router stops.
    pub fn stop_signal(&self) -> watch::Receiver<bool> {
        self.stop.subscribe()
    }

    /// Waits until the router stops.
    pub async fn stopping(&self) {
        // The sender lives as long as `self`, so waiting cannot fail.
        let _ = self.stop.subscribe().wait_for(|stop| *stop).await;
    }

    /// Has `sync` carry out what was decided about the store.
    pub async fn settle(&self, decision: Decision, wait: Duration) -> Result<Settled, ApiError> {
        let answer = self.settlement.ask(decision);
        self.relist.notify_one();
        let answered = timeout(wait, answer).await;
        if let Ok(Ok(result)) = answered {
            return result;
        }
        self.settlement.take();
        let message = "the store could not be read or written; look at its state and try again";
        Err(ApiError::new(Kind::StoreUnavailable, message))
    }

    /// Says whether the front listeners accept.
    pub fn set_accepting(&self, accepting: bool) {
        self.accepting.store(accepting, Ordering::Relaxed);
    }

    /// Ready: a table is published and listeners accept.
    pub fn ready(&self) -> bool {
        *self.published.borrow() && self.accepting.load(Ordering::Relaxed)
    }

    pub fn pin_keys(&self) -> Option<PinKeys> {
        self.pin_keys.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn set_pin_keys(&self, keys: PinKeys) {
        *self.pin_keys.lock().unwrap_or_else(PoisonError::into_inner) = Some(keys);
    }

    /// What a keyspace of this router is told.
    pub fn keyspace_options(&self, pin_keys: PinKeys) -> KeyspaceOptions {
        KeyspaceOptions {
            default_app: self.options.default_app.clone(),
            addresses: self.options.addresses.clone(),
            pin_keys,
            https: self.options.https,
        }
    }

    pub fn count_failed_sign_in(&self) {
        self.failed_sign_ins.fetch_add(1, Ordering::Relaxed);
    }

    pub fn failed_sign_ins(&self) -> u64 {
        self.failed_sign_ins.load(Ordering::Relaxed)
    }

    /// Refuses commands while the store is another one than the table came from.
    pub fn refuse_when_diverged(&self) -> Result<(), ApiError> {
        match self.status.diverged() {
            None => Ok(()),
            Some(why) => Err(ApiError::new(
                Kind::StoreDiverged,
                format!(
                    "{why}; this router serves its last good table and takes no command until that is settled"
                ),
            )),
        }
    }
}
