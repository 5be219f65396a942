//! Why following a store was interrupted.

use keyvalues::StoreError;

use crate::control::{
    commands::transact::TransactError,
    shared::error::{ApiError, Kind},
};

/// Why following a store was interrupted.
#[derive(Debug, thiserror::Error)]
pub enum Interruption {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It is another store, or an older one.
    #[error("{0}")]
    Diverged(String),
    /// The watch lost its place: listing again is all it takes.
    #[error("the store's watch lost its place and begins again")]
    Resync,
}

impl Interruption {
    /// Why a decision about the store could not be carried out.
    pub fn refusal(&self) -> ApiError {
        match self {
            Self::Store(error) => error.clone().into(),
            Self::Diverged(why) => ApiError::new(Kind::StoreDiverged, why.clone()),
            Self::Resync => ApiError::new(Kind::StoreUnavailable, self.to_string()),
        }
    }
}

impl From<TransactError> for Interruption {
    fn from(error: TransactError) -> Self {
        StoreError::Unreachable(error.to_string()).into()
    }
}
