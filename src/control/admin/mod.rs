//! The admin port: its listener, who may pass, the GUI, metrics, and hosts that show a track.

pub mod base;
pub mod by_proxy;
pub mod client_address;
pub mod guard;
mod guard_refusal;
pub mod gui;
pub mod lane;
pub mod listener;
pub mod loops;
pub mod metrics;
pub mod places;
pub mod port;
pub mod recording;
mod refused_call;
mod senders;
pub mod socket;
mod squeeze;
mod stream;
pub mod strict;
pub mod track_hosts;
