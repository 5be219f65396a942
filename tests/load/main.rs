//! Releasing under load: keep-alive clients with pins ask all the time while commands run one after the other. No request
//! fails, no connection is closed, nobody is on a release that the table does not allow; and a router that is killed in
//! the middle of it comes back with the old state or the new one, never with a mix.
//!
//! Beside it: a random life held against a model, mixed load that may leave nothing behind, slow clients, descriptors that
//! run out. Counts are reduced by default; `tests/run --long` runs them in full.

mod comebacks;
mod descriptors;
mod failures;
mod kill;
mod memory;
mod model;
mod moves;
mod restarts;
mod service_manager;
mod slow_clients;
mod soak;
mod streams;
mod upgrades;
