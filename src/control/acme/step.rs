//! One step of an order: a commit, checked on what was read. Whoever was overtaken stops without a word.

use instant_acme::Error;
use keyvalues::{Check, Outcome, Revision, Write};

use crate::control::shared::core::Core;

/// Why an order does not go on.
#[derive(Debug)]
pub enum Stop {
    /// Another router has taken it over, or the store did not say.
    Overtaken,
    /// In words.
    Failed(String),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(match error {
            Error::Api(problem) => format!("the CA says: {}", problem.detail.unwrap_or_default()),
            Error::Timeout(_) => "the CA did not get done in time".to_owned(),
            other => format!("the CA was asked in vain: {other}"),
        })
    }
}

impl From<String> for Stop {
    fn from(error: String) -> Self {
        Self::Failed(error)
    }
}

/// Commits; gives the revision.
pub async fn commit(core: &Core, checks: Vec<Check>, writes: Vec<Write>) -> Result<Revision, Stop> {
    match core.store.commit(checks, writes).await {
        Ok(Outcome::Done(revision)) => Ok(revision),
        _ => Err(Stop::Overtaken),
    }
}
