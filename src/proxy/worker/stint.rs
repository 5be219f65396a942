//! How long a worker works on end: after a while it lets whoever else waits for its core go first.
//!
//! The kernel lets a thread that never waits run on for some milliseconds, and who shares the core (an endpoint, a client, another
//! router) waits so long with each step of theirs. A worker that thousands of clients keep busy at the same moment would be such
//! a thread. Where nobody waits for the core, giving way costs a system call that returns at once.

use std::cell::Cell;

use super::coarse;
use crate::clock::Clock;

/// So many steps of connections are taken between two looks at the clock.
const STEPS_PER_LOOK: u32 = 32;

/// So long a worker works on end before it gives way.
const STINT_US: u64 = 250;

thread_local! {
    static STEPS: Cell<u32> = const { Cell::new(0) };
    static RESTED_US: Cell<u64> = const { Cell::new(0) };
}

/// The worker has waited for something to do, or has given way, until this moment of its coarse clock.
pub fn rested() {
    RESTED_US.set(coarse::now_us());
    STEPS.set(0);
}

/// Counts a step of some connection, and gives way when it is due.
pub fn count_step(clock: &Clock) {
    let steps = STEPS.get() + 1;
    STEPS.set(steps);
    if steps >= STEPS_PER_LOOK {
        look(clock);
    }
}

#[cold]
fn look(clock: &Clock) {
    STEPS.set(0);
    coarse::refresh(clock);
    if coarse::now_us().saturating_sub(RESTED_US.get()) >= STINT_US {
        std::thread::yield_now();
        coarse::refresh(clock);
        rested();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn count_steps(clock: &Clock, steps: u32) {
        (0..steps).for_each(|_| count_step(clock));
    }

    #[test]
    fn it_gives_way_after_a_while_of_work_and_not_before() {
        let clock = Clock::manual(0);
        coarse::refresh(&clock);
        rested();
        count_steps(&clock, 10 * STEPS_PER_LOOK);
        assert_eq!(RESTED_US.get(), 0, "no time has passed");
        clock.advance(Duration::from_millis(1));
        count_steps(&clock, STEPS_PER_LOOK - 1);
        assert_eq!(RESTED_US.get(), 0, "the clock is not read with each step");
        count_step(&clock);
        assert_eq!(RESTED_US.get(), 1_000);
    }
}
