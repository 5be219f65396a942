//! Values that are encrypted in the store: a wrapper around any other store.
//!
//! Whoever uses the wrapper reads and writes plain values; the store inside has, of the keys that are named secret, encrypted
//! ones (AES-256-GCM). Each says by which key it was written, and belongs to the one name where it stands: at another name it
//! cannot be opened. A value that cannot be opened is given as it is stored, so that it is there, and is nobody's value; see
//! [`is_sealed`]. By which key new values are written, one value of the store says, so that all who share the store agree.

mod census;
mod key;
mod keys;
mod seals;
mod store;
#[cfg(test)]
mod tests;
mod watch;

pub use census::{Census, Form};
pub use key::{KEY_ID_MAX, is_sealed};
pub use keys::{KeysError, PLAIN, SecretsKeys};
pub use seals::{Seals, SecretCounts, SecretNames};
pub use store::SealedStore;
