//! Engines whose containers are followed: an alarm for one that is lost, endpoints that come and go by the labels of
//! containers, and a drain for whatever is told to end.
//!
//! Each engine has a task of its own. It adds nothing to how an app is routed: endpoints are registered, drained and removed
//! by the same changes as everybody's, with their gate, and each stands in the history with the engine as its actor. While an
//! engine is lost, nothing changes.
//!
//! Absent on purpose: starting and stopping containers, and any memory of what was registered. The container's id stands in
//! the endpoint's key, so a router that starts finds what another one registered.

mod adopted;
mod changes;
mod follower;
mod watch;

pub use self::watch::run;
