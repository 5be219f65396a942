//! Upkeep: what this router commits of its own accord. Adopting what was written past the API, writing deleted
//! mirrored keys back, and retiring releases whose drain is over.
//!
//! Each is guarded by the record's revision, so any number of routers may try at once and one succeeds. Failures
//! are tried again after a pause; they never hold up a publish.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use keyvalues::Revision;
use tokio::task::JoinSet;

use crate::{
    control::{
        commands::{adoption, command::retire},
        limits::UPKEEP_RETRY,
        shared::{core::Core, error::ApiError},
    },
    rollout::{adopt::OldKeys, app::AppName, keyspace::Keyspace, record::Tenure, release::ReleaseId},
};

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Task {
    Adopt(AppName),
    Retire(AppName, Tenure),
}

/// What an app's old keys were when nothing could be adopted from them: seq, values, endpoints of the stable they
/// name (whose first endpoint makes a difference).
type Settled = (u64, OldKeys, usize);

/// Tasks under way, and what need not be tried again.
pub struct Upkeep {
    core: Core,
    running: JoinSet<(Task, Result<Revision, ApiError>)>,
    busy: HashSet<Task>,
    settled: HashMap<AppName, Settled>,
    retry_at: HashMap<Task, Duration>,
}

impl Upkeep {
    pub fn new(core: Core) -> Self {
        Self {
            core,
            running: JoinSet::new(),
            busy: HashSet::new(),
            settled: HashMap::new(),
            retry_at: HashMap::new(),
        }
    }

    /// Starts an adoption for every app whose old keys say something else than its record.
    pub fn adopt(&mut self, keyspace: &Keyspace) {
        let unsettled: HashSet<&AppName> = keyspace.unsettled().collect();
        self.settled.retain(|app, _| unsettled.contains(app));
        for app in unsettled {
            let now = settled(keyspace, app);
            if self.settled.get(app) != Some(&now) && self.start(Task::Adopt(app.clone())) {
                self.settled.insert(app.clone(), now);
            }
        }
    }

    /// Starts a retirement.
    pub fn retire(&mut self, app: AppName, tenure: Tenure) {
        self.start(Task::Retire(app, tenure));
    }

    /// Whether anything is under way.
    pub fn is_idle(&self) -> bool {
        self.running.is_empty()
    }

    /// Waits for one task; gives the store revision it made. Pending while nothing is under way.
    pub async fn done(&mut self) -> Revision {
        loop {
            match self.running.join_next().await {
                Some(Ok((task, result))) => return self.note(task, result),
                // A panic in a task is a bug of ours; the next reading of the keyspace starts it again.
                Some(Err(_)) => self.busy.clear(),
                None => std::future::pending().await,
            }
        }
    }

    fn start(&mut self, task: Task) -> bool {
        let now = self.core.clock.monotonic();
        let resting = self.retry_at.get(&task).is_some_and(|at| *at > now);
        if resting || !self.core.store.capabilities().atomic_commit || !self.busy.insert(task.clone()) {
            return false;
        }
        let core = self.core.clone();
        self.running.spawn(async move {
            let result = match &task {
                Task::Adopt(app) => adoption::adopt_foreign(&core, app).await,
                Task::Retire(app, tenure) => retire(&core, app, *tenure).await,
            };
            (task, result)
        });
        true
    }

    fn note(&mut self, task: Task, result: Result<Revision, ApiError>) -> Revision {
        self.busy.remove(&task);
        match result {
            Ok(revision) => {
                self.retry_at.remove(&task);
                revision
            }
            Err(error) => {
                tracing::warn!(?task, error = error.message(), "upkeep failed; it is tried again");
                if let Task::Adopt(app) = &task {
                    self.settled.remove(app);
                }
                self.retry_at.insert(task, self.core.clock.monotonic() + UPKEEP_RETRY);
                0
            }
        }
    }
}

/// What an adoption looks at.
fn settled(keyspace: &Keyspace, app: &AppName) -> Settled {
    let old = keyspace.old_keys(app);
    let stable = old.stable.as_deref().and_then(|id| ReleaseId::parse_nullable(id).ok().flatten());
    let endpoints = stable.map_or(0, |release| keyspace.endpoints(&release));
    (keyspace.record(app).map_or(0, |record| record.seq), old, endpoints)
}
