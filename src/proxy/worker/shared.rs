//! What all workers of a front share: read only, or atomic.

use std::{
    hash::{BuildHasher as _, RandomState},
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering},
    },
};

use super::{bunches::Bunches, phase::Phase, pinless::PinlessClients, slow_paths::SlowPaths};
use crate::{
    clock::Clock,
    limits::{Limits, SIBLING_ASKS_PER_SECOND_MAX},
    live::table::LiveTable,
    telemetry::counters::Counters,
    upstream::retry::RateBudget,
};

/// Decides whether what a peer says about its client is believed.
pub type Trust = dyn Fn(IpAddr) -> bool + Send + Sync;

/// What all workers of a front share.
pub struct FrontState {
    /// The limits.
    pub limits: Limits,
    /// What this router calls itself in CDN-Loop.
    pub pseudonym: Box<str>,
    /// Whose forwarding headers are believed.
    pub trust: Box<Trust>,
    /// Plain http is answered with a redirect to https on this port.
    pub https_redirect: Option<u16>,
    /// Trusted proxies say by the PROXY protocol whose connections they pass on.
    pub proxy_protocol: bool,
    /// When the log was last told of a connection that was refused for its PROXY header, monotonic ms; 0: never.
    pub proxy_fault_told: AtomicU64,
    /// The path that says whether this router is ready.
    pub health_path: Option<Box<str>>,
    /// The published table.
    pub table: Arc<LiveTable>,
    /// Time.
    pub clock: Clock,
    /// Counters, a set for each worker.
    pub counters: Counters,
    /// How many shielded requests stable takes.
    pub shields: RateBudget,
    /// The paths on which a candidate is slow and right.
    pub slow_paths: SlowPaths,
    /// How often siblings are asked for an asset.
    pub sibling_asks: RateBudget,
    /// First requests that share a draw.
    pub bunches: Bunches,
    /// Clients that never bring a pin back.
    pub pinless: PinlessClients,
    /// How many connections each worker may have open, descriptors considered.
    pub connections_max: usize,
    phase: AtomicU8,
    replaced: AtomicBool,
}

impl FrontState {
    /// What workers share when a front starts.
    #[allow(clippy::too_many_arguments, reason = "each is one field, and there is one caller")]
    pub fn new(
        limits: Limits,
        pseudonym: Box<str>,
        trust: Box<Trust>,
        https_redirect: Option<u16>,
        proxy_protocol: bool,
        health_path: Option<Box<str>>,
        table: Arc<LiveTable>,
        clock: Clock,
        counters: Counters,
        connections_max: usize,
    ) -> Self {
        let phase = AtomicU8::new(0);
        let shields = RateBudget::new(limits.shields_per_second_max);
        let sibling_asks = RateBudget::new(SIBLING_ASKS_PER_SECOND_MAX);
        Self {
            limits,
            pseudonym,
            trust,
            https_redirect,
            proxy_protocol,
            proxy_fault_told: AtomicU64::new(0),
            health_path,
            table,
            clock,
            counters,
            shields,
            slow_paths: SlowPaths::default(),
            sibling_asks,
            bunches: Bunches::new(RandomState::new().hash_one(0)),
            pinless: PinlessClients::default(),
            connections_max,
            phase,
            replaced: AtomicBool::new(false),
        }
    }

    /// The front's present phase.
    pub fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Relaxed) {
            0 => Phase::Serving,
            1 => Phase::Closing,
            2 => Phase::Replaced,
            3 => Phase::Draining,
            _ => Phase::Ending,
        }
    }

    /// Goes on to a later phase. It never goes back.
    pub fn advance(&self, phase: Phase) {
        if phase == Phase::Replaced {
            self.replaced.store(true, Ordering::Relaxed);
        }
        self.phase.fetch_max(phase as u8, Ordering::Relaxed);
    }

    /// Whether another process accepts on the sockets of this front, also in later phases.
    pub fn is_replaced(&self) -> bool {
        self.replaced.load(Ordering::Relaxed)
    }
}
