//! Whether a history of overlapping operations can be put into one order that a single, sequential object would have
//! given: Wing and Gong's search, with Lowe's memory of what was tried.
//!
//! An operation without an outcome may have taken effect at any time after it began, or never.
//! (J. Wing, C. Gong: Testing and Verifying Concurrent Objects, 1993; G. Lowe: Testing for Linearizability, 2017.)

use std::collections::HashSet;
use std::hash::Hash;
use std::time::Duration;

/// What an object does when it is used by one at a time.
pub trait Model {
    /// What it holds.
    type State: Clone + Eq + Hash;
    /// What is asked of it.
    type Call;
    /// What it answers.
    type Outcome;

    /// The state after a call that had this outcome; `None` when it cannot have had it in this state. Without an
    /// outcome: the state after the call took effect, `None` when it would have none.
    fn step(state: &Self::State, call: &Self::Call, outcome: Option<&Self::Outcome>) -> Option<Self::State>;
}

/// One operation as its caller lived through it.
#[derive(Clone, Debug)]
pub struct Operation<C, O> {
    /// What was asked.
    pub call: C,
    /// What was answered; `None` when no answer, or none that says what happened, came.
    pub outcome: Option<O>,
    /// When it was sent.
    pub began: Duration,
    /// When it was answered.
    pub ended: Duration,
}

/// Whether some order explains the history.
pub fn linearizable<M: Model>(start: M::State, history: &[Operation<M::Call, M::Outcome>]) -> bool {
    let mut events = Events::of(history);
    let mut missing = history.iter().filter(|operation| operation.outcome.is_some()).count();
    let mut state = start;
    let mut chosen = vec![0_u64; history.len().div_ceil(64)];
    let mut tried = HashSet::new();
    let mut order: Vec<(usize, M::State)> = Vec::new();
    let mut at = events.first();
    while missing > 0 {
        let call = at.and_then(|at| events.call(at));
        if let (Some(at_call), Some(index)) = (at, call) {
            let operation = &history[index];
            let next = M::step(&state, &operation.call, operation.outcome.as_ref());
            flip(&mut chosen, index);
            let fresh = next.filter(|next| tried.insert((chosen.clone(), next.clone())));
            if let Some(next) = fresh {
                order.push((index, std::mem::replace(&mut state, next)));
                missing -= usize::from(operation.outcome.is_some());
                events.lift(index);
                at = events.first();
            } else {
                flip(&mut chosen, index);
                at = events.after(at_call);
            }
            continue;
        }
        // Something has to come before this answer, and nothing of what began can: take the last choice back.
        let Some((index, before)) = order.pop() else { return false };
        state = before;
        flip(&mut chosen, index);
        missing += usize::from(history[index].outcome.is_some());
        at = events.put_back(index);
    }
    true
}

fn flip(chosen: &mut [u64], index: usize) {
    chosen[index / 64] ^= 1 << (index % 64);
}

/// Calls and answers in the order of time, as a linked list from which operations can be taken out and put back in
/// the reverse order. Place 0 is the list's head.
struct Events {
    next: Vec<usize>,
    previous: Vec<usize>,
    /// The operation that begins here, if one does.
    begins: Vec<Option<usize>>,
    /// Where each operation begins, and where it is answered.
    places: Vec<(usize, Option<usize>)>,
}

impl Events {
    fn of<C, O>(history: &[Operation<C, O>]) -> Self {
        let mut marks: Vec<(Duration, bool, usize)> = Vec::new();
        for (index, operation) in history.iter().enumerate() {
            marks.push((operation.began, false, index));
            if operation.outcome.is_some() {
                marks.push((operation.ended, true, index));
            }
        }
        // What begins in the moment in which another is answered overlaps it.
        marks.sort_unstable();
        let count = marks.len() + 1;
        let mut begins = vec![None; count];
        let mut places = vec![(0, None); history.len()];
        for (place, (_, answered, index)) in (1..).zip(&marks) {
            if *answered {
                places[*index].1 = Some(place);
            } else {
                begins[place] = Some(*index);
                places[*index].0 = place;
            }
        }
        let next = (1..=count).map(|place| place % count).collect();
        let previous = (0..count).map(|place| (place + count - 1) % count).collect();
        Self { next, previous, begins, places }
    }

    fn first(&self) -> Option<usize> {
        self.after(0)
    }

    fn after(&self, place: usize) -> Option<usize> {
        Some(self.next[place]).filter(|next| *next != 0)
    }

    fn call(&self, place: usize) -> Option<usize> {
        self.begins[place]
    }

    fn lift(&mut self, index: usize) {
        let (begin, answer) = self.places[index];
        for place in [Some(begin), answer].into_iter().flatten() {
            let (previous, next) = (self.previous[place], self.next[place]);
            self.next[previous] = next;
            self.previous[next] = previous;
        }
    }

    /// Puts an operation back; gives the place after its beginning, where the search goes on.
    fn put_back(&mut self, index: usize) -> Option<usize> {
        let (begin, answer) = self.places[index];
        for place in [answer, Some(begin)].into_iter().flatten() {
            let (previous, next) = (self.previous[place], self.next[place]);
            self.next[previous] = place;
            self.previous[next] = place;
        }
        self.after(begin)
    }
}
