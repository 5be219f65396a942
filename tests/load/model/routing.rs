//! Where a visit may go: override aside, the pin, else the bucket, row by row of section 5's table.

use super::expected::Model;
use super::steps::Kind;

/// What a client has, as far as anybody outside can read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pin {
    pub bucket: u32,
    pub tenure: u32,
    /// The number of the endpoint in its release.
    pub endpoint: usize,
    pub left_candidate: bool,
    pub draw: Draw,
    /// It was sent while pins were short-lived, which count their hours otherwise.
    pub short_lived: bool,
}

/// For which draw a client was drawn, and to which side; epoch 0: for none that counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Draw {
    pub epoch: u8,
    pub to_candidate: bool,
}

/// What a client's cookie is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    Nothing,
    Valid(Pin),
    Forged,
    ForeignKey,
}

/// Whether a response sets a cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cookie {
    /// It does not.
    No,
    /// It does, for a client that had no pin of ours.
    First,
    /// It does, with what the client had.
    Changed,
}

/// One way in which a visit may end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Who answers; nobody: the router does, with an error.
    pub release: Option<usize>,
    /// The only endpoint that may; else any of the release's.
    pub endpoint: Option<usize>,
    /// Why, as the access log says it; empty where nothing could be assigned.
    pub reason: &'static str,
    pub cookie: Cookie,
    /// What the bit in the pin is then.
    pub left_candidate: bool,
    /// The candidate was found by the bucket, or was not.
    pub by_bucket: Option<bool>,
}

const BUCKETS: u32 = 10_000;

impl Model {
    /// Where a visit may go.
    pub fn route(&self, evidence: Evidence, kind: Kind) -> Vec<Outcome> {
        match kind {
            Kind::Preflight(field) => return self.preflight(field),
            Kind::CrossSitePost if self.sticky && evidence == Evidence::Nothing => {
                return vec![self.anonymous(self.stable.map(|stay| stay.0))];
            }
            _ => {}
        }
        if !self.sticky {
            return self.by_bucket(None, "no-cookie", Cookie::No);
        }
        let other = if kind == Kind::Asset { Cookie::No } else { Cookie::First };
        let first = if kind == Kind::Image { Cookie::No } else { other };
        match evidence {
            Evidence::Nothing => self.by_bucket(None, "bucket", first),
            Evidence::Forged => self.by_bucket(None, "forged", other),
            Evidence::ForeignKey => self.by_bucket(None, "foreign-key", other),
            Evidence::Valid(pin) => self.pinned(pin, kind),
        }
    }

    /// Stable, and the candidate where only that allows the field that a release is named after.
    fn preflight(&self, field: usize) -> Vec<Outcome> {
        let (stable, candidate) = (self.stable.map(|stay| stay.0), self.candidate.map(|stay| stay.0));
        let stable_serves = stable.is_some_and(|stable| self.serves(stable));
        let asked = candidate.filter(|candidate| *candidate == field);
        let taken = asked.filter(|candidate| stable_serves && self.blend > 0 && self.serves(*candidate));
        vec![self.anonymous(taken.or(stable))]
    }

    /// A request that says nothing about its client is answered, and changes nothing.
    fn anonymous(&self, release: Option<usize>) -> Outcome {
        let serves = self.stable.is_some_and(|stay| self.serves(stay.0));
        Outcome {
            release: release.filter(|_| serves),
            endpoint: None,
            reason: if self.stable.is_some() { "no-cookie" } else { "" },
            cookie: Cookie::No,
            left_candidate: false,
            by_bucket: None,
        }
    }

    /// What a pin says of its draw once it is sent again: nothing, if that was not for the present candidate.
    pub fn renewed(&self, draw: Draw) -> Draw {
        let mut present = (self.draw_epochs.0..=self.draw_epochs.1).map(in_pins);
        if self.candidate.is_some() && present.any(|epoch| epoch == draw.epoch) {
            draw
        } else {
            Draw::default()
        }
    }

    /// What the first pin of a client says. At blend 0 nobody is drawn to the candidate.
    pub fn drawn(&self, to_candidate: bool) -> Draw {
        let is_drawn = self.candidate.is_some() && self.blend > 0;
        let epoch = if is_drawn { in_pins(self.draw_epochs.1) } else { 0 };
        Draw { epoch, to_candidate }
    }

    fn pinned(&self, pin: Pin, kind: Kind) -> Vec<Outcome> {
        let Some((release, _)) = self.routed().find(|stay| stay.1 == pin.tenure) else {
            let reason = self.left.get(&pin.tenure).copied().expect("every tenure is routed or has left");
            return vec![self.moved(pin, kind, reason)];
        };
        let drains = self.draining.iter().any(|stay| stay.1 == pin.tenure);
        let stable_serves = self.stable.is_some_and(|stay| self.serves(stay.0));
        let navigation = kind == Kind::Navigation;
        let stays = self.stays(pin, release, kind);
        // Where nothing of it serves, its clients go to stable in either case, so nobody outside can tell when the router has
        // looked at its time.
        let early = stays.iter().any(|stay| stay.reason == "drained-early");
        if drains && navigation && stable_serves && (self.drain_over || early) {
            let early = stays.into_iter().filter(|stay| stay.reason == "drained-early");
            return early.chain([self.moved(pin, kind, "drained")]).collect();
        }
        let left_alone = pin.left_candidate && self.is_stable(release);
        if drains || !navigation || !self.navigate || left_alone {
            return stays;
        }
        let again = |to_candidate: bool| {
            let target = if to_candidate { self.candidate } else { self.stable };
            let target =
                target.map(|stay| stay.0).filter(|target| *target != release && self.serves(*target));
            let by_bucket = Some(to_candidate);
            match target {
                Some(target) => vec![Outcome {
                    release: Some(target),
                    endpoint: None,
                    reason: "bucket",
                    cookie: Cookie::Changed,
                    left_candidate: false,
                    by_bucket,
                }],
                None => stays.iter().map(|stay| Outcome { by_bucket, ..*stay }).collect(),
            }
        };
        self.bucket_says(Some(pin.bucket)).into_iter().flat_map(again).collect()
    }

    /// The same release, as long as it has anything to offer.
    fn stays(&self, pin: Pin, release: usize, kind: Kind) -> Vec<Outcome> {
        let renewed = kind != Kind::Asset && pin.short_lived != self.short_lived;
        let kept = Outcome {
            release: Some(release),
            endpoint: Some(pin.endpoint),
            reason: "pin",
            cookie: if renewed { Cookie::Changed } else { Cookie::No },
            left_candidate: pin.left_candidate,
            by_bucket: None,
        };
        let elsewhere = Outcome { endpoint: None, ..kept };
        let there = self.registered(release).any(|number| number == pin.endpoint);
        let tried_anyway =
            self.is_stable(release) && self.serving(release).count() * 2 < self.registered(release).count();
        if self.serving(release).any(|number| number == pin.endpoint) {
            return vec![kept];
        }
        if tried_anyway && there && self.serves(release) {
            return vec![elsewhere];
        }
        if self.serves(release) {
            return vec![Outcome { reason: "repin-endpoint", cookie: changed(kind), ..elsewhere }];
        }
        let stable_serves = self.stable.is_some_and(|stay| self.serves(stay.0));
        if stable_serves && !self.is_stable(release) {
            let reason = if self.is_candidate(release) { "fallback" } else { "drained-early" };
            return vec![self.moved(pin, kind, reason)];
        }
        let reason = if there { "pin" } else { "repin-endpoint" };
        vec![Outcome { release: None, endpoint: None, reason, cookie: Cookie::No, ..kept }]
    }

    /// To stable.
    fn moved(&self, _pin: Pin, kind: Kind, reason: &'static str) -> Outcome {
        let left_candidate = reason == "fallback";
        let outcome = Outcome {
            release: self.stable.map(|stay| stay.0),
            endpoint: None,
            reason,
            cookie: changed(kind),
            left_candidate,
            by_bucket: None,
        };
        match outcome.release {
            None => Outcome { reason: "", cookie: Cookie::No, ..outcome },
            Some(stable) if !self.serves(stable) => Outcome { release: None, cookie: Cookie::No, ..outcome },
            Some(_) => outcome,
        }
    }

    fn by_bucket(&self, bucket: Option<u32>, reason: &'static str, cookie: Cookie) -> Vec<Outcome> {
        let to = |to_candidate: bool| {
            let candidate = self.candidate.filter(|_| to_candidate).map(|stay| stay.0);
            let served = candidate.filter(|candidate| self.serves(*candidate));
            let reason = if candidate.is_some() && served.is_none() { "fallback" } else { reason };
            let release = served.or(self.stable.map(|stay| stay.0));
            let by_bucket = Some(to_candidate);
            let outcome =
                Outcome { release, endpoint: None, reason, cookie, left_candidate: false, by_bucket };
            match release {
                None => Outcome { reason: "", cookie: Cookie::No, ..outcome },
                Some(release) if !self.serves(release) => {
                    Outcome { release: None, cookie: Cookie::No, ..outcome }
                }
                Some(_) => outcome,
            }
        };
        self.bucket_says(bucket).into_iter().map(to).collect()
    }

    /// Whether a bucket is the candidate's: both answers where nobody knows yet.
    fn bucket_says(&self, bucket: Option<u32>) -> Vec<bool> {
        let Some((_, tenure)) = self.candidate else { return vec![false] };
        let says = |says: bool| match bucket {
            None => {
                if says {
                    self.blend > 0
                } else {
                    self.blend < BUCKETS
                }
            }
            Some(bucket) if self.offsets.0 == tenure => {
                self.offsets.1.iter().any(|offset| ((bucket + offset) % BUCKETS < self.blend) == says)
            }
            Some(_) => {
                if says {
                    self.blend > 0
                } else {
                    self.blend < BUCKETS
                }
            }
        };
        [true, false].into_iter().filter(|answer| says(*answer)).collect()
    }

    /// A client with this bucket was sent to the candidate, or was not. `false`: nothing explains that, and what was seen
    /// before.
    #[must_use]
    pub fn learn(&mut self, bucket: u32, to_candidate: bool) -> bool {
        let Some((_, tenure)) = self.candidate else { return !to_candidate };
        if self.offsets.0 != tenure {
            self.offsets = (tenure, (0..BUCKETS).collect());
        }
        let blend = self.blend;
        self.offsets.1.retain(|offset| ((bucket + offset) % BUCKETS < blend) == to_candidate);
        !self.offsets.1.is_empty()
    }

    /// What becomes of an outcome when every endpoint of the candidate fails: stable answers, if it can, and the client stays
    /// there.
    pub fn shielded(&self, outcome: Outcome, evidence: Evidence, kind: Kind) -> Outcome {
        let to_candidate = outcome.release.is_some_and(|release| self.is_candidate(release));
        let stable = self.stable.map(|stay| stay.0).filter(|stable| to_candidate && self.serves(*stable));
        let Some(stable) = stable else { return outcome };
        let cookie = match (evidence, outcome.cookie) {
            _ if !self.sticky => Cookie::No,
            (Evidence::Valid(_), _) => changed(kind),
            (_, cookie) => cookie,
        };
        Outcome {
            release: Some(stable),
            endpoint: None,
            reason: "shielded",
            cookie,
            left_candidate: true,
            ..outcome
        }
    }
}

fn in_pins(epoch: u32) -> u8 {
    u8::try_from(epoch % 255 + 1).expect("it is at most 255")
}

/// A pin that must change goes out with anything but an asset.
fn changed(kind: Kind) -> Cookie {
    if kind == Kind::Asset { Cookie::No } else { Cookie::Changed }
}
