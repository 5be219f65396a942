//! From the store to the table: list, watch, build, publish.
//!
//! One task (`follower`) keeps an image of the store and builds tables from it. Whatever happens to the store, the last
//! good table is served on: a lost watch is listed again after a pause, and another or an older store is refused and
//! shown. No request of an end user ever waits for anything here.

mod access;
mod app_differences;
pub mod changes;
pub mod endpoint_deadlines;
pub mod follow;
pub mod follower;
pub mod identity;
pub mod image;
pub mod interruption;
mod kept_deployments;
mod kept_entries;
pub mod last_good;
pub mod losses;
pub mod names;
pub mod noted_endpoints;
pub mod origin;
pub mod publisher;
pub mod release_deadlines;
pub mod replaced_app;
pub mod restore;
pub mod saved;
mod signing;
pub mod source_copier;
pub mod succession;
pub mod unregistered;
pub mod upkeep;
pub mod watch_reader;
