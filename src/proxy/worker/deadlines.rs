//! Deadlines, and the end of releases, for everything a worker has open.
//!
//! Setting a deadline is a store into an array; one sweeper per worker compares them all a few times a second and
//! wakes whoever is overdue. No timer is registered with the runtime per request. Whoever waits asks
//! [`Watches::verdict`] when it is woken without progress.

use std::{
    cell::RefCell,
    rc::Rc,
    task::{Context, Waker},
};

use super::{coarse, local::ReleaseView};
use crate::{limits::END_SPREAD_MS, rollout::target::EndpointIndex};

/// No deadline.
const NEVER: u64 = u64::MAX;
/// Ends of one release's open exchanges at one worker are at least so far apart, until they fill the spread.
const END_GAP_MS: u64 = 5;

/// What a wait has to give way to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Go on waiting.
    Wait,
    /// Its deadline has passed.
    Overdue,
    /// The release it talks to has ended (retired, aborted or rolled back), or its endpoint, and its time is over.
    Ended,
}

/// Everything one worker has open.
#[derive(Debug, Default)]
pub struct Watches {
    inner: RefCell<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// By number, in monotonic ms; apart from the rest, since the sweeper reads all of them.
    deadlines: Vec<u64>,
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// Some of them have their turn to end.
    ending: bool,
}

#[derive(Debug, Default)]
struct Slot {
    waker: Option<Waker>,
    /// The release it talks to, and which of its endpoints.
    talks_to: Option<(Rc<ReleaseView>, EndpointIndex)>,
    end_at: Option<u64>,
}

/// One entry, as long as its connection or stream lives.
#[derive(Debug)]
pub struct Watch {
    watches: Rc<Watches>,
    number: u32,
}

impl Watches {
    /// A new entry without a deadline.
    pub fn enter(self: &Rc<Self>) -> Watch {
        let mut inner = self.inner.borrow_mut();
        let number = inner.free.pop().unwrap_or_else(|| {
            inner.deadlines.push(NEVER);
            inner.slots.push(Slot::default());
            u32::try_from(inner.slots.len() - 1)
                .expect("fewer connections than descriptors, which are 32 bits")
        });
        Watch { watches: Rc::clone(self), number }
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        let inner = self.inner.borrow();
        inner.slots.len() - inner.free.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Wakes whatever is overdue, or has its turn to end.
    pub fn sweep(&self) {
        let now = coarse::now_ms();
        let inner = self.inner.borrow();
        for (deadline, slot) in inner.deadlines.iter().zip(&inner.slots) {
            if *deadline <= now || inner.ending && slot.has_turn(now) {
                slot.wake();
            }
        }
    }

    /// Finds exchanges with ended releases, and gives each its turn: all within 30 s, sooner if they are few.
    pub fn sweep_ended(&self, mut random: impl FnMut() -> u64) {
        let now = coarse::now_ms();
        let mut inner = self.inner.borrow_mut();
        let count = inner.slots.iter().filter(|slot| slot.ended()).count() as u64;
        let spread = (count.saturating_sub(1) * END_GAP_MS).min(END_SPREAD_MS);
        inner.ending = count > 0;
        for slot in &mut inner.slots {
            if !slot.ended() {
                // What was to end may have come back.
                slot.end_at = None;
                continue;
            }
            slot.end_at.get_or_insert_with(|| now + random() % (spread + 1));
            if slot.has_turn(now) {
                slot.wake();
            }
        }
    }

    /// Wakes everything, for a change that concerns all.
    pub fn wake_all(&self) {
        self.inner.borrow().slots.iter().for_each(Slot::wake);
    }
}

impl Slot {
    /// Whether what it talks to has ended.
    fn ended(&self) -> bool {
        self.talks_to.as_ref().is_some_and(|(release, at)| {
            release.state.ended()
                || release.endpoints.get(at.0).is_some_and(|endpoint| endpoint.state.ended())
        })
    }

    /// Whether its turn to end has come.
    fn has_turn(&self, now: u64) -> bool {
        self.end_at.is_some_and(|end_at| end_at <= now)
    }

    fn wake(&self) {
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }
}

impl Watch {
    /// Says whom to wake: once per task.
    pub fn register(&self, context: &Context<'_>) {
        self.watches.inner.borrow_mut().slots[self.index()].waker = Some(context.waker().clone());
    }

    /// The deadline, in monotonic ms.
    pub fn set(&self, deadline_ms: u64) {
        self.watches.inner.borrow_mut().deadlines[self.index()] = deadline_ms;
    }

    /// The deadline, from now.
    pub fn set_in(&self, ms: u64) {
        self.set(coarse::now_ms().saturating_add(ms));
    }

    /// How long ago the deadline was set, if it was set with [`Watch::set_in`] to so many ms.
    pub fn since(&self, ms: u64) -> u64 {
        let deadline = self.watches.inner.borrow().deadlines[self.index()];
        coarse::now_ms().saturating_sub(deadline.saturating_sub(ms))
    }

    /// No deadline.
    pub fn clear(&self) {
        self.set(NEVER);
    }

    /// Talks to this endpoint of this release from now on.
    pub fn hold(&self, release: Rc<ReleaseView>, endpoint: EndpointIndex) {
        self.watches.inner.borrow_mut().slots[self.index()].talks_to = Some((release, endpoint));
    }

    /// Talks to no release any more.
    pub fn release(&self) {
        let slot = &mut self.watches.inner.borrow_mut().slots[self.index()];
        slot.talks_to = None;
        slot.end_at = None;
    }

    /// What a wait has to give way to now.
    pub fn verdict(&self) -> Verdict {
        let now = coarse::now_ms();
        let inner = self.watches.inner.borrow();
        if inner.slots[self.index()].has_turn(now) {
            return Verdict::Ended;
        }
        if inner.deadlines[self.index()] <= now { Verdict::Overdue } else { Verdict::Wait }
    }

    fn index(&self) -> usize {
        self.number as usize
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut inner = self.watches.inner.borrow_mut();
        let index = self.number as usize;
        inner.deadlines[index] = NEVER;
        inner.slots[index] = Slot::default();
        inner.free.push(self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicU32, Ordering},
        },
        task::Wake,
        time::Duration,
    };

    use super::*;
    use crate::{clock::Clock, live::releases::ReleaseState, rollout::table::ReleaseKey};

    #[derive(Default)]
    struct Count(AtomicU32);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn watched(watches: &Rc<Watches>) -> (Watch, Arc<Count>) {
        let (watch, count) = (watches.enter(), Arc::new(Count::default()));
        watch.register(&Context::from_waker(&Arc::clone(&count).into()));
        (watch, count)
    }

    #[test]
    fn only_the_overdue_are_woken() {
        let (clock, watches) = (Clock::manual(0), Rc::new(Watches::default()));
        coarse::refresh(&clock);
        let (soon, soon_woken) = watched(&watches);
        let (late, late_woken) = watched(&watches);
        soon.set_in(100);
        late.set_in(1_000);
        clock.advance(Duration::from_millis(100));
        coarse::refresh(&clock);
        watches.sweep();
        assert_eq!((soon.verdict(), late.verdict()), (Verdict::Overdue, Verdict::Wait));
        assert_eq!((soon_woken.0.load(Ordering::Relaxed), late_woken.0.load(Ordering::Relaxed)), (1, 0));
        drop(soon);
        assert_eq!(watches.len(), 1);
        assert_eq!(watches.enter().verdict(), Verdict::Wait, "a new entry has no deadline of an old one");
    }

    fn ended_release() -> (Arc<ReleaseState>, Rc<ReleaseView>) {
        let key = ReleaseKey {
            app: "a".parse().unwrap(),
            release: "apps/a-1-80/containers".parse().unwrap(),
            tenure: 1,
        };
        let release = Arc::new(ReleaseState::new(key, 1));
        (Arc::clone(&release), Rc::new(ReleaseView { state: release, endpoints: Box::default() }))
    }

    /// What was idle ended at the next look for ended releases, once a second, all at once.
    #[test]
    fn each_is_woken_when_its_turn_has_come() {
        let (clock, watches) = (Clock::manual(0), Rc::new(Watches::default()));
        coarse::refresh(&clock);
        let (release, view) = ended_release();
        let open: Vec<_> = (0..100).map(|_| watched(&watches)).collect();
        open.iter().for_each(|(watch, _)| watch.hold(Rc::clone(&view), EndpointIndex(0)));
        release.set_ended(true);
        let mut draw = 0;
        watches.sweep_ended(|| {
            draw += 1;
            draw
        });
        let woken = || open.iter().filter(|(_, count)| count.0.load(Ordering::Relaxed) > 0).count();
        assert_eq!(woken(), 0);
        for turn in [30, 70, 100] {
            clock.advance(Duration::from_millis(if turn == 70 { 40 } else { 30 }));
            coarse::refresh(&clock);
            watches.sweep();
            assert_eq!(woken(), turn);
        }
    }

    #[test]
    fn the_ends_of_a_release_are_spread() {
        let (clock, watches) = (Clock::manual(0), Rc::new(Watches::default()));
        coarse::refresh(&clock);
        let (release, view) = ended_release();
        let open: Vec<_> = (0..100).map(|_| watched(&watches).0).collect();
        open.iter().for_each(|watch| watch.hold(Rc::clone(&view), EndpointIndex(0)));
        watches.sweep_ended(|| 7);
        assert!(open.iter().all(|watch| watch.verdict() == Verdict::Wait));
        release.set_ended(true);
        let mut draw = 0;
        watches.sweep_ended(|| {
            draw += 10;
            draw
        });
        clock.advance(Duration::from_millis(250));
        coarse::refresh(&clock);
        let ended = open.iter().filter(|watch| watch.verdict() == Verdict::Ended).count();
        assert!((20..80).contains(&ended), "{ended}");
        clock.advance(Duration::from_millis(250));
        coarse::refresh(&clock);
        assert!(open.iter().all(|watch| watch.verdict() == Verdict::Ended));
    }
}
