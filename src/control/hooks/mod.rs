//! Hooks: addresses that are told of releases and alarms, by a signed POST (the Standard Webhooks specification).
//!
//! A hook is stored beside the router's other own keys, and so is how far each app's history was told to it: the history
//! itself is the queue. What is told therefore survives every restart, comes in the order of the seqs, and is told at least
//! once. Of a fleet one member tells, the one that holds the claim; another takes over when its lease ends. Alarms have no
//! place in any history: who raises one tells it, and who starts anew tells those that stand.
//!
//! Nothing here is waited for by a command, a publish or a request. Without a hook nothing runs but a look at an empty
//! list every second.

pub mod claim;
pub mod client;
pub mod courier;
pub mod delivery;
pub mod dispatch;
pub mod notice;
pub mod progress;
