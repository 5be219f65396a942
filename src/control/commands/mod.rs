//! Commands against the store: read the app, decide, see that the outcome can be served, commit once, and answer
//! when this router serves it (docs/design.md section 4).
//!
//! What a command means is decided in `rollout::command`; here is only what needs a store: reading, the guarded
//! commit, repeating after a conflict, and asking endpoints.

pub mod adoption;
pub mod command;
pub mod commit;
pub mod dry_run;
pub mod gate;
pub mod history;
pub mod naming;
pub mod raw;
pub mod stored;
pub mod transact;
