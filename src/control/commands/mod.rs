//! Changes of the store: read the app, decide, see that the outcome can be served, commit once, and answer when this
//! router serves it (docs/design.md section 4).
//!
//! What a command means is decided in `rollout`; here is only what needs a store: reading, the guarded commit, the
//! repetition after a conflict, and asking endpoints.

pub mod adoption;
pub mod approved;
pub mod command;
pub mod commit;
pub mod default_app;
pub mod deployments;
pub mod dry_run;
pub mod endpoint_events;
pub mod engine_run;
pub mod gate;
pub mod history;
pub mod known_release;
pub mod local_abort;
pub mod lost_record;
pub mod new_app;
pub mod ownership;
pub mod pin_format;
pub mod pipeline_lock;
pub mod previous;
pub mod prune;
pub mod quota;
pub mod raw;
pub mod raw_gate;
pub mod recovery;
pub mod recycle;
pub mod register;
pub mod registration;
pub mod release_endpoints;
pub mod release_name;
pub mod replacement;
pub mod stored;
pub mod stored_default;
pub mod transact;
pub mod unregistered;
pub mod write_out;
