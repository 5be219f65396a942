//! Tells the store of sessions that began or ended at this router, and when they were used last.

use keyvalues::{Outcome, Write};
use tokio::time::{sleep, timeout};

use super::{
    limits::SERVED_WAIT_MAX,
    shared::{
        access::{
            limits::{SESSION_STORE_WAIT_MAX, SESSIONS_EVERY, TOKEN_ENDS_EVERY},
            sessions::{SESSION_USES_PREFIX, SESSIONS_PREFIX, Untold},
        },
        core::Core,
        entries::{encode, own_key},
    },
};

/// Writes in one commit.
const BATCH: usize = 90;

/// Looks after the sessions, for ever.
pub async fn run(core: Core) {
    let ends = async {
        loop {
            sleep(TOKEN_ENDS_EVERY).await;
            core.sessions.end_due(core.clock.wall_ms());
        }
    };
    let told = async {
        loop {
            sleep(SESSIONS_EVERY).await;
            tell_store(&core).await;
        }
    };
    tokio::join!(ends, told);
}

/// Tells the store what it does not know yet. Where it does not answer in time, that is told later.
pub async fn tell_store(core: &Core) {
    let untold = core.sessions.untold(core.clock.wall_ms());
    let writes = writes(&untold);
    if writes.is_empty() || core.is_follower {
        return;
    }
    let written = timeout(SESSION_STORE_WAIT_MAX, async {
        core.replica.require_known_store().await.ok()?;
        match core.store.commit(Vec::new(), writes).await {
            Ok(Outcome::Done(revision)) => Some(revision),
            _ => None,
        }
    });
    let Some(revision) = written.await.ok().flatten() else {
        return tracing::debug!("the store is told of sessions later: it does not answer");
    };
    if core.replica.wait_for(revision, SERVED_WAIT_MAX).await {
        core.sessions.told_of(&untold.ended);
    }
}

fn writes(untold: &Untold) -> Vec<Write> {
    let key = |prefix: &str, id: &str| own_key(&format!("{prefix}{id}"));
    let begun =
        untold.begun.iter().map(|(id, session)| Write::put(key(SESSIONS_PREFIX, id), encode(session)));
    let ended = untold.ended.iter().flat_map(|id| {
        [Write::delete(key(SESSIONS_PREFIX, id)), Write::delete(key(SESSION_USES_PREFIX, id))]
    });
    let uses = untold.uses.iter();
    let uses = uses.map(|(id, used)| Write::put(key(SESSION_USES_PREFIX, id), used.to_string().into_bytes()));
    begun.chain(ended).chain(uses).take(BATCH).collect()
}
