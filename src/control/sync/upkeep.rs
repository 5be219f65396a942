//! Upkeep: what this router commits by itself. It adopts what was written in the store itself, writes deleted mirrored keys
//! back, writes out sets of endpoints, notes endpoints whose keys vanished, retires releases whose drain is over, and raises the format of pins.
//!
//! Each commit is held to the record's revision, so any number of routers may try at once and one succeeds. A failure
//! is tried again after a pause, and never holds up a publish.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    time::Duration,
};

use keyvalues::Revision;
use tokio::task::JoinSet;

use crate::{
    control::{
        commands::{
            adoption,
            command::retire,
            pin_format, recovery,
            unregistered::{self, UnregisteredFindings},
            write_out::write_out,
        },
        limits::{PIN_FORMAT_PAUSE, UPKEEP_RETRY, WRITE_OUT_AFTER},
        shared::{core::Core, error::ApiError},
    },
    rollout::{
        adopt::OldKeys, app::AppName, keyspace::Keyspace, pin::PinFormat, record::Tenure, release::ReleaseId,
    },
};

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Task {
    Adopt(AppName),
    Recover(AppName),
    Retire(AppName, Tenure),
    RaisePinFormat,
    WriteOut(ReleaseId),
    NoteUnregistered(AppName),
}

/// Everything that the adoption of an app depends on: the record's seq, the old keys, and how many endpoints the stable
/// release has that they name (an adoption may wait for the first one).
type AdoptionInput = (u64, OldKeys, usize);

/// Tasks under way, and when those that failed are tried again.
pub struct Upkeep {
    core: Core,
    running: JoinSet<(Task, Result<Revision, ApiError>)>,
    busy: HashSet<Task>,
    /// The input of the last adoption, even of one that failed: the same input has the same result.
    adopted: HashMap<AppName, AdoptionInput>,
    retry_at: HashMap<Task, Duration>,
    /// Apps whose lost record was looked for in their events.
    recovered: HashSet<AppName>,
    /// Since when every member reads the newest pin format (monotonic), while the store does not say it.
    format_read_since: Option<Duration>,
    /// Since when sets of endpoints wait for the router that committed them to write them out (monotonic).
    waiting: HashMap<ReleaseId, Duration>,
    /// What the records do not say yet about endpoints that are registered nowhere.
    unregistered: BTreeMap<AppName, UnregisteredFindings>,
}

impl Upkeep {
    pub fn new(core: Core) -> Self {
        Self {
            core,
            running: JoinSet::new(),
            busy: HashSet::new(),
            adopted: HashMap::new(),
            retry_at: HashMap::new(),
            recovered: HashSet::new(),
            format_read_since: None,
            waiting: HashMap::new(),
            unregistered: BTreeMap::new(),
        }
    }

    /// Starts an adoption for every app whose old keys differ from its record.
    pub fn adopt(&mut self, keyspace: &Keyspace) {
        let unsettled: HashSet<&AppName> = keyspace.unsettled().collect();
        self.adopted.retain(|app, _| unsettled.contains(app));
        for app in unsettled {
            let input = adoption_input(keyspace, app);
            if self.adopted.get(app) != Some(&input) && self.start(Task::Adopt(app.clone())) {
                self.adopted.insert(app.clone(), input);
            }
        }
    }

    /// Starts to write lost records back, once for each loss.
    pub fn recover(&mut self, lost: BTreeSet<AppName>) {
        self.recovered.retain(|app| lost.contains(app));
        for app in lost {
            if !self.recovered.contains(&app) && self.start(Task::Recover(app.clone())) {
                self.recovered.insert(app);
            }
        }
    }

    /// Starts to write out the sets of endpoints that this router committed, and those that another one has left.
    pub fn write_out(&mut self, keyspace: &Keyspace) {
        let now = self.core.clock.monotonic();
        let pending: Vec<(ReleaseId, bool)> =
            keyspace.pending().map(|(release, by)| (release.clone(), by == self.core.node)).collect();
        self.waiting.retain(|release, _| pending.iter().any(|(pending, _)| pending == release));
        for (release, is_own) in pending {
            let since = *self.waiting.entry(release.clone()).or_insert(now);
            if is_own || now.saturating_sub(since) >= WRITE_OUT_AFTER {
                self.start(Task::WriteOut(release));
            }
        }
    }

    /// Starts to write into the records what they do not say yet about endpoints that are registered nowhere.
    pub fn note_unregistered(&mut self, findings: BTreeMap<AppName, UnregisteredFindings>) {
        self.unregistered = findings;
        let apps: Vec<AppName> = self.unregistered.keys().cloned().collect();
        for app in apps {
            self.start(Task::NoteUnregistered(app));
        }
    }

    /// Starts a retirement.
    pub fn retire(&mut self, app: AppName, tenure: Tenure) {
        self.start(Task::Retire(app, tenure));
    }

    /// Raises the format in which pins are signed from the stored one, once every member has read the newest for a while.
    pub fn raise_pin_format(&mut self, stored: Option<PinFormat>) {
        let newest = PinFormat::NEWEST;
        if stored == Some(newest) || !self.core.roster.reads_pin_format(newest) {
            self.format_read_since = None;
            return;
        }
        let now = self.core.clock.monotonic();
        let since = *self.format_read_since.get_or_insert(now);
        if now.saturating_sub(since) >= PIN_FORMAT_PAUSE {
            self.start(Task::RaisePinFormat);
        }
    }

    /// Whether anything is under way.
    pub fn is_idle(&self) -> bool {
        self.running.is_empty()
    }

    /// Waits for one task to end; gives the store revision that it made. Never ends while nothing is under way.
    pub async fn next_done(&mut self) -> Revision {
        loop {
            match self.running.join_next().await {
                Some(Ok((task, result))) => return self.finish(task, result),
                // A task that panicked is a bug of ours; the next look at the keyspace starts it again.
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
        let findings = match &task {
            Task::NoteUnregistered(app) => self.unregistered.get(app).cloned().unwrap_or_default(),
            _ => UnregisteredFindings::default(),
        };
        self.running.spawn(async move {
            let result = match &task {
                Task::Adopt(app) => adoption::adopt_raw_writes(&core, app).await,
                Task::Recover(app) => recovery::recover_record(&core, app).await,
                Task::Retire(app, tenure) => retire(&core, app, *tenure).await,
                Task::RaisePinFormat => pin_format::raise(&core).await,
                Task::WriteOut(release) => write_out(&core, release).await,
                Task::NoteUnregistered(app) => unregistered::write(&core, app, &findings).await,
            };
            (task, result)
        });
        true
    }

    /// What waits is asked again after a while, though nothing has changed in the store.
    fn look_again(&mut self, task: Task) {
        let Task::Adopt(app) = &task else { return };
        if let Some(pause) = self.core.replica.waiting.pause(app) {
            self.adopted.remove(app);
            self.retry_at.insert(task, self.core.clock.monotonic() + pause);
        }
    }

    fn finish(&mut self, task: Task, result: Result<Revision, ApiError>) -> Revision {
        self.busy.remove(&task);
        match result {
            Ok(revision) => {
                self.retry_at.remove(&task);
                self.look_again(task);
                revision
            }
            Err(error) => {
                tracing::warn!(
                    ?task,
                    error = error.message(),
                    "this router's own change of an app failed and is tried again"
                );
                match &task {
                    Task::Adopt(app) => drop(self.adopted.remove(app)),
                    Task::Recover(app) => drop(self.recovered.remove(app)),
                    _ => {}
                }
                self.retry_at.insert(task, self.core.clock.monotonic() + UPKEEP_RETRY);
                0
            }
        }
    }
}

fn adoption_input(keyspace: &Keyspace, app: &AppName) -> AdoptionInput {
    let old = keyspace.old_keys(app);
    let stable = old.stable.as_deref().and_then(|id| ReleaseId::parse_nullable(id).ok().flatten());
    let endpoints = stable.map_or(0, |release| keyspace.endpoints(&release));
    (keyspace.record(app).map_or(0, |record| record.seq), old, endpoints)
}
