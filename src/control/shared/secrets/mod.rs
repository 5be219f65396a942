//! Secrets in the store: which values are some, the keys that encrypt them, and how far that is.

pub mod board;
pub mod key_file;
pub mod names;
