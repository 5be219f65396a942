//! The deployments, as the watch tells of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use keyvalues::{Entry, Listing};
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::hooks::{board::HookBoard, message::Message};
use crate::control::limits::LOG_READERS_MAX;
use crate::rollout::{
    app::AppName,
    deployment::{id::DeploymentId, record::Deployment, run::Untold},
    keys::{self, Meaning},
    release::ReleaseId,
};

/// What is stored of a deployment; if it cannot be read, what is allowed.
pub type StoredDeployment = Result<Deployment, String>;

/// Which deployment it is.
pub type DeploymentKey = (AppName, DeploymentId);

/// What is told of a deployment: of which one, what, and of which step of it.
pub type NoticeKey = (DeploymentKey, Untold, u64);

/// All deployments.
#[derive(Debug, Default)]
pub struct DeploymentBoard {
    stored: Mutex<BTreeMap<DeploymentKey, Arc<StoredDeployment>>>,
    /// How far a pull of this router is.
    progress: Mutex<BTreeMap<DeploymentKey, String>>,
    /// What this router tells hooks of deployments.
    notices: Mutex<BTreeMap<NoticeKey, Arc<Message>>>,
    changed: watch::Sender<u64>,
    logs: LogPlaces,
}

/// Who reads logs has a place: each holds a connection to an engine.
#[derive(Debug)]
struct LogPlaces(Arc<Semaphore>);

impl Default for LogPlaces {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(LOG_READERS_MAX)))
    }
}

impl DeploymentBoard {
    /// Wakes whoever carries deployments out at each change.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// A place for somebody who reads logs, for as long as it is held; none: all are taken.
    pub fn log_place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.logs.0).try_acquire_owned().ok()
    }

    /// Queues a message for hooks, unless it is queued already. Whether it waits for nobody any more: every hook that wants it has
    /// it, or could not be told.
    pub fn tell(&self, hooks: &HookBoard, key: NoticeKey, message: impl FnOnce() -> Message) -> bool {
        let mut notices = self.notices.lock();
        let queued = notices.entry(key.clone()).or_insert_with(|| {
            let message = Arc::new(message());
            hooks.queue_shared(&message);
            message
        });
        let is_told = Arc::strong_count(queued) == 1;
        if is_told {
            notices.remove(&key);
        }
        is_told
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.stored.lock().len()
    }

    /// All, by app and id.
    pub fn all(&self) -> Vec<Arc<StoredDeployment>> {
        self.stored.lock().values().cloned().collect()
    }

    /// Those of an app.
    pub fn keys_of(&self, app: &AppName) -> Vec<DeploymentKey> {
        self.stored.lock().keys().filter(|(its, _)| its == app).cloned().collect()
    }

    /// The one that runs a release of an app and is kept for a rollback, with its containers stopped.
    pub fn parked(&self, app: &AppName, release: &ReleaseId) -> Option<DeploymentKey> {
        let stored = self.stored.lock();
        let is_it = |stored: &StoredDeployment| {
            stored.as_ref().is_ok_and(|it| it.is_parked() && it.has_release(release))
        };
        let found = stored.iter().find(|((its, _), stored)| its == app && is_it(stored));
        found.map(|(key, _)| key.clone())
    }

    /// The releases whose containers are kept so, each with its app.
    pub fn kept_releases(&self) -> BTreeSet<(AppName, ReleaseId)> {
        let stored = self.stored.lock();
        let kept = stored.values().filter_map(|stored| {
            let deployment = stored.as_ref().as_ref().ok().filter(|it| it.is_parked())?;
            Some((deployment.app.clone(), deployment.main_release()?))
        });
        kept.collect()
    }

    /// One of an app.
    pub fn of(&self, app: &AppName, id: &DeploymentId) -> Option<Arc<StoredDeployment>> {
        self.stored.lock().get(&(app.clone(), id.clone())).cloned()
    }

    /// The app of the deployment with this id. Its app is part of the id, and of two apps the longer name wins.
    pub fn app_of(&self, id: &DeploymentId) -> Option<AppName> {
        let stored = self.stored.lock();
        id.possible_apps().find(|app| stored.contains_key(&(app.clone(), id.clone())))
    }

    /// How far this router is with pulling its image; none: it pulls none.
    pub fn progress(&self, app: &AppName, id: &DeploymentId) -> Option<String> {
        self.progress.lock().get(&(app.clone(), id.clone())).cloned()
    }

    /// The same of all of them, by the keys of the deployments.
    pub fn pulls(&self) -> BTreeMap<String, String> {
        let progress = self.progress.lock();
        progress.iter().map(|((app, id), far)| (keys::deployment(app, id), far.clone())).collect()
    }

    /// Notes how far a pull is; none: it is over.
    pub fn set_progress(&self, key: &DeploymentKey, progress: Option<String>) {
        let mut all = self.progress.lock();
        match progress {
            Some(progress) => drop(all.insert(key.clone(), progress)),
            None => drop(all.remove(key)),
        }
    }

    /// The watch told of one; none: it is gone.
    pub fn take(&self, app: AppName, id: DeploymentId, entry: Option<&Entry>) {
        match entry {
            Some(entry) => {
                let stored = Deployment::parse(&entry.value, &app, &id);
                self.stored.lock().insert((app, id), Arc::new(stored));
            }
            None => drop(self.stored.lock().remove(&(app, id))),
        }
        self.changed.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Everything was listed.
    pub fn replace(&self, listing: &Listing) {
        self.stored.lock().clear();
        for entry in &listing.entries {
            if let Some(Meaning::Deployment(app, id)) = keys::meaning(entry.key.as_str()) {
                self.take(app, id, Some(entry));
            }
        }
        self.changed.send_modify(|count| *count = count.wrapping_add(1));
    }
}
