//! A rollout as simply as it can be written down: who is on which track, who drains, why the others left, and from that
//! where a client may go. It knows no keyvalue, no commit and no clock, and shares no code with the router.

use super::steps::{LATE, RELEASES, endpoints_of};
use std::collections::{BTreeMap, BTreeSet};

/// Whoever is on no track any more meets one of these.
#[derive(Clone, Copy)]
enum Fate {
    Drain,
    Leave(&'static str),
}

/// A release and its tenure.
pub type Stay = (usize, u32);

/// The state of one app.
pub struct Model {
    pub stable: Option<Stay>,
    pub candidate: Option<Stay>,
    pub draining: Vec<Stay>,
    pub left: BTreeMap<u32, &'static str>,
    last: u32,
    pub blend: u32,
    pub sticky: bool,
    pub previous: Option<usize>,
    /// Every stable release, and what `previous` was then; oldest first.
    history: Vec<(usize, Option<usize>)>,
    /// What `stable/id` names while it does not serve.
    pub pending: Option<usize>,
    /// `candidate/id` says null, which is not adopted meanwhile.
    pub held: bool,
    /// The last command that changed who is on a track, and whom it dropped.
    last_move: (&'static str, Option<usize>),
    pub navigate: bool,
    pub drain_over: bool,
    pub short_lived: bool,
    /// The first draw epoch of the present candidate, or of the last one, and the last.
    pub draw_epochs: (u32, u32),
    registered: BTreeSet<(usize, usize)>,
    stopped: BTreeSet<(usize, usize)>,
    /// What may be added to a bucket while this tenure is the candidate's: nobody has said, so all that explain what was
    /// seen.
    pub offsets: (u32, Vec<u32>),
}

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
            held: false,
            last_move: ("adopt", None),
            navigate: false,
            drain_over: false,
            short_lived: false,
            draw_epochs: (1, 1),
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
            // A pipeline that runs again sets what its first run promoted.
            let repeats = self.last_move.0 == "promote" && self.candidate.is_none();
            return if repeats { 200 } else { 409 };
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
            self.cancel();
        }
        self.blend = blend;
        200
    }

    pub fn set_sticky(&mut self, sticky: bool) -> u16 {
        if sticky != self.sticky {
            self.cancel();
        }
        self.sticky = sticky;
        200
    }

    pub fn set_stable(&mut self, release: usize) -> u16 {
        if self.is_stable(release) {
            return 200;
        }
        let candidate = self.candidate.map(|stay| stay.0).filter(|candidate| *candidate != release);
        if !self.serves_enough(release) {
            return 409;
        }
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
        if named.is_some_and(|named| named != candidate) || !self.serves_enough(candidate) {
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
        if self.is_stable(target) || !known || !self.serves_enough(target) {
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
            self.cancel();
            self.left.insert(tenure, "drained");
        }
        200
    }

    /// The drain of one release is over by time.
    pub fn retire(&mut self, release: usize) {
        self.cancel();
        for (_, tenure) in self.draining.extract_if(.., |stay| stay.0 == release) {
            self.left.insert(tenure, "drained");
        }
    }

    pub fn raw_stable(&mut self, release: Option<usize>) {
        let held = std::mem::take(&mut self.held);
        self.pending = None;
        let candidate = self.candidate.map(|stay| stay.0).filter(|_| !held);
        if release.is_none() && self.stable.is_some() {
            // Every release keeps an endpoint here, and the one that serves is never taken off line by a raw null.
            return self.adopt(self.stable.map(|stay| stay.0), candidate);
        }
        if let Some(named) = release.filter(|named| !self.is_stable(*named) && !self.serves_enough(*named)) {
            (self.pending, self.held) = (Some(named), held);
            return;
        }
        self.adopt(release, candidate);
    }

    pub fn raw_candidate(&mut self, release: Option<usize>) {
        self.held = release.is_none() && self.pending.is_some() && self.candidate.is_some();
        if self.held {
            return;
        }
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

    /// A key was deleted, and is written back: what it said is over.
    pub fn raw_delete(&mut self, key: &str) {
        match key {
            "stable/id" => self.raw_stable(self.stable.map(|stay| stay.0)),
            "candidate/id" => self.held = false,
            _ => {}
        }
    }

    /// The late release gets its endpoint.
    pub fn register_late(&mut self) {
        self.registered.insert((LATE, 0));
    }

    /// What waits is adopted once it serves; whether it was.
    pub fn adopt_waiting(&mut self) -> bool {
        let Some(waiting) = self.pending.filter(|waiting| self.serves_enough(*waiting)) else { return false };
        self.raw_stable(Some(waiting));
        true
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

    /// A later change ends the wait, and writes the keys back.
    fn cancel(&mut self) {
        (self.pending, self.held) = (None, false);
    }

    fn change(&mut self, command: &'static str, change: impl FnOnce(&mut Self)) -> u16 {
        let was = (self.stable, self.candidate, self.previous);
        change(self);
        self.cancel();
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

    /// A draw epoch begins with each candidate, and with each raise of its blend. `before` is the candidate and its blend as
    /// they were.
    pub fn note_draws(&mut self, before: (Option<Stay>, u32)) {
        let Some(candidate) = self.candidate else { return };
        let is_new = before.0.is_none_or(|was| was.1 != candidate.1);
        if is_new || self.blend > before.1 {
            self.draw_epochs.1 += 1;
        }
        if is_new {
            self.draw_epochs.0 = self.draw_epochs.1;
        }
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

    pub fn is_stable(&self, release: usize) -> bool {
        self.stable.is_some_and(|stay| stay.0 == release)
    }

    pub fn is_candidate(&self, release: usize) -> bool {
        self.candidate.is_some_and(|stay| stay.0 == release)
    }

    fn routes(&self, tenure: u32) -> bool {
        self.routed().any(|stay| stay.1 == tenure)
    }

    /// Every release that serves somebody.
    pub fn routed(&self) -> impl Iterator<Item = Stay> {
        self.stable.into_iter().chain(self.candidate).chain(self.draining.iter().copied())
    }

    pub fn registered(&self, release: usize) -> impl Iterator<Item = usize> {
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

    /// Whether at least half of a release answers, as a release must that becomes stable.
    fn serves_enough(&self, release: usize) -> bool {
        let serving = self.serving(release).count();
        serving * 2 >= self.registered(release).count() && serving > 0
    }

    pub fn serves(&self, release: usize) -> bool {
        self.serving(release).next().is_some()
    }
}
