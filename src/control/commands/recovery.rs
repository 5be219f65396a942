//! What becomes of a loss: a record is written back from the app's newest event; the rest is written back, or given up, when
//! an operator says so (docs/design.md section 3, "Loss is not an order").

use keyvalues::{Listing, Revision, Write};

use super::{
    commit::{Commit, Plan},
    lost_record::recovery_commit,
    transact::{transact, transact_as_stored},
};
use crate::{
    control::{
        limits::SERVED_WAIT_MAX,
        shared::{
            core::Core,
            entries::{as_read, encode, end_mark, entry, own_key},
            error::ApiError,
            settlement::SettlementCounts,
            store::Values,
        },
    },
    rollout::{
        app::AppName,
        end_mark::EndMark,
        endpoint_set::EndpointSet,
        keys::{self, Meaning},
        record::Record,
    },
};

/// Keys of one commit.
const BATCH: usize = 40;

/// Writes the record of an app back from its newest event, if it is lost and there is one.
pub async fn recover_record(core: &Core, app: &AppName) -> Result<Revision, ApiError> {
    transact_as_stored(core, app, move |stored, _| async move {
        let commit = if stored.is_lost { recovery_commit(core, &stored).await? } else { None };
        Ok(match commit {
            Some(commit) => Plan::write(commit, |revision| revision),
            None => Plan::Nothing(0),
        })
    })
    .await
}

/// Writes the lost keys back, as they were served last.
pub async fn write_back(core: &Core, dry_run: bool) -> Result<SettlementCounts, ApiError> {
    let good = core.store.held();
    settle(core, dry_run, move |key| good.get(key).map(|(value, _)| Write::put(own_key(key), value.clone())))
        .await
}

/// Takes the loss of these keys as an order, and leaves the trace of one.
pub async fn give_up(core: &Core) -> Result<SettlementCounts, ApiError> {
    let good = core.store.held();
    settle(core, false, move |key| order(key, &good)).await
}

/// What tells every router that a key is meant to be gone.
pub fn order(key: &str, good: &Values) -> Option<Write> {
    let value = |key: &str| good.get(key).map(|(value, _)| value.clone());
    match keys::meaning(key)? {
        Meaning::Record(app) => {
            let record = value(key).and_then(|value| Record::parse(&value).ok());
            Some(Write::put(own_key(&end_mark(&app)), encode(&EndMark::of(record.as_ref()))))
        }
        Meaning::Settings(_) => Some(Write::put(own_key(key), "{}")),
        Meaning::DefaultApp => Some(Write::put(own_key(key), keys::NO_DEFAULT)),
        Meaning::Endpoint(release, _) => {
            let key = keys::endpoint_set(&release);
            let set = value(&key).and_then(|value| EndpointSet::parse(&value).ok()).unwrap_or_default();
            Some(Write::put(
                own_key(&key),
                EndpointSet { count: set.count + 1, pending: None, ..set }.to_json(),
            ))
        }
        _ => None,
    }
}

/// Writes what `write` makes of each lost key that is still missing.
async fn settle(
    core: &Core,
    dry_run: bool,
    write: impl Fn(&str) -> Option<Write>,
) -> Result<SettlementCounts, ApiError> {
    let lost = core.replica.losses.load_full();
    let mut counts = SettlementCounts::default();
    let mut reached = 0;
    for batch in lost.chunks(BATCH) {
        let names: Vec<&str> = batch.iter().map(|lost| lost.key.as_str()).collect();
        let (names, write) = (&names, &write);
        let missing = |listing: &Listing| -> Vec<&str> {
            names.iter().copied().filter(|key| entry(listing, key).is_none()).collect()
        };
        let done = transact::<_, ApiError, _>(&core.store, "the lost keys", move |_| async move {
            let missing = missing(&core.store.list(names).await?);
            let checks = missing.iter().map(|key| as_read(None, key)).collect();
            let mut writes: Vec<Write> = missing.iter().filter_map(|key| write(key)).collect();
            writes.sort_by(|one, other| one.key().cmp(other.key()));
            writes.dedup_by(|one, other| one.key() == other.key());
            let count = writes.len();
            if dry_run || writes.is_empty() {
                return Ok(Plan::Nothing((count, 0)));
            }
            Ok(Plan::write(Commit { checks, writes, proof: None }, move |revision| (count, revision)))
        });
        let (count, revision) = done.await?;
        counts.written += count;
        reached = reached.max(revision);
    }
    core.replica.wait_for(reached, SERVED_WAIT_MAX).await;
    Ok(counts)
}
