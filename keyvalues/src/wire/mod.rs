//! The contract as JSON: what a router that serves its store and one that uses it say to each other.
//!
//! Values are base64, since they may be any bytes; numbers are plain. A watch is a line of JSON for each item. The
//! calls stand in `docs/openapi.json` below `/api/v1/store`.

mod base64;
mod calls;
mod contract;
mod forms;
mod key;
#[cfg(test)]
mod tests;

pub use self::{
    base64::Base64,
    calls::{CommitCall, GetAnswer, GetCall, LeaseAnswer, LeaseCall, ListAnswer, ListCall, WatchCall},
    contract::{About, CONTRACT, ROOT},
    forms::{CheckForm, EntryForm, EventForm, OutcomeForm, WatchForm, WriteForm},
    key::BadKey,
};
