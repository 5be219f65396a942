//! Errors of the file, below the contract.

use std::io;

use crate::contract::StoreError;

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum DiskError {
    #[error("{0}")]
    Io(String),
    #[error("{0}")]
    Corrupt(String),
    #[error("it is in use by another process")]
    InUse,
}

impl From<DiskError> for StoreError {
    fn from(error: DiskError) -> Self {
        match error {
            DiskError::Io(text) => Self::Disk(text),
            DiskError::Corrupt(text) => Self::Corrupt(text),
            DiskError::InUse => Self::Disk(error.to_string()),
        }
    }
}

impl<E: Into<redb::Error>> From<E> for DiskError {
    fn from(error: E) -> Self {
        match error.into() {
            redb::Error::DatabaseAlreadyOpen => Self::InUse,
            redb::Error::Corrupted(text) => Self::Corrupt(text),
            error @ (redb::Error::UpgradeRequired(_) | redb::Error::TableTypeMismatch { .. }) => {
                Self::Corrupt(error.to_string())
            }
            // What is cut short, or no database at all.
            redb::Error::Io(error)
                if matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof) =>
            {
                Self::Corrupt(error.to_string())
            }
            error => Self::Io(error.to_string()),
        }
    }
}
