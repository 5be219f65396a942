//! What an error of the server means, in the words of the contract.

use redis::{ErrorKind, RedisError, ServerErrorKind};

use crate::contract::StoreError;

/// An error of the server in the words of the contract.
pub(super) fn meaning(error: &RedisError) -> StoreError {
    let text = error.to_string();
    match (error.kind(), error.code()) {
        (ErrorKind::AuthenticationFailed | ErrorKind::Server(ServerErrorKind::NoPerm), _) => {
            StoreError::Denied(text)
        }
        (_, Some("NOAUTH" | "WRONGPASS")) => StoreError::Denied(text),
        (_, Some("OOM" | "MISCONF" | "NOREPLICAS")) => StoreError::Disk(text),
        (_, Some("WRONGTYPE")) => StoreError::Corrupt(text),
        (ErrorKind::Parse | ErrorKind::UnexpectedReturnType, _) => StoreError::Corrupt(text),
        _ => StoreError::Unreachable(text),
    }
}
