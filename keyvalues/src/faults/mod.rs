//! A store that misbehaves on command, around any other store.
//!
//! Every fault is switched by a [`Faults`] handle and acts on the next operation, so a test says exactly what
//! breaks and when; nothing is random. Healthy, the wrapper passes everything through and conforms like the store
//! inside. Delays are tokio's time, so a paused clock makes them free.

mod handle;
mod store;
#[cfg(test)]
mod tests;
mod watch;

pub use self::{
    handle::{AnswerLoss, Disorder, Faults},
    store::FaultyStore,
};
