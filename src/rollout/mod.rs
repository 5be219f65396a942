//! The pure core: what a rollout is, what commands do to it, and where one request goes.
//!
//! No I/O, async, locks or clock: time, randomness and health come in as arguments. Everything here can be driven
//! by a property test, and is.

pub mod address;
pub mod adopt;
pub mod app;
pub mod approval;
pub mod approval_standing;
pub mod assign;
pub mod blend;
pub mod bucket;
pub mod cdn_loop;
pub mod client_policy;
pub mod command;
pub mod command_name;
pub mod commit;
pub mod cookie;
pub mod deployment;
pub mod drain;
pub mod dry_run;
pub mod end_mark;
pub mod endpoint;
pub mod endpoint_event;
pub mod endpoint_name;
pub mod endpoint_set;
pub mod excluded;
pub mod explain;
pub mod facts;
mod field;
pub mod forwarded;
pub mod freeze;
pub mod fuzz;
pub mod halt;
pub mod history;
pub mod host_name;
pub mod host_paths;
pub mod hosts;
pub mod keys;
pub mod keyspace;
pub mod last_failure;
pub mod lookup;
pub mod network;
pub mod owners;
pub mod pin;
pub mod pipeline_lock;
pub mod plan;
pub mod preview;
pub mod record;
pub mod release;
pub mod release_names;
pub mod request;
pub mod resolved_names;
pub mod set_cookie;
pub mod settings;
pub mod shadow;
pub mod socket_path;
pub mod table;
pub mod target;
pub mod tester;
#[cfg(test)]
mod tests;
pub mod text_form;
pub mod underscores;
pub mod unknown_fields;
pub mod unregistered;
pub mod unregistered_change;
pub mod verdict;
