//! Each app has releases of its own: what one app may do to a release that belongs to another (docs/design.md section 3,
//! "One app never touches another").
//!
//! Whose a release is, is decided from what this router has read, waited for up to what the store held when the app was
//! read. Ids of new releases carry their app, so two commands of two apps at the same moment name different releases.

use super::{history, stored::StoredApp};
use crate::{
    control::{
        limits::NAMES_WAIT,
        shared::{
            core::Core,
            error::{ApiError, Kind},
            reading::StoreReading,
        },
    },
    limits::EVENTS_MAX,
    rollout::{app::AppName, owners::Owners, record::Record, release::ReleaseId},
};

/// Events of another app's history that are searched for a release that nobody routes: the newest hundred, since older
/// releases are hardly anybody's way back.
const HISTORY_SEARCHED: u64 = 100;

/// Whose releases are, by what this router has read.
pub fn owners(reading: &StoreReading) -> Owners<'_> {
    Owners::of(reading.apps.iter().map(|(app, known)| (app, known.record.as_deref())))
}

/// Refuses a record that would put another app's release on a track.
pub async fn refuse_foreign(core: &Core, stored: &StoredApp, next: &Record) -> Result<(), ApiError> {
    for stay in next.stable.iter().chain(&next.candidate) {
        refuse_foreign_release(core, stored, &stay.release).await?;
    }
    Ok(())
}

/// Refuses another app's release. What the app's present record names it may go on with, whoever else names it: such a
/// release is shown as a problem.
pub async fn refuse_foreign_release(
    core: &Core,
    stored: &StoredApp,
    release: &ReleaseId,
) -> Result<(), ApiError> {
    if stored.record.as_ref().is_some_and(|record| record.names(release)) {
        return Ok(());
    }
    // What is not read yet is missed; the store itself is not searched for every command.
    core.replica.wait_for(stored.read_at, NAMES_WAIT).await;
    let reading = core.replica.reading.load_full();
    match other_owner(core, &reading, stored, release).await? {
        Some(owner) => Err(foreign(release, &owner)),
        None => Ok(()),
    }
}

/// The other app that a release belongs to, which the record of this one does not name.
async fn other_owner(
    core: &Core,
    reading: &StoreReading,
    stored: &StoredApp,
    release: &ReleaseId,
) -> Result<Option<AppName>, ApiError> {
    let name = &stored.name;
    let mut owners = owners(reading);
    owners.add(name, stored.record.as_ref());
    if let Some(naming) = owners.naming(release).iter().find(|app| **app != name) {
        return Ok(Some(AppName::clone(naming)));
    }
    let claiming = match owners.by_segment(release) {
        Some(app) if app == name => None,
        Some(app) => Some(app.clone()),
        None => former_owner(core, reading, name, release).await?,
    };
    // Its own history makes a release its own, whatever the segment or other histories say.
    let is_own = claiming.is_some() && is_in_history(core, name, stored.seq(), release, EVENTS_MAX).await?;
    Ok(claiming.filter(|_| !is_own))
}

/// The other app in whose history a release is that belongs to nobody now.
pub async fn former_owner(
    core: &Core,
    reading: &StoreReading,
    name: &AppName,
    release: &ReleaseId,
) -> Result<Option<AppName>, ApiError> {
    for (app, known) in reading.apps.iter().filter(|(app, _)| *app != name) {
        let seq = known.record.as_ref().map_or(0, |record| record.seq);
        if is_in_history(core, app, seq, release, HISTORY_SEARCHED).await? {
            return Ok(Some(app.clone()));
        }
    }
    Ok(None)
}

/// Whether one of the newest events of an app names a release; `seq` is the newest one's.
pub async fn is_in_history(
    core: &Core,
    app: &AppName,
    seq: u64,
    release: &ReleaseId,
    events: u64,
) -> Result<bool, ApiError> {
    let start = seq.saturating_sub(events) + 1;
    let events = history::read(core, app, start, seq + 1).await?;
    Ok(events.iter().any(|event| event.record.names(release)))
}

fn foreign(release: &ReleaseId, owner: &AppName) -> ApiError {
    let message = format!(
        "`{release}` is a release of the app `{owner}`, and each app has releases of its own: register its endpoints with a \
         release of this app, by `release` and `endpoints`"
    );
    ApiError::new(Kind::Refused("other_apps_release"), message).field("release")
}
