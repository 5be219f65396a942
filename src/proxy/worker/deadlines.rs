//! Deadlines, and the end of releases, for everything that a worker has open.
//!
//! Setting a deadline is a store into an array. One sweeper per worker compares all of them a few times a second, and
//! wakes the tasks that are overdue: no timer is registered with the runtime for a request. A task that is woken without
//! progress asks [`Deadline::state`] whether to go on waiting.

use std::{
    cell::RefCell,
    rc::Rc,
    task::{Context, Waker},
};

use super::{coarse, local::LocalRelease};
use crate::{limits::END_SPREAD_MS, rollout::target::EndpointIndex};

/// No deadline.
const NEVER: u64 = u64::MAX;
/// The open exchanges of an ended release are ended at least so far apart, until they fill [`END_SPREAD_MS`].
const END_GAP_MS: u64 = 5;

/// What a task that waits has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitState {
    /// It goes on waiting.
    Waiting,
    /// Its deadline has passed.
    Overdue,
    /// The release that it talks to has ended (retired, aborted or rolled back), or the endpoint has, and it is this
    /// exchange's turn to end.
    Ended,
}

/// The deadlines of everything that one worker has open.
#[derive(Debug, Default)]
pub struct Deadlines {
    inner: RefCell<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// By number, in monotonic ms. Apart from the rest, since the sweeper reads all of them.
    deadlines: Vec<u64>,
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// Some exchanges have a time at which they end.
    ending: bool,
}

#[derive(Debug, Default)]
struct Slot {
    waker: Option<Waker>,
    /// The release that it talks to, and which of its endpoints.
    bound_to: Option<(Rc<LocalRelease>, EndpointIndex)>,
    end_at: Option<u64>,
}

/// The deadline of one connection or stream, as long as that lives.
#[derive(Debug)]
pub struct Deadline {
    deadlines: Rc<Deadlines>,
    number: u32,
}

impl Deadlines {
    /// A new entry, whose deadline is not set.
    pub fn enter(self: &Rc<Self>) -> Deadline {
        let mut inner = self.inner.borrow_mut();
        let number = inner.free.pop().unwrap_or_else(|| {
            inner.deadlines.push(NEVER);
            inner.slots.push(Slot::default());
            u32::try_from(inner.slots.len() - 1)
                .expect("fewer connections than descriptors, which are 32 bits")
        });
        Deadline { deadlines: Rc::clone(self), number }
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

    /// Wakes the tasks that are overdue or whose turn to end has come.
    pub fn sweep(&self) {
        let now = coarse::now_ms();
        let inner = self.inner.borrow();
        for (deadline, slot) in inner.deadlines.iter().zip(&inner.slots) {
            if *deadline <= now || inner.ending && slot.has_turn(now) {
                slot.wake();
            }
        }
    }

    /// Finds the exchanges with ended releases, and gives each a time to end: all within 30 s, sooner if they are few.
    pub fn sweep_ended(&self, mut random: impl FnMut() -> u64) {
        let now = coarse::now_ms();
        let mut inner = self.inner.borrow_mut();
        let count = inner.slots.iter().filter(|slot| slot.ended()).count() as u64;
        let spread = (count.saturating_sub(1) * END_GAP_MS).min(END_SPREAD_MS);
        inner.ending = count > 0;
        for slot in &mut inner.slots {
            if !slot.ended() {
                // A release that had ended may be routed again.
                slot.end_at = None;
                continue;
            }
            slot.end_at.get_or_insert_with(|| now + random() % (spread + 1));
            if slot.has_turn(now) {
                slot.wake();
            }
        }
    }

    /// Wakes every task, for a change that concerns all.
    pub fn wake_all(&self) {
        self.inner.borrow().slots.iter().for_each(Slot::wake);
    }
}

impl Slot {
    /// Whether what it talks to has ended.
    fn ended(&self) -> bool {
        self.bound_to.as_ref().is_some_and(|(release, at)| {
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

impl Deadline {
    /// Says which task to wake: once per task.
    pub fn register(&self, context: &Context<'_>) {
        self.deadlines.inner.borrow_mut().slots[self.index()].waker = Some(context.waker().clone());
    }

    /// Sets the deadline, in monotonic ms.
    pub fn set(&self, deadline_ms: u64) {
        self.deadlines.inner.borrow_mut().deadlines[self.index()] = deadline_ms;
    }

    /// Makes the deadline earlier, if it is later than this (monotonic ms).
    pub fn set_no_later(&self, deadline_ms: u64) {
        let deadline = &mut self.deadlines.inner.borrow_mut().deadlines[self.index()];
        *deadline = deadline_ms.min(*deadline);
    }

    /// Sets the deadline, in ms from now.
    pub fn set_in(&self, ms: u64) {
        self.set(coarse::now_ms().saturating_add(ms));
    }

    /// How long ago the deadline was set, if it was set with [`Deadline::set_in`] to so many ms.
    pub fn since(&self, ms: u64) -> u64 {
        let deadline = self.deadlines.inner.borrow().deadlines[self.index()];
        coarse::now_ms().saturating_sub(deadline.saturating_sub(ms))
    }

    /// Takes the deadline away.
    pub fn clear(&self) {
        self.set(NEVER);
    }

    /// From now on the end of this release, or of this endpoint, ends the exchange.
    pub fn bind_to(&self, release: Rc<LocalRelease>, endpoint: EndpointIndex) {
        self.deadlines.inner.borrow_mut().slots[self.index()].bound_to = Some((release, endpoint));
    }

    /// From now on no release's end concerns it.
    pub fn unbind(&self) {
        let slot = &mut self.deadlines.inner.borrow_mut().slots[self.index()];
        slot.bound_to = None;
        slot.end_at = None;
    }

    /// What the task has to do now.
    pub fn state(&self) -> WaitState {
        let now = coarse::now_ms();
        let inner = self.deadlines.inner.borrow();
        if inner.slots[self.index()].has_turn(now) {
            return WaitState::Ended;
        }
        if inner.deadlines[self.index()] <= now { WaitState::Overdue } else { WaitState::Waiting }
    }

    fn index(&self) -> usize {
        self.number as usize
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        let mut inner = self.deadlines.inner.borrow_mut();
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

    fn waiting(deadlines: &Rc<Deadlines>) -> (Deadline, Arc<Count>) {
        let (deadline, count) = (deadlines.enter(), Arc::new(Count::default()));
        deadline.register(&Context::from_waker(&Arc::clone(&count).into()));
        (deadline, count)
    }

    #[test]
    fn only_the_overdue_are_woken() {
        let (clock, deadlines) = (Clock::manual(0), Rc::new(Deadlines::default()));
        coarse::refresh(&clock);
        let (soon, soon_woken) = waiting(&deadlines);
        let (late, late_woken) = waiting(&deadlines);
        soon.set_in(100);
        late.set_in(1_000);
        clock.advance(Duration::from_millis(100));
        coarse::refresh(&clock);
        deadlines.sweep();
        assert_eq!((soon.state(), late.state()), (WaitState::Overdue, WaitState::Waiting));
        assert_eq!((soon_woken.0.load(Ordering::Relaxed), late_woken.0.load(Ordering::Relaxed)), (1, 0));
        drop(soon);
        assert_eq!(deadlines.len(), 1);
        assert_eq!(
            deadlines.enter().state(),
            WaitState::Waiting,
            "a new entry has no deadline of an old one"
        );
    }

    fn ended_release() -> (Arc<ReleaseState>, Rc<LocalRelease>) {
        let key = ReleaseKey {
            app: "a".parse().unwrap(),
            release: "apps/a-1-80/containers".parse().unwrap(),
            tenure: 1,
        };
        let release = Arc::new(ReleaseState::new(key, 1));
        (Arc::clone(&release), Rc::new(LocalRelease { state: release, endpoints: Box::default() }))
    }

    /// What was idle ended at the next look for ended releases, once a second, all at once.
    #[test]
    fn each_is_woken_when_its_turn_has_come() {
        let (clock, deadlines) = (Clock::manual(0), Rc::new(Deadlines::default()));
        coarse::refresh(&clock);
        let (state, release) = ended_release();
        let open: Vec<_> = (0..100).map(|_| waiting(&deadlines)).collect();
        open.iter().for_each(|(deadline, _)| deadline.bind_to(Rc::clone(&release), EndpointIndex(0)));
        state.set_ended(true);
        let mut draw = 0;
        deadlines.sweep_ended(|| {
            draw += 1;
            draw
        });
        let woken = || open.iter().filter(|(_, count)| count.0.load(Ordering::Relaxed) > 0).count();
        assert_eq!(woken(), 0);
        for turn in [30, 70, 100] {
            clock.advance(Duration::from_millis(if turn == 70 { 40 } else { 30 }));
            coarse::refresh(&clock);
            deadlines.sweep();
            assert_eq!(woken(), turn);
        }
    }

    #[test]
    fn the_ends_of_a_release_are_spread() {
        let (clock, deadlines) = (Clock::manual(0), Rc::new(Deadlines::default()));
        coarse::refresh(&clock);
        let (state, release) = ended_release();
        let open: Vec<_> = (0..100).map(|_| waiting(&deadlines).0).collect();
        open.iter().for_each(|deadline| deadline.bind_to(Rc::clone(&release), EndpointIndex(0)));
        deadlines.sweep_ended(|| 7);
        assert!(open.iter().all(|deadline| deadline.state() == WaitState::Waiting));
        state.set_ended(true);
        let mut draw = 0;
        deadlines.sweep_ended(|| {
            draw += 10;
            draw
        });
        clock.advance(Duration::from_millis(250));
        coarse::refresh(&clock);
        let ended = open.iter().filter(|deadline| deadline.state() == WaitState::Ended).count();
        assert!((20..80).contains(&ended), "{ended}");
        clock.advance(Duration::from_millis(250));
        coarse::refresh(&clock);
        assert!(open.iter().all(|deadline| deadline.state() == WaitState::Ended));
    }
}
