//! An app's list of previews in the store.

use keyvalues::{Entry, Write as StoreWrite};
use parking_lot::Mutex;

use super::target::not_routed;
use crate::{
    control::{
        commands::{
            command::unknown_app,
            commit::{Commit, Plan},
            stored::StoredApp,
            transact::transact_app,
        },
        shared::{
            access::caller::Caller,
            core::Core,
            entries::{as_read, own_key},
            error::{ApiError, Kind},
        },
    },
    limits::PREVIEWS_MAX,
    rollout::{
        app::AppName,
        command::{Refusal, Role},
        keys,
        preview::{Preview, PreviewId, Previews},
        record::{Record, Tenure},
        unknown_fields,
    },
};

/// Changes an app's list of previews: the list, the record, the present (Unix ms).
pub(super) type Edit<'a> = &'a (dyn Fn(&mut Previews, &Record, u64) -> Result<Preview, ApiError> + Sync);

/// A preview that was made or revoked.
pub(super) struct PreviewChange {
    pub(super) preview: Preview,
    pub(super) record: Record,
    pub(super) revision: keyvalues::Revision,
}

/// Changes an app's list of previews, in one commit.
pub(super) async fn commit(
    core: &Core,
    app: &AppName,
    if_match: Option<u64>,
    edit: Edit<'_>,
) -> Result<PreviewChange, ApiError> {
    let key = &keys::previews(app);
    // What the last round wrote.
    let tried: &Mutex<Option<(Previews, Preview)>> = &Mutex::default();
    transact_app(core, app, move |stored, round| async move {
        let Some(record) = stored.record.clone() else { return Err(no_record(&stored)) };
        let entry = core.store.get(&own_key(key)).await?;
        let mut list = list_of(core, app, entry.as_ref());
        // The commit whose answer was lost may have done it.
        if round.in_doubt
            && let (Some((wanted, preview)), Some(entry)) = (&*tried.lock(), &entry)
            && *wanted == list
        {
            return Ok(Plan::Nothing(PreviewChange {
                preview: preview.clone(),
                record,
                revision: entry.modified,
            }));
        }
        if let Some(seen) = if_match.filter(|seen| *seen != record.seq) {
            return Err(Refusal::Stale { seen, now: record.seq }.into());
        }
        let now = core.clock.wall_ms();
        list.retain(now, |tenure| is_routed(Some(&record), tenure));
        let preview = edit(&mut list, &record, now)?;
        let json =
            serde_json::to_vec(&list).map_err(|error| ApiError::new(Kind::Internal, error.to_string()))?;
        let json = match &entry {
            Some(entry) => unknown_fields::keep(&entry.value, &Previews::parse(&entry.value).ok(), json),
            None => json,
        };
        let mut checks = stored.checks();
        checks.push(as_read(entry.as_ref(), key));
        let writes = vec![StoreWrite::put(own_key(key), json)];
        *tried.lock() = Some((list, preview.clone()));
        let commit = Commit { checks, writes, proof: None };
        Ok(Plan::write(commit, |revision| PreviewChange { preview, record, revision }))
    })
    .await
}

fn no_record(stored: &StoredApp) -> ApiError {
    if stored.is_absent() {
        return unknown_app(&stored.name);
    }
    not_routed(format!("the app `{}` has no release yet", stored.name))
}

/// The stored list; where it cannot be read, the last good one.
fn list_of(core: &Core, app: &AppName, entry: Option<&Entry>) -> Previews {
    let Some(entry) = entry else { return Previews::default() };
    let last_good = || {
        let reading = core.replica.reading.load();
        reading.apps.get(app).map(|known| (*known.previews).clone()).unwrap_or_default()
    };
    Previews::parse(&entry.value).unwrap_or_else(|_| last_good())
}

/// Adds a preview, if there is room.
pub(super) fn add(list: &mut Previews, preview: Preview) -> Result<Preview, ApiError> {
    if list.previews.len() >= PREVIEWS_MAX {
        let message = format!(
            "the app has {PREVIEWS_MAX} previews already, which is the most; revoke some that nobody needs"
        );
        return Err(ApiError::new(Kind::Refused("too_many_previews"), message));
    }
    list.previews.push(preview.clone());
    Ok(preview)
}

/// Takes a preview out, if the caller may.
pub(super) fn take_out(list: &mut Previews, id: PreviewId, caller: &Caller) -> Result<Preview, ApiError> {
    let found = list.previews.iter().position(|preview| preview.id == id);
    let index = found.ok_or_else(|| {
        ApiError::new(Kind::NotFound, format!("there is no preview `{id}`, or it has ended"))
    })?;
    if caller.role < Role::Operator && list.previews[index].by != caller.name {
        let by = &list.previews[index].by;
        let message = format!("the preview `{id}` was made by `{by}`; a `ci` token can revoke only its own");
        return Err(ApiError::new(Kind::Forbidden, message));
    }
    Ok(list.previews.remove(index))
}

/// Whether a tenure is routed.
pub(super) fn is_routed(record: Option<&Record>, tenure: Tenure) -> bool {
    record.is_some_and(|record| record.by_tenure(tenure).is_some())
}
