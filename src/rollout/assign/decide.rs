//! The decision: the rules of docs/design.md section 5, in their order, row by row.

use super::{
    assignment::{Assignment, PinChange, Unroutable},
    draw::{Draw, NewClient},
    endpoints::{
        affine_endpoint, another_endpoint, any_endpoint, any_serves, ignores_health, lasting_endpoint,
        suspected_endpoint,
    },
    evidence::{PinEvidence, RequestFacts},
    health::Health,
    reason::Reason,
};
use crate::rollout::{
    bucket,
    pin::{MOVES_MAX, Pin},
    settings::Transition,
    table::{AppRoutes, EndpointRoute, ReleaseRoutes, Standing},
    target::{EndpointIndex, ReleaseIndex, Target},
};

/// How many moves within one day make a client a bounced one.
const BOUNCE: u8 = 3;

/// How often a pin is sent again. Where a tenth of its Max-Age is less, it is sent that often, so that it never lapses under a
/// client that comes back.
const HOUR_SECONDS: u32 = 3_600;

/// Assigns one request to an app whose releases it knows.
///
/// # Errors
/// The app has no stable release, or one without endpoints, and no other release takes the request.
pub fn assign(
    app: &AppRoutes,
    request: &RequestFacts,
    health: &dyn Health,
    draw: &mut dyn Draw,
) -> Result<Assignment, Unroutable> {
    Assigner { app, request, health, draw }.assign()
}

/// One request, with everything its assignment depends on.
pub(super) struct Assigner<'a> {
    pub(super) app: &'a AppRoutes,
    pub(super) request: &'a RequestFacts,
    pub(super) health: &'a dyn Health,
    pub(super) draw: &'a mut dyn Draw,
}

/// Where a request goes, and why.
pub(super) struct Place {
    pub(super) target: Target,
    pub(super) reason: Reason,
}

impl Assigner<'_> {
    pub(super) fn assign(mut self) -> Result<Assignment, Unroutable> {
        if self.request.anonymous {
            return self.anonymous();
        }
        if !self.app.sticky {
            let bucket = self.draw.request_bucket(self.app);
            let place = self.by_bucket(bucket, Reason::NoCookie)?;
            return Ok(place.with(PinChange::Keep));
        }
        match self.request.pin {
            PinEvidence::Valid(pin) => self.pinned(pin),
            PinEvidence::Hashed(hash) => self.hashed(hash),
            PinEvidence::None => self.unpinned(Reason::Bucket, PinChange::First),
            PinEvidence::Forged => self.unpinned(Reason::Forged, PinChange::Replace),
            PinEvidence::ForeignKey => self.unpinned(Reason::ForeignKey, PinChange::Replace),
        }
    }

    /// A client without a valid pin gets a new bucket and a new client number.
    fn unpinned(&mut self, reason: Reason, change: fn(Pin) -> PinChange) -> Result<Assignment, Unroutable> {
        let client = self.draw.client(self.app);
        let place = self.place_of(client, reason)?;
        let NewClient { bucket, number, .. } = client;
        let pin = Pin {
            bucket,
            client: number,
            tenure: self.release(place.target.release).tenure,
            endpoint: self.app.endpoint(place.target).tag,
            hour: self.hour(),
            move_day: self.day(),
            moves: 0,
            left_candidate: false,
            drawn_for: self.app.drawn_for(),
            drawn_to_candidate: self.candidate_of(bucket).is_some(),
        };
        Ok(place.with(change(pin)))
    }

    /// A request that says nothing about its client. Stable answers it, or whoever answers the client's other requests at
    /// present, since whatever else may be found out about the client, it must not be moved.
    fn anonymous(&mut self) -> Result<Assignment, Unroutable> {
        if let Some(client) = self.draw.present_client(self.app) {
            return Ok(self.place_of(client, Reason::NoCookie)?.with(PinChange::Keep));
        }
        let release = self.app.stable.ok_or(Unroutable::NoRelease)?;
        let endpoint = self.choose(release).ok_or(Unroutable::NoRelease)?;
        Ok(Place { target: Target { release, endpoint }, reason: Reason::NoCookie }.with(PinChange::Keep))
    }

    /// Where a client without a pin goes: by its bucket, and to the endpoint of its other requests, if that serves.
    fn place_of(&mut self, client: NewClient, reason: Reason) -> Result<Place, Unroutable> {
        let mut place = self.by_bucket(client.bucket, reason)?;
        let known = client.endpoint.and_then(|tag| self.serving_endpoint(tag, place.target.release));
        place.target.endpoint = known.unwrap_or(place.target.endpoint);
        Ok(place)
    }

    /// A client that is known by a header or its address has no pin: its bucket and endpoint follow from its hash.
    fn hashed(&mut self, hash: u64) -> Result<Assignment, Unroutable> {
        let place = self.by_bucket(bucket::of_random(hash), Reason::NoCookie)?;
        let Target { release, endpoint } = place.target;
        let endpoint = affine_endpoint(self.app, release, hash, self.health).unwrap_or(endpoint);
        Ok(Place { target: Target { release, endpoint }, ..place }.with(PinChange::Keep))
    }

    /// Chooses candidate or stable by bucket. A candidate without a serving endpoint is passed over.
    fn by_bucket(&mut self, bucket: u16, reason: Reason) -> Result<Place, Unroutable> {
        let mut reason = reason;
        if let Some(release) = self.candidate_of(bucket).filter(|release| self.takes_new(*release)) {
            if let Some(endpoint) = self.choose(release) {
                return Ok(Place { target: Target { release, endpoint }, reason });
            }
            reason = Reason::Fallback;
        }
        let release = self.app.stable.ok_or(Unroutable::NoRelease)?;
        let endpoint = self.choose(release).ok_or(Unroutable::NoRelease)?;
        Ok(Place { target: Target { release, endpoint }, reason })
    }

    fn pinned(&mut self, pin: Pin) -> Result<Assignment, Unroutable> {
        match self.app.by_tenure(pin.tenure) {
            Some(release) => self.routed(pin, release),
            None if pin.tenure > self.app.tenures.last => {
                let place = self.by_bucket(pin.bucket, Reason::Ahead)?;
                Ok(Place { reason: Reason::Ahead, ..place }.with(PinChange::Keep))
            }
            None => {
                let reason = self.app.left(pin.tenure).into();
                let release = self.app.stable.ok_or(Unroutable::NoRelease)?;
                let endpoint = self.choose(release).ok_or(Unroutable::NoRelease)?;
                Ok(self.moved(pin, Place { target: Target { release, endpoint }, reason }))
            }
        }
    }

    /// A client whose release is routed stays there, unless a row of the table says otherwise.
    fn routed(&mut self, pin: Pin, release: ReleaseIndex) -> Result<Assignment, Unroutable> {
        let leaves = match self.release(release).standing {
            Standing::Draining { .. } => self.drained(release),
            _ => self.transition(&pin, release),
        };
        if let Some(place) = leaves {
            return Ok(self.moved(pin, place));
        }
        if let Some(endpoint) = self.serving_endpoint(pin.endpoint, release) {
            return Ok(self.kept(pin, release, endpoint));
        }
        if let Some(endpoint) = lasting_endpoint(self.app, release, self.health, self.draw) {
            return Ok(self.repinned(pin, release, endpoint));
        }
        if let Some(endpoint) = self.soft_refuge(pin.endpoint, release) {
            return Ok(self.kept(pin, release, endpoint));
        }
        if let Some(endpoint) = self.choose(release) {
            return Ok(self.repinned(pin, release, endpoint));
        }
        if let Some(place) = self.refuge(release) {
            return Ok(self.moved(pin, place));
        }
        self.nowhere_better(pin, release)
    }

    /// Once `drainseconds` have passed, a navigation moves a draining release's client to stable, if stable serves.
    fn drained(&mut self, release: ReleaseIndex) -> Option<Place> {
        let over = self.request.navigation && self.health.drain_over(self.release(release).slot);
        let stable = self.app.stable.filter(|_| over)?;
        let endpoint = self.choose_if_it_serves(stable)?;
        Some(Place { target: Target { release: stable, endpoint }, reason: Reason::Drained })
    }

    /// With `transition: navigate`, a navigation is routed by bucket again. A client that `fallback` or `shielded` moved
    /// to the present stable stays there.
    fn transition(&mut self, pin: &Pin, release: ReleaseIndex) -> Option<Place> {
        let again = self.app.settings.transition == Transition::Navigate && self.request.navigation;
        let left_alone = pin.left_candidate && self.app.stable == Some(release);
        if !again || left_alone {
            return None;
        }
        let target = self.candidate_of(pin.bucket).or(self.app.stable);
        let target = target.filter(|target| *target != release && self.takes_new(*target))?;
        let endpoint = self.choose_if_it_serves(target)?;
        Some(Place { target: Target { release: target, endpoint }, reason: Reason::Bucket })
    }

    /// Where the clients of a release without a serving endpoint go: to stable, if stable serves. Stable's own clients
    /// have nowhere to go.
    fn refuge(&mut self, release: ReleaseIndex) -> Option<Place> {
        let reason = match self.release(release).standing {
            Standing::Candidate => Reason::Fallback,
            Standing::Draining { .. } => Reason::DrainedEarly,
            _ => return None,
        };
        let stable = self.app.stable?;
        let empty = self.release(release).endpoints.is_empty();
        let endpoint = if empty { self.choose(stable) } else { self.choose_if_it_serves(stable) }?;
        Some(Place { target: Target { release: stable, endpoint }, reason })
    }

    /// Neither this release nor stable has a serving endpoint. A move would gain nothing, so the client stays and the
    /// request is tried here.
    fn nowhere_better(&mut self, pin: Pin, release: ReleaseIndex) -> Result<Assignment, Unroutable> {
        if let Some(endpoint) = self.release(release).by_tag(pin.endpoint) {
            return Ok(self.kept(pin, release, endpoint));
        }
        let endpoint = any_endpoint(self.app, release, self.health, self.draw);
        endpoint.map(|endpoint| self.repinned(pin, release, endpoint)).ok_or(Unroutable::NoRelease)
    }

    /// The endpoint of a tag, if it serves, or if this release ignores health. One that drains softly keeps its clients until they
    /// navigate.
    fn serving_endpoint(&self, tag: u32, release: ReleaseIndex) -> Option<EndpointIndex> {
        let index = self.release(release).by_tag(tag)?;
        let endpoint = *self.release(release).endpoint(index);
        let stays = !endpoint.draining || !self.request.navigation && self.keeps_clients(&endpoint);
        let serves =
            stays && (self.health.serves(endpoint.slot) || ignores_health(self.app, release, self.health));
        serves.then_some(index)
    }

    /// Where nothing but endpoints that go too would take a client of one that drains softly, it stays there until the drain's end.
    fn soft_refuge(&self, tag: u32, release: ReleaseIndex) -> Option<EndpointIndex> {
        let index = self.release(release).by_tag(tag)?;
        let endpoint = *self.release(release).endpoint(index);
        let stays = endpoint.draining && endpoint.outgoing && self.keeps_clients(&endpoint);
        (stays && self.health.serves(endpoint.slot)).then_some(index)
    }

    fn keeps_clients(&self, endpoint: &EndpointRoute) -> bool {
        endpoint.softly && !self.health.endpoint_drain_over(endpoint.slot)
    }

    /// Keeps release and endpoint. Once an hour the cookie is sent again, so that its Max-Age starts anew.
    fn kept(&self, pin: Pin, release: ReleaseIndex, endpoint: EndpointIndex) -> Assignment {
        let change = if pin.hour != self.hour() || self.request.resend {
            // The day is stored modulo 256: an old count must not come back for a client that visits every day.
            let moves = if pin.move_day == self.day() { pin.moves } else { 0 };
            PinChange::Refresh(Pin { move_day: self.day(), moves, ..self.renewed(pin) })
        } else {
            PinChange::Keep
        };
        Place { target: Target { release, endpoint }, reason: Reason::Pin }.with(change)
    }

    /// A pin as it is sent again: with this hour, and without a draw that is none of the present candidate's, since its
    /// number comes round again.
    pub(super) fn renewed(&self, pin: Pin) -> Pin {
        let drawn_for = if self.app.draw_epochs.has(pin.drawn_for) { pin.drawn_for } else { 0 };
        Pin {
            hour: self.hour(),
            drawn_for,
            drawn_to_candidate: drawn_for != 0 && pin.drawn_to_candidate,
            ..pin
        }
    }

    /// Keeps the release and changes the endpoint, which is no move.
    fn repinned(&self, pin: Pin, release: ReleaseIndex, endpoint: EndpointIndex) -> Assignment {
        let tag = self.release(release).endpoint(endpoint).tag;
        let place = Place { target: Target { release, endpoint }, reason: Reason::RepinEndpoint };
        place.with(PinChange::Replace(Pin { endpoint: tag, ..self.renewed(pin) }))
    }

    /// Changes the release, and counts the move.
    pub(super) fn moved(&self, pin: Pin, place: Place) -> Assignment {
        let today = pin.move_day == self.day();
        let moves = if today { (pin.moves + 1).min(MOVES_MAX) } else { 1 };
        let pin = Pin {
            tenure: self.release(place.target.release).tenure,
            endpoint: self.app.endpoint(place.target).tag,
            move_day: self.day(),
            moves,
            left_candidate: matches!(place.reason, Reason::Fallback | Reason::Shielded),
            ..self.renewed(pin)
        };
        Assignment { bounced: moves == BOUNCE, ..place.with(PinChange::Replace(pin)) }
    }

    /// The candidate, if a bucket is one of the candidate's.
    fn candidate_of(&self, bucket: u16) -> Option<ReleaseIndex> {
        self.app.candidate.filter(|_| bucket::is_candidates(bucket, self.app.bucket_offset, self.app.blend))
    }

    /// Whether new clients are drawn to a release. While nobody is drawn to the candidate, those who are there stay.
    fn takes_new(&self, release: ReleaseIndex) -> bool {
        self.health.draws(self.release(release).slot)
    }

    /// Chooses a serving endpoint, or else one that is only suspected; in a stable of which less than half serves, any.
    fn choose(&mut self, release: ReleaseIndex) -> Option<EndpointIndex> {
        another_endpoint(self.app, release, &[], self.health, self.draw)
            .or_else(|| suspected_endpoint(self.app, release, &[], self.health, self.draw))
    }

    pub(super) fn choose_if_it_serves(&mut self, release: ReleaseIndex) -> Option<EndpointIndex> {
        if any_serves(self.app, release, self.health) { self.choose(release) } else { None }
    }

    pub(super) fn release(&self, index: ReleaseIndex) -> &ReleaseRoutes {
        self.app.release(index)
    }

    /// The hour as a pin stores it; where a tenth of `pinseconds` is shorter, the tenth.
    fn hour(&self) -> u16 {
        let pinseconds = self.app.settings.pinseconds;
        let hours = match pinseconds >= 10 * HOUR_SECONDS {
            true => self.request.seconds / u64::from(HOUR_SECONDS),
            false => self.request.seconds / u64::from((pinseconds / 10).max(1)),
        };
        (hours % (1 << 16)) as u16
    }

    /// The day as a pin stores it.
    fn day(&self) -> u8 {
        (self.request.seconds / u64::from(24 * HOUR_SECONDS) % 256) as u8
    }
}

impl Place {
    pub(super) fn with(self, pin: PinChange) -> Assignment {
        let Self { target, reason } = self;
        Assignment { target, reason, pin, bounced: false }
    }
}
