//! The past of the whole fleet: each member tells the others of its last minute, and adds theirs to its own.

use std::{collections::HashMap, sync::Arc};

use keyvalues::Write;
use tokio::time::{MissedTickBehavior, interval};

use crate::control::{
    limits::{ACTIVITY_TICK, PAST_MINUTES},
    shared::{
        core::Core,
        entries::{encode, own_key},
        fleet::{member::Kind, past::MemberPast},
    },
};

/// Tells and adds while there are other members, until the task is dropped.
pub async fn run(core: Core) {
    let mut ticks = interval(ACTIVITY_TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut seen, mut written) = (HashMap::new(), 0);
    loop {
        ticks.tick().await;
        if core.roster.others() == 0 || !core.replica.status.is_followed() {
            continue;
        }
        add_others(&core, &mut seen);
        let told = core.past.told();
        if told.minute == written {
            continue;
        }
        written = told.minute;
        // Nothing is written for a minute in which nothing happened, and one that is lost is missed by the others' charts alone.
        if !told.releases.is_empty() {
            let write = Write::put(own_key(&Kind::Past.key(&core.node)), encode(&*told));
            let _ = core.store.commit(Vec::new(), vec![write]).await;
        }
    }
}

/// Adds what the other members told since the last look. `seen` is the last minute of each that is added already.
fn add_others(core: &Core, seen: &mut HashMap<String, u64>) {
    let now = core.clock.wall_ms() / 60_000;
    let others: Vec<(String, Arc<MemberPast>)> = core.roster.pasts_of_others();
    seen.retain(|node, _| others.iter().any(|(other, _)| other == node));
    for (node, past) in others {
        let is_recent = (now.saturating_sub(PAST_MINUTES)..=now).contains(&past.minute);
        if !is_recent || seen.insert(node, past.minute) == Some(past.minute) {
            continue;
        }
        for told in &past.releases {
            core.past.add(&told.app, &told.release, past.minute, &told.did);
        }
    }
}
