//! What an operator decides about a store that is not the one the table came from: take it as it is, or write this
//! router's last good state back into it. `sync` carries it out, since it alone knows both sides.

use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::error::ApiError;
use crate::{rollout::command::Asker, schema::store::AppDifference};

/// What an operator decides about the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// The store counts as it is.
    Accept,
    /// The last good state is written into it.
    Restore(RestoreOrder),
}

/// How the last good state is written back, and for whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoreOrder {
    /// Also if the store has another epoch, and so may belong to others.
    pub replace: bool,
    /// Only say what would be written.
    pub dry_run: bool,
    /// Also if approvals are missing for what would become stable, or it does not pass its gate.
    pub force: bool,
    pub asker: Asker,
}

/// How many keys a settlement wrote, deleted and left as they were, and which apps the store had otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SettlementCounts {
    pub written: usize,
    pub deleted: usize,
    pub unchanged: usize,
    pub apps: Vec<AppDifference>,
}

/// A decision, and where its result is sent. If it is dropped without one, it was not carried out.
#[derive(Debug)]
pub struct PendingDecision {
    pub decision: Decision,
    answer: oneshot::Sender<Result<SettlementCounts, ApiError>>,
}

impl PendingDecision {
    /// Sends the result. Whoever asked may have gone by now.
    pub fn answer(self, result: Result<SettlementCounts, ApiError>) {
        let _ = self.answer.send(result);
    }
}

/// The decision that waits to be carried out, if any.
#[derive(Debug, Default)]
pub struct Settlement(Mutex<Option<PendingDecision>>);

impl Settlement {
    /// Leaves a decision for `sync`, in place of an earlier one.
    pub fn ask(&self, decision: Decision) -> oneshot::Receiver<Result<SettlementCounts, ApiError>> {
        let (answer, answered) = oneshot::channel();
        *self.0.lock() = Some(PendingDecision { decision, answer });
        answered
    }

    /// Takes the decision, for whoever carries it out.
    pub fn take(&self) -> Option<PendingDecision> {
        self.0.lock().take()
    }
}
