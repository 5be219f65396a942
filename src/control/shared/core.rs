//! What every part of the control plane holds, behind one handle.
//!
//! No mutable state hides here beyond counters and snapshots that are replaced whole; the keyspace itself belongs to
//! one task (`sync`).

use std::{collections::BTreeMap, ops::Deref, sync::Arc};

use arc_swap::ArcSwap;

use super::{
    access::{live_tokens::LiveTokens, refusals::Refusals, sessions::Sessions, sign_ins::SignIns},
    acme::board::AcmeBoard,
    activity::ActivityBoard,
    audit::journal::Journal,
    calls::Calls,
    change_locks::ChangeLocks,
    deployments::DeploymentBoard,
    endpoint_events::NewestEvents,
    engines::EngineBoard,
    feed::Feed,
    fleet::{
        member::Entry,
        roster::{Member, Roster},
    },
    hooks::board::HookBoard,
    hooks_in::board::HookInBoard,
    lifecycle::Lifecycle,
    misdirected::MisdirectedRequests,
    names::{board::NameBoard, resolver::NameResolver},
    options::{RouterOptions, Surroundings},
    past::Past,
    plans::PlanBoard,
    quota::Quotas,
    replica::Replica,
    secrets::board::SecretsBoard,
    served_store::ServedStore,
    shadows::ShadowBoard,
    store::StoreHandle,
    verdicts::VerdictBoard,
};
use crate::{
    clock::Clock,
    live::table::LiveTable,
    rollout::{
        endpoint::AddressPolicy,
        keyspace::KeyspaceOptions,
        pin::{PinFormat, PinKeys},
    },
    telemetry::counters::Counters,
};

/// A handle on the state that every part of the control plane shares. Cheap to clone.
#[derive(Clone)]
pub struct Core(Arc<CoreState>);

/// The state that every part of the control plane shares.
pub struct CoreState {
    pub options: RouterOptions,
    /// This router's id.
    pub node: String,
    /// The store is a copy of a server's keys: they are changed there and nowhere else.
    pub is_follower: bool,
    pub store: StoreHandle,
    /// The keys that encrypt the store's secrets.
    pub secrets: Arc<SecretsBoard>,
    pub live: Arc<LiveTable>,
    pub clock: Clock,
    pub counters: Counters,
    pub lifecycle: Lifecycle,
    pub tokens: LiveTokens,
    pub sign_ins: SignIns,
    /// Calls that were refused for who sent them.
    pub refusals: Refusals,
    /// Browsers that are signed in.
    pub sessions: Sessions,
    /// Requests that led to no app. Written by `activity` alone.
    pub misdirected: MisdirectedRequests,
    /// What this router holds of the store.
    pub replica: Replica,
    /// The fleet, as the watch tells of it: written by `sync` alone.
    pub roster: Roster,
    /// The hooks, as the watch tells of them: what is stored is written by `sync` alone.
    pub hooks: HookBoard,
    /// The hooks in, as the watch tells of them: written by `sync` alone.
    pub hooks_in: HookInBoard,
    /// The certificates of a CA, as the watch tells of them: written by `sync` alone.
    pub acme: AcmeBoard,
    /// Rates and quantiles of the last seconds: written by `activity` alone.
    pub board: ArcSwap<ActivityBoard>,
    /// What every release did in the last day: written by `activity` and `fleet::past`.
    pub past: Past,
    /// Since when that is counted, Unix ms.
    pub past_since: u64,
    /// The verdicts about all candidates: written by `verdict` alone.
    pub verdicts: VerdictBoard,
    /// What candidates answer differently: written by `shadow` alone.
    pub shadows: ShadowBoard,
    /// How the plans of all apps stand: written by `plans` alone.
    pub plans: PlanBoard,
    /// What the live stream sends to pages.
    pub feed: Feed,
    /// The watches and leases of other routers, to which this one serves its store.
    pub served_store: ServedStore,
    /// One change of an app at a time.
    pub app_locks: ChangeLocks,
    /// One change of the endpoints of a release at a time.
    pub release_locks: ChangeLocks,
    /// The engines that do not answer: written by the watch of each.
    pub engines: EngineBoard,
    /// What endpoints by name stand for.
    pub names: NameBoard,
    /// The newest events about endpoints: written by `sync` alone.
    pub endpoint_events: NewestEvents,
    /// The deployments, as the watch tells of them: written by `sync` alone.
    pub deployments: DeploymentBoard,
    /// What was added a moment ago.
    pub quotas: Quotas,
    /// Calls of the API that are under way.
    pub calls: Calls,
    /// Who changed what, or tried to.
    pub journal: Journal,
    /// Which addresses may be endpoints: the option, with the listeners that the other members report. Written by `sync` alone.
    pub addresses: ArcSwap<AddressPolicy>,
}

impl Deref for Core {
    type Target = CoreState;

    fn deref(&self) -> &CoreState {
        &self.0
    }
}

impl Core {
    pub fn new(
        options: RouterOptions,
        surroundings: Surroundings,
        node: String,
        is_follower: bool,
        tokens: LiveTokens,
        calls: Calls,
    ) -> Self {
        let Surroundings { store, live, clock, counters } = surroundings;
        let serves_another = ["http", "https"].contains(&options.store_kind.as_str());
        let secrets = Arc::new(SecretsBoard::new(&options.secrets, serves_another && !is_follower));
        let store = StoreHandle::new(store, Arc::clone(&secrets));
        Self(Arc::new(CoreState {
            lifecycle: Lifecycle::new(clock.monotonic()),
            replica: Replica::new(&store, clock.clone()),
            roster: Roster::new(&node, clock.clone()),
            hooks: HookBoard::default(),
            hooks_in: HookInBoard::default(),
            acme: AcmeBoard::new(Arc::clone(live.certificates())),
            board: ArcSwap::default(),
            past: Past::default(),
            past_since: clock.wall_ms(),
            verdicts: VerdictBoard::default(),
            plans: PlanBoard::default(),
            shadows: ShadowBoard::default(),
            feed: Feed::new(clock.wall_ms(), &options.limits),
            sign_ins: SignIns::default(),
            refusals: Refusals::default(),
            sessions: Sessions::default(),
            misdirected: MisdirectedRequests::default(),
            served_store: ServedStore::default(),
            app_locks: ChangeLocks::default(),
            release_locks: ChangeLocks::default(),
            engines: EngineBoard::default(),
            names: NameBoard::new(NameResolver::new(options.resolver.clone()), clock.clone()),
            endpoint_events: NewestEvents::default(),
            deployments: DeploymentBoard::default(),
            journal: Journal::new(options.audit_log.clone()),
            quotas: Quotas::default(),
            addresses: ArcSwap::from_pointee(options.addresses.clone()),
            options,
            node,
            is_follower,
            store,
            secrets,
            live,
            clock,
            counters,
            tokens,
            calls,
        }))
    }
}

impl CoreState {
    /// What people call this router: its `--node`, or its id.
    pub fn name(&self) -> &str {
        self.options.name.as_deref().unwrap_or(&self.node)
    }

    /// Whether another member has been silent for so long that it is presumed gone.
    pub fn is_presumed_gone(&self, member: &Member) -> bool {
        member.is_gone(self.options.member_gone, self.clock.monotonic())
    }

    /// The other members that are presumed gone, by node id.
    pub fn presumed_gone(&self) -> BTreeMap<String, Member> {
        let mut members = self.roster.members();
        members.retain(|node, member| *node != self.node && self.is_presumed_gone(member));
        members
    }

    /// This router's entry in its fleet.
    pub fn own_entry(&self) -> Entry {
        Entry {
            name: self.name().to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pin_format: PinFormat::NEWEST.number(),
            listeners: self.options.listeners.clone(),
            secrets_keys: self.secrets.told(),
        }
    }

    /// The options of this router's keyspace.
    pub fn keyspace_options(&self, pin_keys: PinKeys) -> KeyspaceOptions {
        KeyspaceOptions {
            default_app: self.options.default_app.clone(),
            addresses: AddressPolicy::clone(&self.addresses.load()),
            pin_keys,
            pin_format: self.replica.pin_format(),
            https: self.options.https,
        }
    }
}
