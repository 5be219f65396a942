//! What every part of the control plane holds: the store, the live table, and what is known of both. State only: what
//! is done with it stands in the folders above.

pub mod access;
pub mod core;
pub mod error;
pub mod fleet;
pub mod hooks;
pub mod settlement;
pub mod state_dir;
pub mod status;
pub mod stopping;
pub mod store;
pub mod view;
