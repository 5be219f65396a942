//! The routing table: the immutable compiled form of all apps that requests are routed by.
//!
//! Two tables share whatever is the same in both, down to the maps themselves, so that a table costs what it changes.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    address::Address,
    app::AppName,
    blend::Blend,
    client_policy::ClientPolicy,
    endpoint::Endpoint,
    endpoint_name::EndpointName,
    halt::Halt,
    host_paths::HostPaths,
    hosts::Hosts,
    pin::PinCodec,
    preview::PreviewRoutes,
    record::{DrawEpochs, EndpointDrain, LeaveReason, Tenure, Tenures},
    release::ReleaseId,
    release_names::ReleaseNames,
    set_cookie::{PinCookies, SetCookie},
    settings::Settings,
    target::{EndpointIndex, EndpointSlot, ReleaseIndex, ReleaseSlot, Target},
};

use by_address::ByAddress;
use imbl::OrdMap;

use crate::slots::SlotVec;

/// All apps, and which host names lead to them.
#[derive(Debug, Clone, Default)]
pub struct RoutingTable {
    /// By name.
    pub apps: OrdMap<AppName, ByAddress<Arc<AppRoutes>>>,
    /// The same by [`AppRoutes::slot`].
    pub app_slots: SlotVec<Arc<AppRoutes>>,
    /// Which host name leads where.
    pub hosts: Arc<Hosts>,
    /// Where unknown hosts go.
    pub default_app: Option<Arc<AppRoutes>>,
    /// Which of their paths, if that app claims path prefixes.
    pub default_paths: Option<Arc<HostPaths>>,
    /// The slots of apps that are paused or stopped.
    pub halted: BTreeSet<usize>,
    /// The slots of apps that ask clients for certificates.
    pub asking: BTreeSet<usize>,
    /// The store revision it was built from.
    pub revision: u64,
    /// What each endpoint slot stands for, by [`EndpointRoute::slot`]; `None` where a slot is free.
    pub endpoint_slots: SlotVec<EndpointKey>,
    /// What each release slot stands for, by [`ReleaseRoutes::slot`].
    pub release_slots: SlotVec<ReleaseKey>,
}

/// What makes an endpoint the same endpoint across tables.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EndpointKey {
    /// The app.
    pub app: AppName,
    /// The release.
    pub release: ReleaseId,
    /// The address.
    pub address: Address,
}

/// What makes a release's stay the same across tables.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ReleaseKey {
    /// The app.
    pub app: AppName,
    /// The release.
    pub release: ReleaseId,
    /// Its tenure; 0 for `previous`, which is checked but not routed.
    pub tenure: Tenure,
}

/// One app, compiled.
#[derive(Debug, Clone)]
pub struct AppRoutes {
    /// Its name.
    pub name: AppName,
    /// The seq of the record it was compiled from.
    pub seq: u64,
    /// The newest store revision among its keys, deletions seen while watching included.
    pub revision: u64,
    /// The candidate's share of unpinned clients.
    pub blend: Blend,
    /// What keeps its requests from going on, if anything does.
    pub halt: Option<Halt>,
    /// Whether a plan raises the blend.
    pub has_plan: bool,
    /// Whether clients are pinned.
    pub sticky: bool,
    /// The releases that are routed: stable, the candidate, draining ones.
    pub releases: Vec<ReleaseRoutes>,
    /// Where a rollback would go, if it is not routed: health-checked and listed, and that is all.
    pub previous: Option<ReleaseRoutes>,
    /// Stable among `releases`.
    pub stable: Option<ReleaseIndex>,
    /// The candidate among `releases`.
    pub candidate: Option<ReleaseIndex>,
    /// Added to a client's bucket: `hash(candidate's tenure)` modulo 10,000, so that every rollout has other first
    /// clients.
    pub bucket_offset: u16,
    /// Which tenures left, and why.
    pub tenures: Tenures,
    /// The draw epochs of the present candidate; none without one.
    pub draw_epochs: DrawEpochs,
    /// Endpoints that were told to drain.
    pub endpoint_drains: Vec<EndpointDrain>,
    /// The app's settings.
    pub settings: Arc<Settings>,
    /// What its clients show in the TLS handshake; none: nothing is asked for.
    pub client_policy: Option<Arc<ClientPolicy>>,
    /// Its pins.
    pub pins: PinCodec,
    /// Its preview grants.
    pub previews: PreviewRoutes,
    /// Its pin cookies.
    pub pin_cookies: PinCookies,
    /// The Set-Cookie value around a preview token, without Max-Age, on the app's own hosts.
    pub preview_cookie: SetCookie,
    /// The same for requests that came by https.
    pub secure_preview_cookie: SetCookie,
    /// The same on hosts of the admin port.
    pub admin_preview_cookie: SetCookie,
    /// Index of the app among all apps of the process's life, for counters (stable across tables).
    pub slot: usize,
}

/// What a release is to its app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Standing {
    /// On the stable track.
    Stable,
    /// On the candidate track.
    Candidate,
    /// Off its track, serving those pinned to it. `since` and `until` are Unix ms.
    Draining {
        /// When it left its track.
        since: u64,
        /// When it retires.
        until: u64,
    },
    /// Where a rollback would go: health-checked, not routed.
    Previous,
}

impl Standing {
    /// The word for it in the API and in sentences.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stable => "stable",
            Self::Candidate => "candidate",
            Self::Draining { .. } => "draining",
            Self::Previous => "previous",
        }
    }
}

/// One release, compiled.
#[derive(Debug, Clone)]
pub struct ReleaseRoutes {
    /// The release.
    pub id: ReleaseId,
    /// Its tenure.
    pub tenure: Tenure,
    /// What it is to the app.
    pub standing: Standing,
    /// Its endpoints, ordered by address.
    pub endpoints: Vec<EndpointRoute>,
    /// Those that were registered by name, ordered by it; shared, since they are only shown.
    pub named: Arc<[NamedEndpoint]>,
    /// Its place in [`RoutingTable::release_slots`].
    pub slot: ReleaseSlot,
    /// Clients without a pin have been sent to it in this tenure, so that pages of it are about.
    pub served: bool,
}

/// An endpoint that was registered by name, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedEndpoint {
    /// Its name.
    pub name: EndpointName,
    /// What the name stands for, as far as that is allowed; each of these is among [`ReleaseRoutes::endpoints`].
    pub addresses: Vec<Address>,
}

/// One endpoint, compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndpointRoute {
    /// Where it listens.
    pub address: Address,
    /// What a pin stores: a hash of the address, distinct within its release (the pin masks it).
    pub tag: u32,
    /// Its place in [`RoutingTable::endpoint_slots`].
    pub slot: EndpointSlot,
    /// It gets no new requests. Never all endpoints of stable at once: then none of them drains.
    pub draining: bool,
    /// If it drains, its clients stay until they navigate, or until the drain's end.
    pub softly: bool,
    /// A recycle is going to replace it.
    pub outgoing: bool,
}

impl RoutingTable {
    /// The routes of an app.
    pub fn routes_of(&self, app: &AppName) -> Option<&AppRoutes> {
        self.apps.get(app).map(|routes| &***routes)
    }

    /// The routes of every app, ordered by the apps' names.
    pub fn all_routes(&self) -> impl Iterator<Item = &AppRoutes> {
        self.apps.values().map(|routes| &***routes)
    }
}

impl AppRoutes {
    /// A release of this app.
    #[inline]
    pub fn release(&self, index: ReleaseIndex) -> &ReleaseRoutes {
        &self.releases[index.0]
    }

    /// An endpoint of this app.
    #[inline]
    pub fn endpoint(&self, target: Target) -> &EndpointRoute {
        self.release(target.release).endpoint(target.endpoint)
    }

    /// The release with this tenure, if it is routed.
    pub fn by_tenure(&self, tenure: Tenure) -> Option<ReleaseIndex> {
        self.releases.iter().position(|release| release.tenure == tenure).map(ReleaseIndex)
    }

    /// Every release that the app lists: those that are routed, then `previous`.
    pub fn listed(&self) -> impl Iterator<Item = &ReleaseRoutes> {
        self.releases.iter().chain(&self.previous)
    }

    /// The names by which its releases are shown.
    pub fn names(&self) -> ReleaseNames<'_> {
        ReleaseNames::of(&self.name, self.listed().map(|release| &release.id))
    }

    /// Why a tenure that is not routed any more left.
    pub fn left(&self, tenure: Tenure) -> LeaveReason {
        let found = self.tenures.left.iter().find(|left| left.tenure == tenure);
        found.map_or(LeaveReason::Drained, |left| left.reason)
    }

    /// The siblings of a release, which may be asked for an asset that it does not have: the other routed releases
    /// that have served clients without a pin, so that nobody meets a release that is still in the dark. Stable comes
    /// first, then the candidate, then whoever left its track last.
    pub fn siblings(&self, release: ReleaseIndex) -> impl Iterator<Item = ReleaseIndex> {
        let drains =
            |index: &ReleaseIndex| matches!(self.release(*index).standing, Standing::Draining { .. });
        let draining = (0..self.releases.len()).rev().map(ReleaseIndex).filter(drains);
        let all = self.stable.into_iter().chain(self.candidate).chain(draining);
        all.filter(move |index| *index != release && self.release(*index).served)
    }

    /// What the pins say that are drawn now: for which draw epoch. 0 without a candidate, and while nobody is drawn to it.
    pub fn drawn_for(&self) -> u8 {
        let is_drawn = !self.draw_epochs.are_none() && self.blend > Blend::ZERO;
        if is_drawn { DrawEpochs::in_pins(self.draw_epochs.last) } else { 0 }
    }

    /// The same app at another blend, to ask "what if".
    #[must_use]
    pub fn at_blend(&self, blend: Blend) -> Self {
        Self { blend, ..self.clone() }
    }
}

impl ReleaseRoutes {
    /// An endpoint of this release.
    #[inline]
    pub fn endpoint(&self, index: EndpointIndex) -> &EndpointRoute {
        &self.endpoints[index.0]
    }

    /// The name by which an endpoint was registered; none: by its address.
    pub fn name_of(&self, address: Address) -> Option<&EndpointName> {
        self.named.iter().find(|named| named.addresses.contains(&address)).map(|named| &named.name)
    }

    /// Its endpoints as they were registered.
    pub fn registered(&self) -> BTreeSet<Endpoint> {
        let written = self.endpoints.iter().map(|route| route.address);
        let written = written.filter(|address| self.name_of(*address).is_none()).map(Endpoint::Address);
        written.chain(self.named.iter().map(|named| Endpoint::Name(named.name.clone()))).collect()
    }

    /// The endpoint that a pin's tag stands for.
    pub fn by_tag(&self, tag: u32) -> Option<EndpointIndex> {
        self.endpoints.iter().position(|endpoint| endpoint.tag == tag).map(EndpointIndex)
    }
}
