//! Hooks: addresses that get a signed POST with each change and each alarm (the Standard Webhooks specification).
//!
//! A hook is stored beside the router's other own keys, and so is how far each app's history was sent to it: the history
//! itself is the queue. So a change is sent at least once, in the order of the seqs, also after a restart. Of a fleet the
//! member that holds the claim sends; when its lease ends, another takes over. Alarms are in no history: the router that
//! raises one sends it, and a router that starts again sends those that stand.
//!
//! No command, publish or request ever waits for anything here. Without a hook nothing runs but a look at an empty list
//! every second.

pub mod claim;
pub mod client;
pub mod courier;
pub mod delivery;
pub mod dispatch;
pub mod notice;
pub mod progress_store;
