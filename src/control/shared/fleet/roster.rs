//! The roster: what this router knows of every member, itself among them, as the watch told it.
//!
//! Written by the one task that follows the store; whoever waits for members is woken by each change.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use imbl::ordmap::DiffItem;
use keyvalues::Listing;
use parking_lot::Mutex;
use tokio::sync::watch;

use super::{
    evidence::MemberEvidence,
    member::{Entry, Kind, Load, Report, ServedApps, SignOfLife},
    past::MemberPast,
};
use crate::{
    clock::Clock,
    control::{
        limits::{BEHIND_AFTER, GONE_AFTER_MIN, LISTENERS_MAX, SIGN_OF_LIFE_TTL, SKEW_MAX, SKEW_SAMPLES},
        shared::entries::decode,
    },
    rollout::{app::AppName, pin::PinFormat},
};

/// All members.
#[derive(Debug)]
pub struct Roster {
    node: String,
    clock: Clock,
    members: Mutex<BTreeMap<String, Member>>,
    /// What this router serves, to be reported.
    serving: watch::Sender<Arc<Report>>,
    changed: watch::Sender<u64>,
    arrivals: AtomicU64,
}

/// What is known of one member. A node without an entry is no member: what it left in the store is garbage.
#[derive(Debug, Clone, Default)]
pub struct Member {
    pub entry: Option<Entry>,
    pub report: Option<Arc<Report>>,
    pub load: Option<Arc<Load>>,
    /// What it has counted of candidates. It stays when the member leaves.
    pub evidence: Option<Arc<MemberEvidence>>,
    /// What its releases did in the last minute.
    pub past: Option<Arc<MemberPast>>,
    /// Its last sign of life; none once its lease has ended.
    pub alive: Option<SignOfLife>,
    /// Its wall clock less our monotonic one, in ms, at its last signs of life. Each is too low by the time that the sign was
    /// under way.
    offsets: VecDeque<i64>,
    /// Since when its clock goes on without a step, as it says itself (Unix ms).
    clock_since: u64,
    /// When it was last heard from (monotonic); none: not since this router started.
    heard_at: Option<Duration>,
    /// Since when this router has missed its signs of life (monotonic): a lower bound, which begins anew with each listing,
    /// since this router may have been cut off from the store before.
    silent_since: Option<Duration>,
    /// When it last wrote, by its own clock (Unix ms).
    last_at: Option<u64>,
    /// Since when it serves something else than this router does.
    behind_since: Option<Duration>,
}

impl Roster {
    pub fn new(node: &str, clock: Clock) -> Self {
        Self {
            node: node.to_owned(),
            clock,
            members: Mutex::default(),
            serving: watch::Sender::default(),
            changed: watch::Sender::new(0),
            arrivals: AtomicU64::new(0),
        }
    }

    /// Takes a whole listing.
    pub fn replace(&self, listing: &Listing) {
        let mut members = self.members.lock();
        let before: BTreeMap<String, Option<u64>> =
            members.iter().map(|(node, member)| (node.clone(), member.living_clock())).collect();
        let mut last = std::mem::take(&mut *members);
        for entry in &listing.entries {
            let Some((kind, node)) = Kind::of(entry.key.as_str()) else { continue };
            let member = members.entry(node.to_owned()).or_insert_with(|| Member::kept(last.remove(node)));
            // It is not known when it was written, so it says nothing about the member's clock.
            member.take(kind, Some(&entry.value), self.clock.monotonic(), false);
        }
        let is_new = |(node, member): (&String, &Member)| {
            let now = member.living_clock();
            *node != self.node && now.is_some() && before.get(node) != Some(&now)
        };
        if members.iter().any(is_new) {
            self.arrivals.fetch_add(1, Ordering::Relaxed);
        }
        drop(members);
        self.wake();
    }

    /// Takes one write or deletion; `false` if the key is not a member's.
    pub fn take(&self, key: &str, value: Option<&[u8]>) -> bool {
        let Some((kind, node)) = Kind::of(key) else { return false };
        let mut members = self.members.lock();
        let member = members.entry(node.to_owned()).or_default();
        let before = member.living_clock();
        member.take(kind, value, self.clock.monotonic(), true);
        let now = member.living_clock();
        if now.is_some() && now != before && node != self.node {
            self.arrivals.fetch_add(1, Ordering::Relaxed);
        }
        if member.is_nothing() {
            members.remove(node);
        }
        drop(members);
        self.wake();
        true
    }

    /// Says what this router serves from now on.
    pub fn serve(&self, report: Report) {
        self.serving.send_if_modified(|serving| {
            let changed = **serving != report;
            if changed {
                *serving = Arc::new(report);
            }
            changed
        });
    }

    /// What this router serves now.
    pub fn served(&self) -> Arc<Report> {
        Arc::clone(&self.serving.borrow())
    }

    /// What this router serves, and when that changes.
    pub fn serving(&self) -> watch::Receiver<Arc<Report>> {
        self.serving.subscribe()
    }

    /// Counts how often another member has come, or its clock was set. Who comes has heard no earlier sign of life, and so does not
    /// know the others' clocks; whose clock was set cannot tell it from a set clock of all others.
    pub fn arrivals(&self) -> u64 {
        self.arrivals.load(Ordering::Relaxed)
    }

    /// Counts changes of the roster.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// The members by node id: those with an entry.
    pub fn members(&self) -> BTreeMap<String, Member> {
        let members = self.members.lock();
        let entered = members.iter().filter(|(_, member)| member.entry.is_some());
        entered.map(|(node, member)| (node.clone(), member.clone())).collect()
    }

    /// What is stored of this router.
    pub fn own(&self) -> Member {
        self.members.lock().get(&self.node).cloned().unwrap_or_default()
    }

    /// What the other routers have counted of candidates, those that left among them.
    pub fn evidence_of_others(&self) -> Vec<Arc<MemberEvidence>> {
        let members = self.members.lock();
        let others = members.iter().filter(|(node, _)| **node != self.node);
        others.filter_map(|(_, member)| member.evidence.clone()).collect()
    }

    /// What the releases of the other members did in their last minute, by node id.
    pub fn pasts_of_others(&self) -> Vec<(String, Arc<MemberPast>)> {
        let members = self.members.lock();
        let others = members.iter().filter(|(node, _)| **node != self.node);
        others.filter_map(|(node, member)| Some((node.clone(), member.past.clone()?))).collect()
    }

    /// What routers have counted that are no members any more, by node id.
    pub fn evidence_left(&self) -> Vec<(String, Arc<MemberEvidence>)> {
        let members = self.members.lock();
        let left = members.iter().filter(|(node, member)| **node != self.node && member.entry.is_none());
        left.filter_map(|(node, member)| Some((node.clone(), member.evidence.clone()?))).collect()
    }

    /// Whether a router is this one or another member.
    pub fn knows(&self, node: &str) -> bool {
        node == self.node || self.members.lock().get(node).is_some_and(|member| member.entry.is_some())
    }

    /// Where the other members listen, in order, each once.
    pub fn listeners(&self) -> Vec<SocketAddr> {
        let members = self.members.lock();
        let entries = members.iter().filter(|(node, _)| **node != self.node);
        let entries = entries.filter_map(|(_, member)| member.entry.as_ref());
        let told: BTreeSet<SocketAddr> =
            entries.flat_map(|entry| entry.listeners.iter().take(LISTENERS_MAX)).copied().collect();
        told.into_iter().collect()
    }

    /// How many members there are beside this router.
    pub fn others(&self) -> usize {
        let members = self.members.lock();
        members.iter().filter(|(node, member)| **node != self.node && member.entry.is_some()).count()
    }

    /// Whether every member says that it reads pins of this format.
    pub fn reads_pin_format(&self, format: PinFormat) -> bool {
        let members = self.members.lock();
        let mut entries = members.values().filter_map(|member| member.entry.as_ref()).peekable();
        entries.peek().is_some() && entries.all(|entry| PinFormat::of_number(entry.pin_format) >= format)
    }

    /// Compares what members serve with what this router serves; to be called every second or so.
    pub fn compare(&self) {
        let (own, now) = (Arc::clone(&self.serving.borrow()), self.clock.monotonic());
        for (node, member) in self.members.lock().iter_mut() {
            let same =
                *node == self.node || member.report.as_deref().is_some_and(|report| same(report, &own));
            member.behind_since = if same { None } else { Some(member.behind_since.unwrap_or(now)) };
        }
    }

    /// The apps that a member serves at another seq than this router does, with that seq where it has said one.
    pub fn differing(&self, member: &Member) -> BTreeMap<AppName, Option<u64>> {
        let own = Arc::clone(&self.serving.borrow());
        let theirs = member.report.as_deref().cloned().unwrap_or_default();
        seq_differences(&theirs.apps, &own.apps).map(|(app, there, _)| (app.clone(), there)).collect()
    }

    /// Whether this router's wall clock is so far from the others' that it is not to end anything by it.
    pub fn is_own_clock_off(&self) -> bool {
        self.is_clock_off(&self.node)
    }

    /// Whether fewer than half of the other members have a wall clock within [`SKEW_MAX`] of this one's. Of two that
    /// differ nobody can tell which is off, so both are.
    pub fn is_clock_off(&self, node: &str) -> bool {
        let members = self.members.lock();
        let offset = |other: &str, member: &Member| {
            if other == self.node { Some(0) } else { member.alive.as_ref().and(member.skew_ms(&self.clock)) }
        };
        let known = members.iter().filter(|(_, member)| member.entry.is_some());
        let offsets: Vec<(&String, i64)> =
            known.filter_map(|(other, member)| Some((other, offset(other, member)?))).collect();
        let Some((_, mine)) = offsets.iter().find(|(other, _)| *other == node) else { return false };
        let others: Vec<i64> =
            offsets.iter().filter(|(other, _)| *other != node).map(|(_, at)| *at).collect();
        let near = others.iter().filter(|at| u128::from(at.abs_diff(*mine)) <= SKEW_MAX.as_millis()).count();
        near * 2 < others.len()
    }

    /// The epoch of the store that this router follows.
    pub fn epoch(&self) -> String {
        self.serving.borrow().epoch.clone()
    }

    fn wake(&self) {
        self.changed.send_modify(|count| *count = count.wrapping_add(1));
    }
}

/// A wall clock (Unix ms) less the monotonic one, in ms.
fn less(wall_ms: u64, monotonic: Duration) -> i64 {
    let difference = i128::from(wall_ms) - i128::try_from(monotonic.as_millis()).unwrap_or(i128::MAX);
    i64::try_from(difference).unwrap_or(i64::MAX)
}

/// Whether two members serve every app at the same seq, with the same pin keys. Revisions may differ without meaning: a
/// router that did not watch while a key was deleted knows only that the key is gone.
fn same(one: &Report, other: &Report) -> bool {
    one.pin_keys == other.pin_keys
        && one.epoch == other.epoch
        && seq_differences(&one.apps, &other.apps).next().is_none()
}

/// The apps that are served at different seqs, with the seqs of both sides.
fn seq_differences<'a>(
    one: &'a ServedApps,
    other: &'a ServedApps,
) -> impl Iterator<Item = (&'a AppName, Option<u64>, Option<u64>)> {
    let sides = one.diff(other).map(|item| match item {
        DiffItem::Add(app, (seq, _)) => (app, None, Some(*seq)),
        DiffItem::Remove(app, (seq, _)) => (app, Some(*seq), None),
        DiffItem::Update { old: (_, (before, _)), new: (app, (after, _)) } => {
            (app, Some(*before), Some(*after))
        }
    });
    sides.filter(|(_, before, after)| before != after)
}

impl Member {
    /// Keeps what a listing does not tell.
    fn kept(last: Option<Self>) -> Self {
        let last = last.unwrap_or_default();
        Self {
            entry: None,
            report: None,
            load: None,
            evidence: None,
            past: None,
            alive: None,
            silent_since: None,
            ..last
        }
    }

    fn is_nothing(&self) -> bool {
        self.entry.is_none()
            && self.report.is_none()
            && self.load.is_none()
            && self.evidence.is_none()
            && self.past.is_none()
            && self.alive.is_none()
    }

    /// The clock of a member that is heard from.
    fn living_clock(&self) -> Option<u64> {
        self.alive.as_ref().map(|sign| sign.clock_since)
    }

    /// `is_news`: the value has only just been written.
    fn take(&mut self, kind: Kind, value: Option<&[u8]>, now: Duration, is_news: bool) {
        self.take_value(kind, value, now, is_news);
        let wrote = value.is_some() && is_news;
        self.silent_since = match (self.alive.is_some(), self.silent_since) {
            (true, _) => None,
            (false, Some(since)) if !wrote => Some(since),
            (false, _) => Some(now),
        };
    }

    fn take_value(&mut self, kind: Kind, value: Option<&[u8]>, now: Duration, is_news: bool) {
        match kind {
            Kind::Entry => self.entry = value.map(|json| decode(json).unwrap_or_default()),
            Kind::Report => self.report = value.and_then(decode).map(Arc::new),
            Kind::Load => self.load = value.and_then(decode).map(Arc::new),
            Kind::Evidence => self.evidence = value.and_then(decode).map(Arc::new),
            Kind::Past => self.past = value.and_then(decode).map(Arc::new),
            Kind::SignOfLife => return self.heard(value.and_then(decode::<SignOfLife>), now, is_news),
        }
        if value.is_some() && is_news {
            self.heard_at = Some(now);
        }
    }

    fn heard(&mut self, sign: Option<SignOfLife>, now: Duration, is_news: bool) {
        if sign.is_none() && self.alive.is_some() {
            // Its lease has run out, so it was last kept alive a lease's time ago, or later.
            self.heard_at = self.heard_at.max(Some(now.saturating_sub(SIGN_OF_LIFE_TTL)));
        }
        let said = sign.as_ref().map(|sign| (sign.at, sign.clock_since));
        self.alive = sign;
        let Some((at, clock_since)) = said else { return };
        self.last_at = Some(at);
        if !is_news {
            return;
        }
        self.heard_at = Some(now);
        if self.clock_since != clock_since {
            // It was set: what was known of it says nothing any more.
            self.clock_since = clock_since;
            self.offsets.clear();
        }
        if self.offsets.len() == SKEW_SAMPLES {
            self.offsets.pop_front();
        }
        self.offsets.push_back(less(at, now));
    }

    /// Its wall clock less ours, in ms; none before it was heard from.
    pub fn skew_ms(&self, clock: &Clock) -> Option<i64> {
        let ours = less(clock.wall_ms(), clock.monotonic());
        self.offsets.iter().max().map(|theirs| theirs.saturating_sub(ours))
    }

    /// How long nothing was heard of it; none where that is not known.
    pub fn silent(&self, clock: &Clock) -> Option<Duration> {
        let silent = match self.heard_at {
            Some(at) => Some(clock.monotonic().saturating_sub(at)),
            // From before this router started: only the wall clocks can tell.
            None => self.last_at.map(|at| Duration::from_millis(clock.wall_ms().saturating_sub(at))),
        };
        // While the store has its sign of life it keeps its lease alive, though it writes nothing.
        let most = if self.alive.is_some() { SIGN_OF_LIFE_TTL } else { Duration::MAX };
        silent.map(|silent| silent.min(most))
    }

    /// Whether its signs of life have been missed for so long that it is presumed gone. It enters again with its next sign,
    /// for which one that has only just entered has some time however short that silence is.
    pub fn is_gone(&self, after: Option<Duration>, now: Duration) -> bool {
        let silent = self.silent_since.map(|since| now.saturating_sub(since));
        silent.zip(after).is_some_and(|(silent, after)| silent >= after.max(GONE_AFTER_MIN))
    }

    /// Whether it has served something else than this router for so long that it is no longer only a change under way.
    pub fn is_behind(&self, now: Duration) -> bool {
        self.behind_since.is_some_and(|since| now.saturating_sub(since) >= BEHIND_AFTER)
    }

    /// What people call it.
    pub fn name<'a>(&'a self, node: &'a str) -> &'a str {
        self.entry.as_ref().map(|entry| entry.name.as_str()).filter(|name| !name.is_empty()).unwrap_or(node)
    }
}

#[cfg(test)]
mod tests;
