//! Recycles against the simulated engine: new containers come before old ones go, and wherever a router ends, the end is the same.

use super::world::{Fate, Kill, World};
use crate::rollout::deployment::{
    record::DesiredState,
    recycle::{Recycle, RecycleOrder},
    state::State,
    step::{ContainerState, Step},
};

fn never() -> impl Iterator<Item = Option<Kill>> {
    std::iter::repeat(None)
}

fn order() -> RecycleOrder {
    RecycleOrder { by: "maria".into(), in_place: false, parallel: 1, drain_seconds: 5, stops_first: false }
}

/// So many containers that serve a routed release, of which this is asked.
fn recycled(replicas: u32, order: &RecycleOrder) -> World {
    let mut world = World::new(replicas, Fate::Live);
    world.settle(&mut never());
    world.is_routed = true;
    world.settle(&mut never());
    let now = world.now;
    world.stored.run.as_mut().unwrap().begin_recycle(order.clone(), replicas, now);
    world
}

fn recycle(world: &World) -> &Recycle {
    world.run().recycle.as_ref().unwrap()
}

#[test]
fn each_container_comes_before_the_one_it_replaces_goes() {
    let mut world = recycled(2, &order());
    let first = world.run().steps.len();
    world.settle(&mut never());
    world.assert_serving(2);
    let said: Vec<&str> = world.run().steps[first..].iter().map(|step| step.text.as_str()).collect();
    assert_eq!(
        said,
        [
            "begin to replace the containers",
            "make container 2",
            "start container 2",
            "register container 2 at 127.0.0.1:1002",
            "send the clients of container 0 elsewhere",
            "take container 0 out of the endpoints",
            "stop container 0",
            "remove container 0",
            "make container 3",
            "start container 3",
            "register container 3 at 127.0.0.1:1003",
            "send the clients of container 1 elsewhere",
            "take container 1 out of the endpoints",
            "stop container 1",
            "remove container 1",
            "replace no more containers",
        ]
    );
    assert!(recycle(&world).is_complete() && !recycle(&world).is_under_way());
    assert_eq!(world.run().wanted(2), [2, 3].into());
    // Numbers go on from there.
    world.stored.replicas = 3;
    world.settle(&mut never());
    assert!(world.endpoints.contains_key(&4));
    world.stored.replicas = 1;
    while world.containers.len() > 1 {
        world.turn(None);
    }
    assert_eq!(world.endpoints.keys().collect::<Vec<_>>(), [&2]);
}

#[test]
fn an_endpoint_where_nobody_is_left_goes_before_its_time() {
    let mut world = recycled(1, &RecycleOrder { drain_seconds: 3_600, ..order() });
    let begun = world.now;
    world.idle = [0].into();
    world.settle(&mut never());
    world.assert_serving(1);
    assert!(world.now < begun + 60_000, "{}", world.now - begun);
    // Where somebody is, it waits.
    let mut world = recycled(1, &RecycleOrder { drain_seconds: 3_600, ..order() });
    let begun = world.now;
    world.settle(&mut never());
    assert!(world.now >= begun + 3_600_000);
}

#[test]
fn in_place_takes_what_the_name_means_now() {
    let mut world = recycled(2, &RecycleOrder { in_place: true, ..order() });
    world.stored.run.as_mut().unwrap().digest = Some("sha256:old".into());
    while world.run().wanted(2) != [1, 2].into() {
        world.turn(None);
    }
    let of = |world: &World, number| world.run().digest_of(number).unwrap().clone();
    assert_eq!((of(&world, 1), of(&world, 2)), ("sha256:old".to_owned(), "sha256:00".to_owned()));
    world.settle(&mut never());
    assert_eq!(of(&world, 7), "sha256:00", "and so of every one that is made later");
}

#[test]
fn a_new_container_that_fails_stops_the_recycle_and_the_rest_serves_on() {
    for (fate, why) in [
        (Fate::Die, "the container 4 ended with code 7"),
        (Fate::Ail, "the container 4 does not pass its health check in time: status 500"),
    ] {
        let mut world = recycled(3, &RecycleOrder { in_place: true, ..order() });
        world.stored.run.as_mut().unwrap().digest = Some("sha256:old".into());
        while !recycle(&world).swaps[0].is_done {
            world.turn(None);
        }
        world.fate = fate;
        world.settle(&mut never());
        world.assert_serving(3);
        assert_eq!(world.run().wanted(3), [1, 2, 3].into());
        assert_eq!(recycle(&world).failure.as_ref().unwrap().reason, why);
        assert_eq!(world.run().state, State::Serving);
        // What was replaced stays what it is, and the others too.
        let of = |number| world.run().digest_of(number).unwrap().as_str();
        assert_eq!((of(1), of(3), of(5)), ("sha256:old", "sha256:00", "sha256:old"));
    }
}

#[test]
fn with_a_fixed_port_the_old_one_stops_first_and_comes_back_if_the_new_one_fails() {
    let fixed = RecycleOrder { stops_first: true, ..order() };
    for replicas in [1, 2] {
        let mut world = recycled(replicas, &fixed);
        while !world.containers.contains_key(&replicas) {
            world.turn(None);
            let new = world.containers.contains_key(&replicas);
            let old = world.containers[&0];
            assert!(!new || old != ContainerState::Running, "both want the port");
        }
        world.settle(&mut never());
        assert!(recycle(&world).is_complete(), "{:?}", recycle(&world));
        world.assert_serving(replicas);
        let mut world = recycled(replicas, &fixed);
        while !world.containers.contains_key(&replicas) {
            world.turn(None);
        }
        world.fate = Fate::Die;
        while recycle(&world).failure.is_none() {
            world.turn(None);
        }
        world.fate = Fate::Live;
        world.settle(&mut never());
        world.assert_serving(replicas);
        assert_eq!(world.run().wanted(replicas), (0..replicas).collect());
    }
}

#[test]
fn a_deployment_that_is_stopped_meanwhile_is_recycled_no_more() {
    let mut world = recycled(2, &order());
    while world.containers.len() < 3 {
        world.turn(None);
    }
    world.is_routed = false;
    world.ask(DesiredState::Stopped);
    world.settle(&mut never());
    assert!(!recycle(&world).is_under_way() && recycle(&world).failure.is_some());
    world.ask(DesiredState::Serving);
    world.settle(&mut never());
    world.assert_serving(2);
    world.ask(DesiredState::Removed);
    world.settle(&mut never());
    assert!(world.is_forgotten && world.containers.is_empty() && world.endpoints.is_empty());
}

/// A router that ends at each point of each step: the end is the same, and no container is made twice.
#[test]
fn killed_at_every_step_a_recycle_ends_as_if_it_never_was() {
    let orders = [
        order(),
        RecycleOrder { parallel: 2, in_place: true, ..order() },
        RecycleOrder { stops_first: true, ..order() },
    ];
    for (asked, fate) in orders.iter().flat_map(|order| [Fate::Live, Fate::Die].map(|fate| (order, fate))) {
        let failing = |mut world: World| {
            world.fate = fate;
            world
        };
        let mut turns = 0;
        let mut world = failing(recycled(2, asked));
        while world.run().recycling().is_some() {
            world.turn(None);
            turns += 1;
        }
        for at in 0..=turns {
            for kill in [Kill::NothingDone, Kill::IntentCommitted, Kill::EffectDone] {
                let mut world = failing(recycled(2, asked));
                let mut turn = 0;
                while world.run().recycling().is_some() {
                    // What is started again where it was stopped must live.
                    if recycle(&world).failure.is_some() {
                        world.fate = Fate::Live;
                    }
                    world.turn((turn == at).then_some(kill));
                    turn += 1;
                    assert!(turn < 2_000, "{asked:?} {fate:?} {kill:?} at {at}: {:?}", world.run());
                }
                world.fate = Fate::Live;
                world.settle(&mut never());
                world.assert_serving(2);
                assert_eq!(recycle(&world).is_complete(), fate == Fate::Live, "{kill:?} at {at}");
                let made = world.effects.iter().filter(|(what, _)| what.starts_with("make"));
                assert!(
                    made.into_iter().all(|(_, count)| *count == 1),
                    "{kill:?} at {at}: {:?}",
                    world.effects
                );
            }
        }
    }
}

#[test]
fn one_of_the_old_ones_that_ends_meanwhile_is_started_again() {
    let mut world = recycled(2, &RecycleOrder { drain_seconds: 60, ..order() });
    while world.run().recycle.as_ref().is_some_and(|recycle| recycle.swaps[0].drains_until.is_none()) {
        world.turn(None);
    }
    world.containers.insert(1, ContainerState::Exited { code: 1 });
    assert_eq!(world.turn(None), Step::Unregister { number: 1 });
    world.now += super::RESTART_PAUSE_MS;
    world.settle(&mut never());
    world.assert_serving(2);
    assert_eq!(world.run().wanted(2), [2, 3].into());
}

#[test]
fn the_only_endpoint_that_is_left_stays_until_its_successor_is_back() {
    let mut world = recycled(1, &RecycleOrder { drain_seconds: 1, ..order() });
    while world.run().recycle.as_ref().is_some_and(|recycle| recycle.swaps[0].drains_until.is_none()) {
        world.turn(None);
    }
    world.now += 2_000;
    world.containers.insert(1, ContainerState::Exited { code: 1 });
    for _ in 0..10 {
        world.turn(None);
    }
    assert_eq!(world.containers[&0], ContainerState::Running);
    assert!(world.endpoints.contains_key(&0) && world.run().steps.len() < 40, "{:?}", world.run().steps);
    world.now += super::RESTART_PAUSE_MS;
    world.settle(&mut never());
    world.assert_serving(1);
    assert_eq!(world.run().wanted(1), [1].into());
}

/// It was stopped to free the port, and started again at once since it was no endpoint, for ever.
#[test]
fn with_a_fixed_port_an_old_one_that_is_no_endpoint_goes_too() {
    let mut world = recycled(2, &RecycleOrder { stops_first: true, parallel: 2, ..order() });
    world.containers.insert(1, ContainerState::Exited { code: 1 });
    while world.run().may_be_registered(1) {
        world.turn(None);
    }
    world.now += super::RESTART_PAUSE_MS;
    world.settle(&mut never());
    world.assert_serving(2);
    assert_eq!(world.run().wanted(2), [2, 3].into());
}
