//! A rollout as simply as it can be written down: who is on which track, who drains, why the others left, and from that
//! where a client may go. It knows no keyvalue, no commit and no clock, and shares no code with the router.

use crate::steps::{Kind, LATE, RELEASES, endpoints_of};
use std::collections::{BTreeMap, BTreeSet};

/// Whoever is on no track any more meets one of these.
#[derive(Clone, Copy)]
enum Fate {
    Drain,
    Leave(&'static str),
}

/// A release and its tenure.
pub type Stay = (usize, u32);

/// What a client has, as far as anybody outside can read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pin {
    pub bucket: u32,
    pub tenure: u32,
    /// The number of the endpoint in its release.
    pub endpoint: usize,
    pub left_candidate: bool,
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

/// The state of one app.
pub struct Model {
    pub stable: Option<Stay>,
    pub candidate: Option<Stay>,
    pub draining: Vec<Stay>,
    left: BTreeMap<u32, &'static str>,
    last: u32,
    pub blend: u32,
    pub sticky: bool,
    pub previous: Option<usize>,
    /// Every stable release, and what `previous` was then; oldest first.
    history: Vec<(usize, Option<usize>)>,
    /// What `stable/id` names while it has no endpoint.
    pub pending: Option<usize>,
    /// The last command that changed who is on a track, and whom it dropped.
    last_move: (&'static str, Option<usize>),
    pub navigate: bool,
    pub drain_over: bool,
    pub refresh_always: bool,
    registered: BTreeSet<(usize, usize)>,
    stopped: BTreeSet<(usize, usize)>,
    /// What may be added to a bucket while this tenure is the candidate's: nobody has said, so all that explain what was
    /// seen.
    offsets: (u32, Vec<u32>),
}

const BUCKETS: u32 = 10_000;
const DRAINING_MAX: usize = 8;

impl Model {
    /// `v0` stable, `v1` the candidate.
    pub fn new(blend: u32) -> Self {
        let all =
            (0..RELEASES).flat_map(|release| (0..endpoints_of(release)).map(move |number| (release, number)));
        Self {
            stable: Some((0, 1)),
            candidate: Some((1, 2)),
            draining: Vec::new(),
            left: BTreeMap::new(),
            last: 2,
            blend,
            sticky: true,
            previous: None,
            history: vec![(0, None)],
            pending: None,
            last_move: ("adopt", None),
            navigate: false,
            drain_over: false,
            refresh_always: false,
            registered: all.collect(),
            stopped: BTreeSet::new(),
            offsets: (0, Vec::new()),
        }
    }

    // --- what is done to it; the status with which it is answered ---

    pub fn set_candidate(&mut self, release: usize, blend: Option<u32>) -> u16 {
        if self.is_candidate(release) {
            self.blend = blend.unwrap_or(self.blend);
            return 200;
        }
        if self.is_stable(release) {
            return 409;
        }
        self.change("set-candidate", |model| {
            model.put(model.stable.map(|stay| stay.0), Some(release), Fate::Leave("replaced"));
            model.blend = blend.unwrap_or(0);
        })
    }

    pub fn set_blend(&mut self, blend: u32) -> u16 {
        if self.candidate.is_none() && blend > 0 && blend != self.blend {
            return 409;
        }
        if blend != self.blend {
            self.pending = None;
        }
        self.blend = blend;
        200
    }

    pub fn set_sticky(&mut self, sticky: bool) -> u16 {
        if sticky != self.sticky {
            self.pending = None;
        }
        self.sticky = sticky;
        200
    }

    pub fn set_stable(&mut self, release: usize) -> u16 {
        if self.is_stable(release) {
            return 200;
        }
        let candidate = self.candidate.map(|stay| stay.0).filter(|candidate| *candidate != release);
        let promoted = self.is_candidate(release);
        self.change("set-stable", |model| {
            model.put(Some(release), candidate, Fate::Drain);
            if promoted {
                model.blend = 0;
            }
        })
    }

    pub fn promote(&mut self, named: Option<usize>) -> u16 {
        let Some((candidate, _)) = self.candidate else {
            let done = ["promote", "set-stable", "raw"].contains(&self.last_move.0);
            return if done && named.is_some_and(|named| self.is_stable(named)) { 200 } else { 409 };
        };
        let serving = self.serving(candidate).count();
        let enough = serving * 2 >= self.registered(candidate).count() && serving > 0;
        if named.is_some_and(|named| named != candidate) || !enough {
            return 409;
        }
        self.change("promote", |model| {
            model.put(Some(candidate), None, Fate::Drain);
            model.blend = 0;
        })
    }

    pub fn abort(&mut self, named: Option<usize>) -> u16 {
        if named.is_some_and(|named| self.is_stable(named)) {
            return 409;
        }
        let Some((candidate, _)) = self.candidate else { return 200 };
        if named.is_some_and(|named| named != candidate) {
            return if self.last_move.1 == named { 200 } else { 409 };
        }
        self.change("abort", |model| {
            model.put(model.stable.map(|stay| stay.0), None, Fate::Leave("abort"));
            model.blend = 0;
        })
    }

    pub fn rollback(&mut self, named: Option<usize>) -> u16 {
        let repeated = self.last_move.0 == "rollback" && self.candidate.is_none();
        if repeated && named.is_none_or(|named| self.is_stable(named)) {
            return 200;
        }
        let Some(target) = named.or(self.previous) else { return 409 };
        let known = self.previous == Some(target) || self.history.iter().any(|(stable, _)| *stable == target);
        let serving = self.serving(target).count();
        let enough = serving * 2 >= self.registered(target).count() && serving > 0;
        if self.is_stable(target) || !known || !enough {
            return 409;
        }
        let from = self.stable.map(|stay| stay.0);
        let previous = self.before(target, from);
        self.change("rollback", |model| {
            model.put(Some(target), None, Fate::Leave("rollback"));
            model.blend = 0;
            model.previous = previous;
        })
    }

    pub fn finish_drains(&mut self) -> u16 {
        for (_, tenure) in std::mem::take(&mut self.draining) {
            self.pending = None;
            self.left.insert(tenure, "drained");
        }
        200
    }

    /// The drain of one release is over by time.
    pub fn retire(&mut self, release: usize) {
        self.pending = None;
        for (_, tenure) in self.draining.extract_if(.., |stay| stay.0 == release) {
            self.left.insert(tenure, "drained");
        }
    }

    pub fn raw_stable(&mut self, release: Option<usize>) {
        self.pending = None;
        if let Some(named) =
            release.filter(|named| !self.is_stable(*named) && self.registered(*named).count() == 0)
        {
            self.pending = Some(named);
            return;
        }
        let candidate = self.candidate.map(|stay| stay.0);
        self.adopt(release, candidate);
    }

    pub fn raw_candidate(&mut self, release: Option<usize>) {
        let stable = self.stable.map(|stay| stay.0);
        self.adopt(stable, release);
    }

    /// What an old script means by two ids: whoever loses its track drains, a candidate equal to stable is none, and one that
    /// is new begins at 0.
    fn adopt(&mut self, stable: Option<usize>, candidate: Option<usize>) {
        let candidate = candidate.filter(|candidate| Some(*candidate) != stable);
        let was = (self.stable.map(|stay| stay.0), self.candidate.map(|stay| stay.0));
        if was == (stable, candidate) {
            return;
        }
        let pending = self.pending;
        self.change("raw", |model| {
            model.put(stable, candidate, Fate::Drain);
            if candidate != was.1 {
                model.blend = 0;
            }
        });
        self.pending = pending;
    }

    /// The late release gets its endpoint.
    pub fn register_late(&mut self) {
        self.registered.insert((LATE, 0));
        if self.pending.is_some() {
            self.raw_stable(Some(LATE));
        }
    }

    /// Whether that is allowed here: a release keeps one key at least, since what happens without is another matter.
    pub fn register(&mut self, endpoint: (usize, usize), there: bool) -> bool {
        let last = self.registered(endpoint.0).count() == 1;
        let changes = self.registered.contains(&endpoint) != there && (there || !last);
        if changes && there {
            self.registered.insert(endpoint);
        } else if changes {
            self.registered.remove(&endpoint);
        }
        changes
    }

    /// Whether that changes anything.
    pub fn stop(&mut self, endpoint: (usize, usize), stopped: bool) -> bool {
        if stopped { self.stopped.insert(endpoint) } else { self.stopped.remove(&endpoint) }
    }

    fn change(&mut self, command: &'static str, change: impl FnOnce(&mut Self)) -> u16 {
        let was = (self.stable, self.candidate, self.previous);
        change(self);
        self.pending = None;
        let release = |stay: Option<Stay>| stay.map(|stay| stay.0);
        if release(self.stable) != release(was.0) && command != "rollback" {
            let replaced = release(was.0).or(was.2);
            let same = replaced.is_some() && replaced == release(self.stable);
            self.previous = if same { self.before(replaced.expect("it is some"), None) } else { replaced };
        }
        if (release(self.stable), release(self.candidate)) != (release(was.0), release(was.1)) {
            let dropped = was.1.filter(|stay| !self.routes(stay.1)).map(|stay| stay.0);
            self.last_move = (command, dropped);
        }
        if let Some((stable, _)) = self.stable {
            self.history.push((stable, self.previous));
        }
        200
    }

    /// Puts releases on the tracks: whoever was routed keeps its tenure, whoever is on none now meets its fate.
    fn put(&mut self, stable: Option<usize>, candidate: Option<usize>, fate: Fate) {
        let were: Vec<Stay> = self.stable.into_iter().chain(self.candidate).collect();
        let mut enter = |release: usize| {
            if let Some(stay) = were.iter().find(|stay| stay.0 == release) {
                return *stay;
            }
            if let Some(at) = self.draining.iter().position(|stay| stay.0 == release) {
                return self.draining.remove(at);
            }
            self.last += 1;
            (release, self.last)
        };
        let (stable, candidate) = (stable.map(&mut enter), candidate.map(&mut enter));
        (self.stable, self.candidate) = (stable, candidate);
        for stay in were {
            match fate {
                _ if self.routes(stay.1) => {}
                Fate::Leave(why) => drop(self.left.insert(stay.1, why)),
                Fate::Drain => self.draining.push(stay),
            }
        }
        while self.draining.len() > DRAINING_MAX {
            let oldest = self.draining.remove(0);
            self.left.insert(oldest.1, "drained");
        }
    }

    /// The release before another in the history: what was `previous` when that was stable last.
    fn before(&self, release: usize, not: Option<usize>) -> Option<usize> {
        let while_stable = self.history.iter().rev().filter(|(stable, _)| *stable == release);
        while_stable
            .filter_map(|(_, previous)| *previous)
            .find(|previous| *previous != release && Some(*previous) != not)
    }

    // --- what is asked of it ---

    /// All of it in a line.
    pub fn told(&self) -> String {
        format!(
            "stable {:?}, candidate {:?} at {}, draining {:?}, previous {:?}, sticky {}, navigate {}, drain over {}, pending {:?}, \
             stopped {:?}, left {:?}",
            self.stable,
            self.candidate,
            self.blend,
            self.draining,
            self.previous,
            self.sticky,
            self.navigate,
            self.drain_over,
            self.pending,
            self.stopped,
            self.left
        )
    }

    fn is_stable(&self, release: usize) -> bool {
        self.stable.is_some_and(|stay| stay.0 == release)
    }

    fn is_candidate(&self, release: usize) -> bool {
        self.candidate.is_some_and(|stay| stay.0 == release)
    }

    fn routes(&self, tenure: u32) -> bool {
        self.routed().any(|stay| stay.1 == tenure)
    }

    /// Every release that serves somebody.
    pub fn routed(&self) -> impl Iterator<Item = Stay> {
        self.stable.into_iter().chain(self.candidate).chain(self.draining.iter().copied())
    }

    fn registered(&self, release: usize) -> impl Iterator<Item = usize> {
        self.registered.iter().filter(move |endpoint| endpoint.0 == release).map(|endpoint| endpoint.1)
    }

    /// Endpoints of a release that are registered and answer.
    pub fn serving(&self, release: usize) -> impl Iterator<Item = usize> {
        self.registered(release).filter(move |number| !self.stopped.contains(&(release, *number)))
    }

    /// Endpoints of a release that are registered and do not answer.
    pub fn down(&self, release: usize) -> impl Iterator<Item = usize> {
        self.registered(release).filter(move |number| self.stopped.contains(&(release, *number)))
    }

    fn serves(&self, release: usize) -> bool {
        self.serving(release).next().is_some()
    }

    /// Where a visit may go.
    pub fn route(&self, evidence: Evidence, kind: Kind) -> Vec<Outcome> {
        if !self.sticky {
            return self.by_bucket(None, "no-cookie", Cookie::No);
        }
        let first = if matches!(kind, Kind::Navigation | Kind::Bare) { Cookie::First } else { Cookie::No };
        let other = if kind == Kind::Asset { Cookie::No } else { Cookie::First };
        match evidence {
            Evidence::Nothing => self.by_bucket(None, "bucket", first),
            Evidence::Forged => self.by_bucket(None, "forged", other),
            Evidence::ForeignKey => self.by_bucket(None, "foreign-key", other),
            Evidence::Valid(pin) => self.pinned(pin, kind),
        }
    }

    fn pinned(&self, pin: Pin, kind: Kind) -> Vec<Outcome> {
        let Some((release, _)) = self.routed().find(|stay| stay.1 == pin.tenure) else {
            let reason = self.left.get(&pin.tenure).copied().expect("every tenure is routed or has left");
            return vec![self.moved(pin, kind, reason)];
        };
        let drains = self.draining.iter().any(|stay| stay.1 == pin.tenure);
        let stable_serves = self.stable.is_some_and(|stay| self.serves(stay.0));
        let navigation = kind == Kind::Navigation;
        if drains && navigation && self.drain_over && stable_serves {
            return vec![self.moved(pin, kind, "drained")];
        }
        let stays = self.stays(pin, release, kind);
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
        let renewed = kind == Kind::Navigation && self.refresh_always;
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

/// A pin that must change goes out with anything but an asset.
fn changed(kind: Kind) -> Cookie {
    if kind == Kind::Asset { Cookie::No } else { Cookie::Changed }
}
