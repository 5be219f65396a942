//! A router against a model of it: random sequences of commands, raw writes, endpoint failures, recoveries, restarts and
//! time, and after each of them the question where every client goes, why, and with which cookie.
//!
//! The model is written from the tables of sections 4, 5 and 7 of the design and shares no code with the router. A
//! sequence is the same for a seed. At a difference the steps are printed that still lead to it after as many as possible
//! were left out. 3,000 steps by default; `tests/run --long` takes 100,000, and `ROLLING_ROUTER_SEED` another seed.

mod client;
mod expected;
mod routing;
mod settling;
mod site;
mod steps;
mod visits;
mod world;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use steps::{Draw, Step};
use support::count;
use world::World;

/// Steps that one router lives through.
const LIFE: usize = 750;
/// Attempts at leaving steps out.
const SHRINKS_MAX: usize = 40;

/// The sequence of a seed.
fn sequence(seed: u64) -> Vec<Step> {
    let mut draw = Draw(seed);
    (0..LIFE).map(|_| draw.step()).collect()
}

/// Lives through a sequence; at a difference, the place of the step and the difference.
fn live(seed: u64, steps: &[Step]) -> Result<usize, (usize, String)> {
    let blend = [5_000, 0, 10_000, 2_000][usize::try_from(seed % 4).expect("it is below 4")];
    let mut world = World::start(blend, 1 + usize::try_from(seed / 4 % 2).expect("it is below 2"));
    for (at, step) in steps.iter().enumerate() {
        world.step(*step).map_err(|why| (at, why))?;
        if at % 100 == 99 {
            world.check_log().map_err(|why| (at, why))?;
        }
    }
    world.check_log().map_err(|why| (steps.len(), why))?;
    Ok(world.inconclusive)
}

/// Leaves out what is not needed for a difference.
fn shrink(seed: u64, steps: Vec<Step>, difference: String) -> (Vec<Step>, String) {
    let (mut steps, mut difference) = (steps, difference);
    let (mut size, mut attempts) = (steps.len() / 2, 0);
    while size > 0 && attempts < SHRINKS_MAX {
        let mut start = 0;
        while start + size < steps.len() && attempts < SHRINKS_MAX {
            let fewer = [&steps[..start], &steps[start + size..]].concat();
            attempts += 1;
            match live(seed, &fewer) {
                Err((at, why)) => {
                    steps = fewer[..fewer.len().min(at + 1)].to_vec();
                    difference = why;
                }
                Ok(_) => start += size,
            }
        }
        size /= 2;
    }
    (steps, difference)
}

#[test]
fn every_client_goes_where_the_model_says() {
    let first = std::env::var("ROLLING_ROUTER_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let lives = count(3_000, 100_000).div_ceil(LIFE);
    let (next, inconclusive) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let work = || {
        loop {
            let number = next.fetch_add(1, Ordering::SeqCst);
            if number >= lives {
                return;
            }
            let seed = first + number as u64;
            let steps = sequence(seed);
            match live(seed, &steps) {
                Ok(doubts) => drop(inconclusive.fetch_add(doubts, Ordering::SeqCst)),
                Err((at, why)) => {
                    next.store(lives, Ordering::SeqCst);
                    println!("seed {seed}, step {at}: {:?}: {why}", steps.get(at));
                    let end = steps.len().min(at + 1);
                    let (fewer, last) = shrink(seed, steps[..end].to_vec(), why.clone());
                    panic!(
                        "seed {seed}, step {at}: {why}\nthese steps lead to a difference: {fewer:#?}\n{last}"
                    );
                }
            }
        }
    };
    thread::scope(|scope| {
        let both = [scope.spawn(work), scope.spawn(work)];
        for worker in both {
            if let Err(panic) = worker.join() {
                std::panic::resume_unwind(panic);
            }
        }
    });
    let inconclusive = inconclusive.into_inner();
    println!("{} steps from seed {first}, {inconclusive} visits inconclusive", lives * LIFE);
    assert!(inconclusive <= 3 + lives, "{inconclusive} visits said nothing: an endpoint was doubted");
}
