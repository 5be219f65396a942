//! Aborts that this router alone applies while its store does not take them: the API asks for one, `sync` serves it, keeps it in
//! the state directory, and hands it to the store.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, oneshot};

use crate::{
    rollout::{
        app::AppName,
        command::{Asker, Background, Command, Decision, Role, decide},
        record::{HistoryEvent, Record, Stay},
    },
    schema::app,
};

/// One of them: what was aborted, and who ordered that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalAbort {
    /// The seq of the record that it was decided on: the store takes it only if nothing came between.
    pub seq: u64,
    /// The candidate that was dropped, in the tenure that it had.
    pub candidate: Stay,
    pub actor: String,
    pub reason: String,
    /// When it was ordered, Unix ms.
    pub at: u64,
}

impl LocalAbort {
    /// An abort of the candidate that a record names; none without a candidate.
    pub fn of(record: &Record, asker: &Asker) -> Option<Self> {
        Some(Self {
            seq: record.seq,
            candidate: record.candidate.clone()?,
            actor: asker.actor.clone(),
            reason: asker.reason.clone(),
            at: asker.at,
        })
    }

    /// What it makes of a record; none if something came between.
    pub fn decide(&self, record: &Record, background: &Background) -> Option<HistoryEvent> {
        let is_same =
            |stay: &Stay| stay.release == self.candidate.release && stay.tenure == self.candidate.tenure;
        if record.seq != self.seq || !record.candidate.as_ref().is_some_and(is_same) {
            return None;
        }
        let command = Command::Abort { release: Some(self.candidate.release.clone()) };
        let asker = Asker {
            actor: self.actor.clone(),
            token: String::new(),
            role: Role::Operator,
            reason: self.reason.clone(),
            at: self.at,
            if_match: Some(self.seq),
        };
        match decide(Some(record), &command, &asker, background) {
            Ok(Decision::Change(event)) => Some(*event),
            _ => None,
        }
    }

    /// As the API shows it.
    pub fn to_answer(&self) -> app::LocalAbort {
        app::LocalAbort {
            id: self.candidate.release.to_string(),
            release: self.candidate.release.name().to_owned(),
            seq: self.seq,
            by: self.actor.clone(),
            reason: self.reason.clone(),
            at: self.at,
        }
    }
}

/// Those of all apps.
#[derive(Debug, Default)]
pub struct LocalAborts {
    held: Mutex<BTreeMap<AppName, LocalAbort>>,
    /// Those who wait until theirs is served.
    waiting: Mutex<Vec<oneshot::Sender<()>>>,
    asked: Notify,
}

impl LocalAborts {
    /// Asks for one; the receiver hears when it is served.
    pub fn ask(&self, app: AppName, abort: LocalAbort) -> oneshot::Receiver<()> {
        let (sender, served) = oneshot::channel();
        self.waiting.lock().push(sender);
        self.held.lock().insert(app, abort);
        self.asked.notify_one();
        served
    }

    /// Waits until one is asked for.
    pub async fn asked(&self) {
        self.asked.notified().await;
    }

    /// Takes those that an earlier process left.
    pub fn take_saved(&self, saved: BTreeMap<AppName, LocalAbort>) {
        self.held.lock().extend(saved);
    }

    /// Those that hold.
    pub fn all(&self) -> BTreeMap<AppName, LocalAbort> {
        self.held.lock().clone()
    }

    /// That of an app.
    pub fn of(&self, app: &AppName) -> Option<LocalAbort> {
        self.held.lock().get(app).cloned()
    }

    /// Whether none holds.
    pub fn are_none(&self) -> bool {
        self.held.lock().is_empty()
    }

    /// The store has taken it, or never will.
    pub fn end(&self, app: &AppName) {
        self.held.lock().remove(app);
    }

    /// All of them are served.
    pub fn note_served(&self) {
        // Whoever asked may have gone by now.
        for sender in self.waiting.lock().drain(..) {
            let _ = sender.send(());
        }
    }
}
