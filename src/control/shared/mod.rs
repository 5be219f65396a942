//! What every part of the control plane holds: the store, the live table, and what is known of both. State only: what
//! is done with it stands in the folders above.

pub mod access;
pub mod activity;
pub mod asset;
pub mod audit;
pub mod backoff;
pub mod body_stream;
pub mod calls;
pub mod change_locks;
pub mod core;
pub mod endpoint_events;
pub mod entries;
pub mod error;
pub mod feed;
pub mod fleet;
pub mod former_endpoints;
pub mod gate_answers;
pub mod hooks;
pub mod lifecycle;
pub mod lost_key;
pub mod misdirected;
pub mod options;
pub mod pages;
pub mod pin_keys;
pub mod private_folder;
pub mod quota;
pub mod reading;
pub mod replica;
pub mod served_store;
pub mod settlement;
pub mod state_dir;
pub mod status;
pub mod stop_check;
pub mod store;
pub mod stream_places;
