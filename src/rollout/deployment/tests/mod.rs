//! Deployments against an engine that is simulated: whatever happens, and wherever a router ends in the middle of a step, each
//! one ends right, and no container is made twice.

mod ends;
mod recycle;
mod world;

use self::world::{Fate, Kill, World};
use super::{
    plan::{PARK_AFTER_MS, RESTART_PAUSE_MS},
    record::DesiredState,
    run::Untold,
    state::State,
    step::{ContainerState, Step},
};

fn never() -> impl Iterator<Item = Option<Kill>> {
    std::iter::repeat(None)
}

#[test]
fn a_deployment_comes_up_in_order_and_says_each_step() {
    let mut world = World::new(2, Fate::Live);
    world.settle(&mut never());
    world.assert_serving(2);
    assert!(world.is_candidate);
    let said: Vec<&str> = world.run().steps.iter().map(|step| step.text.as_str()).collect();
    assert_eq!(
        said,
        [
            "pull the image",
            "make container 0",
            "start container 0",
            "make container 1",
            "start container 1",
            "checking",
            "register container 0 at 127.0.0.1:1000",
            "register container 1 at 127.0.0.1:1001",
            "set the candidate",
            "serving",
        ]
    );
}

#[test]
fn what_fails_is_removed_and_was_no_endpoint_and_no_candidate() {
    for (fate, why) in [
        (Fate::Die, "the container 0 ended with code 7"),
        (Fate::Ail, "the container 0 does not pass its health check in time: status 500"),
        (Fate::Refuse, "locked"),
    ] {
        let mut world = World::new(3, fate);
        world.settle(&mut never());
        assert_eq!(world.run().state, State::Failed, "{fate:?}");
        assert_eq!(world.run().failure.as_ref().map(|failure| failure.reason.as_str()), Some(why));
        assert!(world.containers.is_empty() && world.endpoints.is_empty() && !world.is_candidate, "{fate:?}");
        world.ask(DesiredState::Removed);
        world.settle(&mut never());
        assert!(world.is_forgotten);
    }
}

#[test]
fn what_ended_with_its_engine_while_it_came_up_is_started_again() {
    for (fate, state) in [(Fate::Live, State::Serving), (Fate::Die, State::Failed)] {
        for turns in 0..10 {
            let mut world = World::new(2, fate);
            for _ in 0..turns {
                world.turn(None);
            }
            if world.run().is_up() {
                break;
            }
            world.restart_engine();
            world.settle(&mut never());
            assert_eq!(world.run().state, state, "{fate:?}, after {turns} turns");
            if state == State::Serving {
                world.assert_serving(2);
            }
            assert!(world.effects.values().all(|times| *times <= 2), "{:?}", world.effects);
        }
    }
}

#[test]
fn it_is_stopped_started_scaled_and_removed() {
    let mut world = World::new(2, Fate::Live);
    world.settle(&mut never());
    world.ask(DesiredState::Stopped);
    world.settle(&mut never());
    assert_eq!(world.run().state, State::Stopped);
    assert!(world.endpoints.is_empty() && world.containers.len() == 2, "its containers are kept");
    world.ask(DesiredState::Serving);
    world.settle(&mut never());
    world.assert_serving(2);
    for replicas in [4, 1] {
        world.stored.replicas = replicas;
        world.settle(&mut never());
        world.assert_serving(replicas);
    }
    assert_eq!(world.effects["make container 0"], 1);
    world.ask(DesiredState::Removed);
    world.settle(&mut never());
    assert!(world.is_forgotten && world.containers.is_empty() && world.endpoints.is_empty());
}

#[test]
fn a_container_that_ends_while_it_serves_leaves_the_endpoints_and_comes_back() {
    let mut world = World::new(2, Fate::Live);
    world.settle(&mut never());
    world.containers.insert(1, ContainerState::Exited { code: 1 });
    assert_eq!(world.turn(None), Step::Unregister { number: 1 });
    world.now += RESTART_PAUSE_MS;
    world.settle(&mut never());
    world.assert_serving(2);
    // One that somebody removed is made anew.
    world.containers.remove(&0);
    world.settle(&mut never());
    world.assert_serving(2);
}

#[test]
fn what_was_stable_is_kept_for_a_rollback_and_goes_when_it_is_too_old() {
    let mut world = World::new(2, Fate::Live);
    world.settle(&mut never());
    (world.is_routed, world.is_stable) = (true, true);
    world.settle(&mut never());
    assert!(world.run().was_stable);
    // Another release is stable, and this one drains.
    (world.is_stable, world.now) = (false, world.now + PARK_AFTER_MS);
    world.settle(&mut never());
    world.assert_serving(2);
    world.is_routed = false;
    world.settle(&mut never());
    assert_eq!((world.run().state, world.containers.len(), world.endpoints.len()), (State::Stopped, 2, 0));
    assert_eq!(world.stored.wanted(), DesiredState::Stopped);
    let now = world.now;
    assert!(world.stored.start(now));
    world.settle(&mut never());
    world.assert_serving(2);
    // The rollback did not come, so it is kept again; and it serves at once should somebody route it all the same.
    world.now += PARK_AFTER_MS;
    world.settle(&mut never());
    assert_eq!(world.run().state, State::Stopped);
    world.is_routed = true;
    world.settle(&mut never());
    world.assert_serving(2);
    world.is_routed = false;
    world.now += PARK_AFTER_MS;
    world.settle(&mut never());
    world.is_expired = true;
    world.settle(&mut never());
    assert!(world.is_forgotten && world.containers.is_empty() && world.endpoints.is_empty());
    assert_eq!(world.effects["make container 0"], 1);
}

/// A release that was stable for less than a moment, between two looks of its router, was kept for ever as if it had been aborted.
#[test]
fn what_was_stable_while_nobody_looked_is_known_from_the_history() {
    let mut world = World::new(1, Fate::Live);
    world.settle(&mut never());
    world.is_routed = true;
    world.settle(&mut never());
    assert!(!world.run().was_stable, "nobody has seen it");
    (world.was_stable, world.is_routed, world.now) = (true, false, world.now + PARK_AFTER_MS);
    world.settle(&mut never());
    assert_eq!((world.run().state, world.run().was_stable), (State::Stopped, true));
}

#[test]
fn an_aborted_candidate_is_stopped_and_kept_and_its_image_goes_with_it_if_asked() {
    let mut world = World::new(2, Fate::Live);
    world.settle(&mut never());
    world.is_routed = true;
    world.settle(&mut never());
    (world.is_routed, world.now) = (false, world.now + PARK_AFTER_MS);
    world.settle(&mut never());
    assert_eq!((world.run().state, world.containers.len(), world.endpoints.len()), (State::Stopped, 2, 0));
    // Who starts it again has as much time as it takes to set it on a track.
    let now = world.now;
    assert!(world.stored.start(now));
    world.settle(&mut never());
    world.now += 10 * PARK_AFTER_MS;
    world.settle(&mut never());
    world.assert_serving(2);
    world.prunes_image = true;
    world.ask(DesiredState::Removed);
    world.settle(&mut never());
    assert!(world.is_forgotten && world.is_image_removed);
}

#[test]
fn what_came_of_it_is_to_be_told_until_somebody_notes_that_it_was() {
    let mut world = World::new(1, Fate::Live);
    world.settle(&mut never());
    assert_eq!(world.run().untold.keys().collect::<Vec<_>>(), [&Untold::Deployed]);
    let mut world = World::new(1, Fate::Die);
    world.settle(&mut never());
    assert_eq!(world.run().untold.keys().collect::<Vec<_>>(), [&Untold::DeployFailed]);
}

/// Every state, and a router that ends at each point of the step that comes next: with each fate, the end is the same.
#[test]
fn killed_at_every_step_it_ends_as_if_it_never_was() {
    for fate in [Fate::Live, Fate::Die, Fate::Ail, Fate::Refuse] {
        let turns = World::new(2, fate).settle(&mut never());
        for at in 0..=turns {
            for kill in [Kill::NothingDone, Kill::IntentCommitted, Kill::EffectDone] {
                let mut world = World::new(2, fate);
                let mut kills = (0..).map(|turn| (turn == at).then_some(kill));
                world.settle(&mut kills);
                match fate {
                    Fate::Live => world.assert_serving(2),
                    _ => assert_eq!(
                        (world.run().state, world.containers.len()),
                        (State::Failed, 0),
                        "{fate:?} {kill:?} at {at}"
                    ),
                }
                for number in 0..2 {
                    let made = world.effects.get(&format!("make container {number}")).copied().unwrap_or(0);
                    assert!(made <= 1, "{fate:?} {kill:?} at {at}: container {number} was made {made} times");
                }
            }
        }
    }
}
