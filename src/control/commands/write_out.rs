//! Writing out a set of endpoints that counts already: the keys below `containers/` become what it says, in commits of their
//! own.
//!
//! What is routed does not change by it. Each commit is held to the set, so any router may go on where another one stopped.

use keyvalues::{Revision, Write};

use super::{
    commit::{Commit, Plan},
    release_endpoints::ReleaseEndpoints,
    transact::transact,
};
use crate::{
    control::{
        limits::ENDPOINTS_PER_COMMIT_MAX,
        shared::{core::Core, entries::own_key, error::ApiError},
    },
    rollout::{endpoint_set::EndpointSet, keys, release::ReleaseId},
};

/// Writes out the pending set of a release; gives the store's revision then.
pub async fn write_out(core: &Core, release: &ReleaseId) -> Result<Revision, ApiError> {
    loop {
        let what = format!("the endpoints of `{release}`");
        let done = transact::<_, ApiError, _>(&core.store, &what, move |_| async move {
            let endpoints = ReleaseEndpoints::read(core, release).await?;
            Ok(next_step(&endpoints))
        });
        if let Some(revision) = done.await? {
            return Ok(revision);
        }
    }
}

/// The next commit; it gives a revision if it is the last one.
fn next_step(endpoints: &ReleaseEndpoints) -> Plan<Option<Revision>> {
    let Some(pending) = &endpoints.set.pending else { return Plan::Nothing(Some(endpoints.read_at)) };
    let mut writes = endpoints.key_writes(&pending.endpoints);
    let is_last = writes.len() <= ENDPOINTS_PER_COMMIT_MAX;
    writes.truncate(ENDPOINTS_PER_COMMIT_MAX);
    if is_last {
        let key = own_key(&keys::endpoint_set(&endpoints.release));
        let set = EndpointSet { pending: None, ..endpoints.set.clone() };
        writes.push(Write::put(key, set.to_json()));
    }
    let commit = Commit { checks: vec![endpoints.check()], writes, proof: None };
    Plan::write(commit, move |revision| is_last.then_some(revision))
}
