//! The one place where a change of endpoints is decided, through whichever door it comes: a command that names endpoints, a
//! call about single ones, a raw key.
//!
//! Whoever changes the endpoints of a release changes what the users of every app get that names it. So each of these apps is
//! asked (role, lock, cap), and each gets an event. Nothing is written here.

use keyvalues::{Key, Write};

use super::{
    commit::Commit,
    endpoint_events::event_commit,
    gate,
    release_endpoints::{ReleaseEndpoints, valid_endpoints},
    stored::StoredApp,
};
use crate::{
    control::{
        limits::NAMES_WAIT,
        shared::{
            core::Core,
            entries::own_key,
            error::{ApiError, Kind},
        },
    },
    rollout::{
        app::AppName,
        command::{Asker, admit_registration},
        endpoint_event::EndpointDifference,
        endpoint_set::{Containers, EndpointChange, EndpointSet, PendingSet},
        keys::{self, Meaning},
        record::Record,
        release::ReleaseId,
    },
};

/// Who changes endpoints, and how.
#[derive(Debug, Clone, Copy)]
pub struct Registration<'a> {
    pub change: &'a EndpointChange,
    pub asker: &'a Asker,
    /// The app whose release it is; none of a raw key.
    pub app: Option<&'a AppName>,
    /// Also of a release that another app routes, and of one that would have no endpoint left.
    pub force: bool,
}

/// A change that was admitted, ready to be committed.
#[derive(Debug)]
pub struct PlannedRegistration {
    pub difference: EndpointDifference,
    /// The apps that name the release.
    pub apps: Vec<AppName>,
    /// How often the endpoints were changed then.
    pub count: u64,
    /// Writes the endpoints, and the event of each of these apps; held to what it was decided on.
    pub commit: Commit,
    /// The endpoints then.
    next: Containers,
}

impl PlannedRegistration {
    /// The key and the value by which a table is built that has these endpoints.
    pub fn table_entry(&self) -> (String, String) {
        let (release, endpoints) = (&self.difference.release, self.next.clone());
        let pending = Some(PendingSet { by: String::new(), endpoints });
        let set = EndpointSet { count: self.count, pending, ..EndpointSet::default() };
        let json = String::from_utf8_lossy(&set.to_json()).into_owned();
        (keys::endpoint_set(release), json)
    }

    /// Adds the event of the change to the history of each app that names the release, but for one.
    pub async fn with_events(
        mut self,
        core: &Core,
        naming: &[&StoredApp],
        asker: &Asker,
        except: Option<&AppName>,
    ) -> Result<Self, ApiError> {
        for stored in naming.iter().filter(|stored| self.apps.contains(&stored.name)) {
            if let Some(record) = stored.record.as_ref().filter(|_| except != Some(&stored.name)) {
                let event = event_commit(core, &stored.name, record, &self.difference, asker).await?;
                self.commit.checks.extend(event.checks);
                self.commit.writes.extend(event.writes);
                self.commit.proof = self.commit.proof.or(event.proof);
            }
        }
        Ok(self)
    }

    /// The commit of the change, together with another one.
    pub fn join(&self, mut commit: Commit) -> Commit {
        let known: Vec<Key> = commit.checks.iter().map(|check| check.key().clone()).collect();
        let further = self.commit.checks.iter().filter(|check| !known.contains(check.key()));
        commit.checks.extend(further.cloned());
        commit.writes.extend(self.commit.writes.iter().cloned());
        commit
    }

    /// Who did what, for the operator's log. Texts from outside are escaped.
    pub fn log(&self, asker: &Asker) {
        let (before, after) = (self.difference.before.len(), self.difference.after.len());
        let (release, count) = (&self.difference.release, self.count);
        for app in &self.apps {
            let (actor, reason) = (&asker.actor, &asker.reason);
            tracing::info!(%app, %release, before, after, count, ?actor, ?reason, "endpoints of the app were changed");
        }
    }
}

/// The apps that name a release, or wait for its first endpoint, but for one, as the store holds them.
pub async fn apps_naming(
    core: &Core,
    endpoints: &ReleaseEndpoints,
    except: Option<&AppName>,
) -> Result<Vec<StoredApp>, ApiError> {
    let mut naming = Vec::new();
    for name in names_of_apps(core, endpoints).await? {
        if except != Some(&name) {
            let stored = StoredApp::read(core, &name).await?;
            if concerns(&stored, &endpoints.release) {
                naming.push(stored);
            }
        }
    }
    Ok(naming)
}

/// The apps that may name a release. What this router has read says so if it is as new as the reading of the endpoints; a
/// router that is behind asks the store for all apps.
async fn names_of_apps(core: &Core, endpoints: &ReleaseEndpoints) -> Result<Vec<AppName>, ApiError> {
    let release = &endpoints.release;
    if !core.replica.wait_for(endpoints.read_at, NAMES_WAIT).await {
        let listing = core.store.list(&[keys::ROLLING]).await?;
        let names = listing.entries.iter().filter_map(|entry| match keys::meaning(entry.key.as_str())? {
            Meaning::Record(app) => Some(app),
            _ => None,
        });
        return Ok(names.collect());
    }
    let reading = core.replica.reading.load_full();
    let apps = reading.apps.iter().filter(|(_, app)| {
        app.record.as_deref().is_some_and(|record| record.names(release))
            || app.old.stable.as_deref() == Some(release.as_str())
    });
    Ok(apps.map(|(name, _)| name.clone()).collect())
}

/// Whether a change of the endpoints of a release changes what the app's users get.
fn concerns(stored: &StoredApp, release: &ReleaseId) -> bool {
    stored.record.as_ref().is_some_and(|record| record.names(release) || stored.awaits(release))
}

/// Decides a change. `naming` are the apps that name the release, or are about to. None: nothing would change.
pub async fn plan(
    core: &Core,
    endpoints: &ReleaseEndpoints,
    naming: &[&StoredApp],
    registration: Registration<'_>,
) -> Result<Option<PlannedRegistration>, ApiError> {
    let Registration { change, asker, .. } = registration;
    let now = endpoints.containers();
    let (next, set) = endpoints.set.after(now, change);
    let policy = core.addresses.load();
    let difference = EndpointDifference {
        release: endpoints.release.clone(),
        before: valid_endpoints(now, &policy),
        after: valid_endpoints(&next, &policy),
    };
    let is_replaced = matches!(change, EndpointChange::Replace { .. });
    if next == *now || is_replaced && difference.before == difference.after {
        return Ok(None);
    }
    let mut writes = endpoints.writes(next.clone(), set.clone(), &core.node);
    if matches!(change, EndpointChange::RemoveAll) {
        // No app routes it any more, so nobody counts.
        let set = own_key(&keys::endpoint_set(&endpoints.release));
        let ends = |write: &Write| *write.key() == set && next.is_empty() && writes.len() > 1;
        if let Some(at) = writes.iter().position(ends) {
            writes[at] = Write::delete(set);
        }
    }
    let mut commit = Commit::unchecked(writes);
    commit.checks.push(endpoints.check());
    let mut apps = Vec::new();
    for stored in naming {
        let Some(record) = stored.record.as_ref().filter(|_| concerns(stored, &difference.release)) else {
            continue;
        };
        admit_registration(
            record,
            &difference.release,
            difference.adds(),
            asker,
            &stored.registration_rules(&difference.release),
        )?;
        commit.checks.extend(stored.lock_checks());
        if record.names(&difference.release) {
            apps.push(stored.name.clone());
        }
    }
    refuse_shared(&difference, naming, registration)?;
    refuse_last(&difference, naming, registration)?;
    Ok(Some(PlannedRegistration { difference, apps, count: set.count, commit, next }))
}

/// Endpoints of a release that several apps route are changed by none of them without `force`.
fn refuse_shared(
    difference: &EndpointDifference,
    naming: &[&StoredApp],
    registration: Registration<'_>,
) -> Result<(), ApiError> {
    let release = &difference.release;
    let routes = |record: &Record| record.routed().any(|(routed, _)| routed == release);
    let routing = naming.iter().filter(|stored| stored.record.as_ref().is_some_and(routes));
    let routing: Vec<&AppName> = routing.map(|stored| &stored.name).collect();
    let other = match registration.app {
        Some(app) => routing.iter().find(|name| **name != app),
        None => routing.get(1),
    };
    match other.filter(|_| !registration.force) {
        None => Ok(()),
        Some(_) => {
            let names: Vec<String> = routing.iter().map(|name| format!("`{name}`")).collect();
            let message = format!(
                "`{release}` is routed by the app {}; send `force`: true to change its endpoints there too",
                names.join(" and ")
            );
            Err(ApiError::new(Kind::Refused("shared_release"), message))
        }
    }
}

/// A release on a track keeps an endpoint, unless an operator forces it, or a raw key says so by name.
fn refuse_last(
    difference: &EndpointDifference,
    naming: &[&StoredApp],
    registration: Registration<'_>,
) -> Result<(), ApiError> {
    let (release, has_some) = (&difference.release, !difference.after.is_empty());
    let is_overruled = gate::is_overruled(registration.force, registration.asker);
    if has_some || is_overruled || registration.app.is_none() {
        return Ok(());
    }
    let on_track =
        |record: &Record| [record.stable_release(), record.candidate_release()].contains(&Some(release));
    match naming.iter().find(|stored| stored.record.as_ref().is_some_and(on_track)) {
        None => Ok(()),
        Some(stored) => {
            let message = format!(
                "`{release}` is on a track of the app `{}` and would have no endpoint left; add another one first; an \
                 operator may send `force`: true",
                stored.name
            );
            Err(ApiError::new(Kind::Refused("last_endpoint"), message))
        }
    }
}
