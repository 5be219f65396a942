//! Whatever is asked for, and whatever is so: each deployment comes to an end.

use std::{collections::BTreeMap, iter::repeat};

use proptest::prelude::*;

use super::world::{Fate, Kill, World};
use crate::rollout::address::Address;
use crate::rollout::deployment::{
    plan::RESTART_PAUSE_MS,
    record::DesiredState,
    recycle::RecycleOrder,
    run::CandidateWish,
    state::State,
    step::{ContainerState, Step},
};

fn kills() -> impl Strategy<Value = Vec<Option<Kill>>> {
    let kill = prop_oneof![
        3 => Just(None),
        1 => Just(Some(Kill::NothingDone)),
        1 => Just(Some(Kill::IntentCommitted)),
        1 => Just(Some(Kill::EffectDone)),
    ];
    prop::collection::vec(kill, 0..40)
}

proptest! {
    /// Whatever is asked for in which order, and wherever routers end, what was asked for last is so in the end.
    #[test]
    fn what_was_asked_for_last_is_so_in_the_end(
        orders in prop::collection::vec((0_u8..5, 1_u32..4, 0_usize..12), 1..6),
        kills in kills(),
    ) {
        let mut world = World::new(2, Fate::Live);
        let mut kills = kills.into_iter().chain(repeat(None));
        for (order, replicas, turns) in orders {
            for _ in 0..turns {
                world.turn(kills.next().flatten());
            }
            match order {
                0 if world.stored.desired != DesiredState::Serving => world.ask(DesiredState::Serving),
                1 => world.ask(DesiredState::Stopped),
                2 if world.run().state == State::Serving && world.run().recycling().is_none() => {
                    let order = RecycleOrder {
                        by: "maria".into(),
                        in_place: replicas == 1,
                        parallel: replicas,
                        drain_seconds: 1,
                        stops_first: replicas == 2,
                    };
                    let (wanted, now) = (world.stored.replicas, world.now);
                    world.stored.run.as_mut().unwrap().begin_recycle(order, wanted, now);
                }
                _ if world.run().recycling().is_none() => world.stored.replicas = replicas,
                _ => {}
            }
        }
        world.now += RESTART_PAUSE_MS;
        world.settle(&mut kills);
        match (world.stored.desired, world.run().state) {
            (DesiredState::Stopped, State::Failed) | (DesiredState::Serving, State::Failed) => {
                prop_assert!(world.endpoints.is_empty(), "{:?}", world.run());
            }
            (DesiredState::Stopped, state) => {
                prop_assert_eq!(state, State::Stopped);
                prop_assert!(world.endpoints.is_empty());
                prop_assert!(world.containers.values().all(|state| *state != ContainerState::Running));
            }
            _ => world.assert_serving(world.stored.replicas),
        }
        world.ask(DesiredState::Removed);
        world.settle(&mut kills);
        prop_assert!(world.is_forgotten && world.containers.is_empty() && world.endpoints.is_empty());
    }
}

/// Whatever is stored and whatever the engine shows, also what no history of ours leads to: each deployment comes to an end, and
/// stays there.
fn any_world() -> impl Strategy<Value = World> {
    let state = prop::sample::select(vec![
        State::Pending,
        State::Pulling,
        State::Starting,
        State::Checking,
        State::Serving,
        State::Draining,
        State::Stopped,
        State::Failed,
    ]);
    let desired =
        prop::sample::select(vec![DesiredState::Serving, DesiredState::Stopped, DesiredState::Removed]);
    let fate = prop::sample::select(vec![Fate::Live, Fate::Die, Fate::Ail, Fate::Refuse]);
    let container = prop::sample::select(vec![
        ContainerState::Created,
        ContainerState::Running,
        ContainerState::Exited { code: 1 },
    ]);
    let numbers = || prop::collection::btree_set(0_u32..4, 0..4);
    let of_run = (state, numbers(), numbers(), numbers(), numbers(), prop::option::of(any::<bool>()));
    let of_engine = (prop::collection::btree_map(0_u32..4, container, 0..4), any::<bool>(), any::<bool>());
    (of_run, of_engine, desired, fate, 1_u32..4, any::<bool>()).prop_map(
        |(
            (state, made, started, registered, other, wish),
            (containers, lost, routed),
            desired,
            fate,
            replicas,
            pulled,
        )| {
            let mut world = World::new(replicas, fate);
            let at = |number: &u32| -> Address { format!("127.0.0.1:{}", 1_000 + number).parse().unwrap() };
            world.stored.desired = desired;
            world.endpoints = registered.union(&other).map(|number| (*number, at(number))).collect();
            (world.is_lost, world.is_routed) = (lost, routed);
            let run = world.stored.run.as_mut().unwrap();
            run.state = state;
            run.digest = pulled.then(|| "sha256:00".into());
            run.engines =
                made.iter().chain(containers.keys()).map(|number| (*number, "node1".into())).collect();
            run.started = started.iter().map(|number| (*number, 0)).collect();
            run.registered = registered.iter().map(|number| (*number, at(number))).collect();
            run.unsettled = other;
            run.candidate =
                wish.map(|is_set| CandidateWish { blend: None, plan: None, facts: BTreeMap::new(), is_set });
            world.containers = containers;
            world
        },
    )
}

proptest! {
    #[test]
    fn whatever_is_so_it_comes_to_an_end(mut world in any_world(), kills in kills(), lost_for in 0_usize..200) {
        let mut kills = kills.into_iter().chain(repeat(None));
        for turn in 0..500 {
            world.is_lost &= turn < lost_for;
            world.is_routed &= turn < 100;
            world.turn(kills.next().flatten());
            if world.is_forgotten {
                break;
            }
        }
        let run = world.run();
        let nothing = world.endpoints.is_empty() && world.containers.is_empty() && run.engines.is_empty();
        match (world.stored.wanted(), run.state) {
            (DesiredState::Removed, _) => prop_assert!(world.is_forgotten && nothing, "{run:?}"),
            (DesiredState::Stopped, state) => {
                prop_assert_eq!(state, State::Stopped);
                prop_assert!(world.endpoints.is_empty(), "{:?}", run);
                prop_assert!(world.containers.values().all(|state| *state != ContainerState::Running));
            }
            (DesiredState::Serving, State::Failed) => prop_assert!(nothing, "{run:?}"),
            (DesiredState::Serving, state) => prop_assert_eq!(state, State::Serving),
        }
        if !world.is_forgotten && world.fate == Fate::Live {
            prop_assert_eq!(world.turn(None), Step::Wait);
        }
    }

    /// An engine that never answers again holds up nobody who waits for a deployment.
    #[test]
    fn an_engine_that_is_lost_for_good_fails_what_is_not_up(mut world in any_world()) {
        world.is_lost = true;
        let was_up = world.run().is_up();
        for _ in 0..150 {
            world.turn(None);
        }
        if world.stored.desired == DesiredState::Serving && !was_up {
            prop_assert_eq!(world.run().state, State::Failed);
        }
    }
}
