//! What every member still carries on draining releases, and so whether their endpoints can be stopped.
//!
//! Each member stores its open requests and sockets, and a sketch of the clients that came back lately. Sketches merge, so
//! a client that two routers saw counts once.

use std::sync::Arc;

use keyvalues::Write;
use tokio::time::{MissedTickBehavior, interval};

use crate::{
    control::{
        limits::{LOAD_EVERY, LOAD_RELEASES_MAX},
        shared::{
            activity::ActivityBoard,
            core::Core,
            entries::{encode, own_key},
            fleet::member::{Kind, Load, ReleaseLoad},
        },
    },
    live::{releases::ReleaseState, table::PublishedTable},
    rollout::table::Standing,
    schema::activity::FleetLoad,
};

/// What each other member stored last; `None` for a member that is not heard from.
#[derive(Debug, Default)]
pub struct ReleaseLoads(Vec<Option<Arc<Load>>>);

impl ReleaseLoads {
    pub fn of(core: &Core) -> Self {
        let members = core.roster.members();
        let others = members.into_iter().filter(|(node, _)| *node != core.node);
        Self(others.map(|(_, member)| member.load.filter(|_| member.alive.is_some())).collect())
    }

    /// What all members carry on one draining release, this router included.
    pub fn sum(&self, state: &ReleaseState, nobody_is_left: bool) -> FleetLoad {
        let own = state.total();
        let mut clients = state.seen_lately();
        let mut sum = FleetLoad {
            members: self.0.len() + 1,
            reported: 1,
            open_requests: own.open_requests,
            open_sockets: own.open_sockets,
            can_be_stopped: nobody_is_left,
            ..FleetLoad::default()
        };
        for load in self.0.iter().flatten() {
            let found = load.releases.iter().find(|release| release.is_of(state.key()));
            let Some((release, theirs)) = found.and_then(|found| Some((found, found.clients()?))) else {
                continue;
            };
            sum.reported += 1;
            sum.open_requests += release.open_requests;
            sum.open_sockets += release.open_sockets;
            sum.can_be_stopped &= release.can_be_stopped;
            clients.add(&theirs);
        }
        sum.pinned = clients.estimate();
        let empty = sum.open_requests == 0 && sum.open_sockets == 0 && sum.pinned == 0;
        sum.can_be_stopped &= empty && sum.reported == sum.members;
        sum
    }
}

/// Stores what this router carries on draining releases, and how far it is with what it pulls, while there are other members, until the task is dropped.
pub async fn run(core: Core) {
    let mut ticks = interval(LOAD_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if core.roster.others() == 0 || !core.replica.status.is_followed() {
            continue;
        }
        let load = Load {
            pulls: core.deployments.pulls(),
            ..load_of_draining(&core.live.load_full(), &core.board.load())
        };
        let stored = core.roster.own().load.unwrap_or_default();
        if *stored == load {
            continue;
        }
        let key = own_key(&Kind::Load.key(&core.node));
        let is_empty = load == Load::default();
        let write = if is_empty { Write::delete(key) } else { Write::put(key, encode(&load)) };
        // A write that fails is repeated at the next tick.
        let _ = core.store.commit(Vec::new(), vec![write]).await;
    }
}

/// The loads of a table's draining releases, at most [`LOAD_RELEASES_MAX`] of them.
fn load_of_draining(published: &PublishedTable, board: &ActivityBoard) -> Load {
    let releases = published.table.all_routes().flat_map(|app| app.releases.iter());
    let draining = releases.filter(|release| matches!(release.standing, Standing::Draining { .. }));
    let loads = draining.take(LOAD_RELEASES_MAX).map(|release| {
        let state = published.release(release.slot);
        load_of_release(
            state,
            board.releases.get(state.key()).is_some_and(|activity| activity.can_be_stopped),
        )
    });
    Load { releases: loads.collect(), ..Load::default() }
}

fn load_of_release(state: &ReleaseState, can_be_stopped: bool) -> ReleaseLoad {
    let (key, total) = (state.key().clone(), state.total());
    ReleaseLoad {
        app: key.app,
        release: key.release,
        tenure: key.tenure,
        open_requests: total.open_requests,
        open_sockets: total.open_sockets,
        can_be_stopped,
        pinned: state.seen_lately().to_text(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollout::{pin::Pin, table::ReleaseKey};

    fn state(clients: std::ops::Range<u64>) -> ReleaseState {
        let release = "apps/shop-1-80/containers".parse().unwrap();
        let state = ReleaseState::new(ReleaseKey { app: "shop".parse().unwrap(), release, tenure: 3 }, 1);
        // Any spread of bits does for a number of clients this small.
        let pin = |client: u64| Pin {
            bucket: 1,
            client: client.wrapping_mul(0x9e37_79b9_7f4a_7c15),
            tenure: 3,
            ..Pin::default()
        };
        clients.for_each(|client| state.note_client(0, &pin(client)));
        state
    }

    fn loads(others: &[Option<&ReleaseState>]) -> ReleaseLoads {
        let idle = |state: &ReleaseState| state.total().open_sockets == 0 && state.pinned_clients() == 0;
        let load = |state: &ReleaseState| {
            Arc::new(Load { releases: vec![load_of_release(state, idle(state))], ..Load::default() })
        };
        ReleaseLoads(others.iter().map(|state| state.map(load)).collect())
    }

    #[test]
    fn clients_of_several_members_count_once() {
        let (own, other) = (state(1..21), state(11..31));
        let sum = loads(&[Some(&other)]).sum(&own, false);
        assert!(sum.pinned.abs_diff(30) <= 3, "{sum:?}");
        assert_eq!((sum.members, sum.reported, sum.can_be_stopped), (2, 2, false));
    }

    #[test]
    fn endpoints_can_be_stopped_only_when_every_member_has_nothing_left() {
        let (idle, busy) = (state(0..0), state(0..0));
        assert!(loads(&[]).sum(&idle, true).can_be_stopped, "a fleet of one");
        assert!(loads(&[Some(&busy), Some(&busy)]).sum(&idle, true).can_be_stopped);
        assert!(!loads(&[Some(&busy), None]).sum(&idle, true).can_be_stopped, "one is not heard from");
        let empty = ReleaseLoads(vec![Some(Arc::default())]);
        assert!(!loads(&[Some(&busy)]).sum(&idle, false).can_be_stopped, "this router itself is not sure");
        assert!(!empty.sum(&idle, true).can_be_stopped, "one does not know of the release yet");
        busy.cell(0).open_sockets.add(1);
        let sum = loads(&[Some(&busy), Some(&idle)]).sum(&idle, true);
        assert_eq!((sum.open_sockets, sum.can_be_stopped), (1, false));
    }
}
