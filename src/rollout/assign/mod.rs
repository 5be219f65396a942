//! Assignment: which release and endpoint one request goes to, and why (docs/design.md section 5).
//!
//! The release is decided from the pin, or else the bucket, before any balancing; an endpoint is chosen inside it.
//! Everything a decision depends on is an argument, so the same call answers a request, explains it, and asks
//! "what if". A client that is known by a header or its address ([`PinEvidence::Hashed`]) has no pin: its bucket and its
//! endpoint follow from a hash, so no release drains for it. An overridden request has no pin to read, write or move, so
//! it gets an assignment of its own.

mod decide;
mod endpoints;
mod reason;
mod shield;
mod testers;
#[cfg(test)]
mod tests;

pub use self::{endpoints::another_endpoint, reason::Reason};
use super::{bucket, pin::Pin, pin::PinFault, table::AppRoutes};

/// What a request's cookies say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PinEvidence {
    /// No pin cookie.
    #[default]
    None,
    /// A valid pin; of several, the one with the newest tenure.
    Valid(Pin),
    /// Only values that are not ours.
    Forged,
    /// Only values signed with an unknown key.
    ForeignKey,
    /// Nobody asks: the app knows its clients by something else, and this is its keyed hash.
    Hashed(u64),
}

impl PinEvidence {
    /// Takes one more cookie value under the pin's name into account.
    pub fn add(self, app: &AppRoutes, value: &[u8]) -> Self {
        match (self, app.pins.decode(value)) {
            (Self::Valid(known), Ok(pin)) => Self::Valid(if pin.tenure > known.tenure { pin } else { known }),
            (_, Ok(pin)) => Self::Valid(pin),
            (Self::Valid(known), Err(_)) => Self::Valid(known),
            (Self::ForeignKey, Err(_)) | (_, Err(PinFault::ForeignKey)) => Self::ForeignKey,
            (_, Err(PinFault::Forged)) => Self::Forged,
        }
    }
}

/// What health and time say, asked only for what the decision needs.
pub trait Health {
    /// Whether an endpoint (by slot) serves. Not yet checked counts as serving.
    fn serves(&self, endpoint: usize) -> bool;
    /// Requests in flight at an endpoint (by slot).
    fn in_flight(&self, endpoint: usize) -> u32;
    /// An endpoint's (by slot) share of new clients against its peers', in percent: less while it starts slowly.
    fn weight(&self, endpoint: usize) -> u32 {
        let _ = endpoint;
        100
    }
    /// Whether `drainseconds` have passed for a draining release (by slot).
    fn drain_over(&self, release: usize) -> bool;
}

/// Where randomness comes from.
pub trait Draw {
    /// A new client's bucket, 0..10,000, from the app's golden-ratio counter.
    fn bucket(&mut self, app: &AppRoutes) -> u16;
    /// A random number: client numbers and choices.
    fn random(&mut self) -> u64;
    /// The bucket of one request to an app that is not sticky.
    fn request_bucket(&mut self, app: &AppRoutes) -> u16 {
        let _ = app;
        bucket::of_random(self.random())
    }
}

/// One request, as far as assignment sees it.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// What the cookies say.
    pub pin: PinEvidence,
    /// A top-level navigation (`Sec-Fetch-Mode: navigate`).
    pub navigation: bool,
    /// Hours since the Unix epoch.
    pub hour: u32,
}

/// Where a request goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Assignment {
    /// Index into [`AppRoutes::releases`].
    pub release: usize,
    /// Index into that release's endpoints.
    pub endpoint: usize,
    /// Why.
    pub reason: Reason,
    /// What the response does with the pin.
    pub pin: PinChange,
    /// This is the client's third move within its pin's move day.
    pub bounced: bool,
}

/// What a response does with the client's pin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PinChange {
    /// Nothing.
    Keep,
    /// A first pin: set on navigations, and where `Sec-Fetch-Dest` is absent and the path is no fingerprinted asset.
    First(Pin),
    /// A pin that must change: set with any response but fingerprinted assets.
    Replace(Pin),
    /// The same pin with a new hour: set on navigations.
    Refresh(Pin),
}

impl PinChange {
    /// The pin that a response carries (docs/design.md section 8): a first one with navigations and where nobody says what is
    /// fetched (`Sec-Fetch-Dest`), a changed one with anything, a renewed one with navigations; fingerprinted assets
    /// carry none.
    pub fn sent(self, navigation: bool, has_destination: bool, asset: bool) -> Option<Pin> {
        match self {
            _ if asset => None,
            Self::First(pin) if navigation || !has_destination => Some(pin),
            Self::Replace(pin) => Some(pin),
            Self::Refresh(pin) if navigation => Some(pin),
            _ => None,
        }
    }
}

/// Why a request cannot be assigned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unroutable {
    /// The app has no stable release (or none with endpoints).
    #[error("no release is routed")]
    NoRelease,
}

/// Assigns one request.
pub fn assign(
    app: &AppRoutes,
    asked: &Asked,
    health: &dyn Health,
    draw: &mut dyn Draw,
) -> Result<Assignment, Unroutable> {
    decide::Decision { app, asked, health, draw }.assign()
}

/// Sends a request to a release of the tester's choice (docs/design.md section 5). Pins are neither read nor set, and the
/// whole release being unhealthy moves nobody: a tester looks at what was asked for. With `affinity`, requests of the
/// same number keep to one endpoint as long as it serves.
pub fn overridden(
    app: &AppRoutes,
    release: usize,
    affinity: Option<u64>,
    health: &dyn Health,
    draw: &mut dyn Draw,
) -> Result<Assignment, Unroutable> {
    testers::choose(app, release, affinity, health, draw)
}

/// The same request, given to stable because the candidate failed it (docs/design.md section 6): a move, so the pin goes
/// along, with the bit that it left the candidate. `None` where that cannot be: the assignment is not the candidate's,
/// a tester asked for this release, or nothing of stable serves. Whether the request may be sent again is for the
/// caller to know.
pub fn shielded(
    app: &AppRoutes,
    asked: &Asked,
    failed: &Assignment,
    health: &dyn Health,
    draw: &mut dyn Draw,
) -> Option<Assignment> {
    decide::Decision { app, asked, health, draw }.shielded(failed)
}
