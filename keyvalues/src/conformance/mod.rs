//! The conformance suite: what every backend must do, as named cases.
//!
//! A case is bound to what it needs; a backend runs every case whose needs its [`Capabilities`] and its
//! [`Subject`] cover, against the real thing. `keyvalues/README.md` names these cases as the proof of its table.
//! Cases assume nothing about how far apart two revisions are and share no contents, so they run at once on one
//! server. They wait with tokio's time, so a backend inside the process can run them with the clock paused.

mod case;
mod checks;
mod commits;
mod concurrency;
mod durability;
mod foreign;
mod leases;
mod limits;
mod listing;
mod run;
mod subject;
mod support;
mod watches;

pub use self::{
    case::{Case, Need},
    run::{Report, all, run},
    subject::{Backend, Foreign, Subject},
};
