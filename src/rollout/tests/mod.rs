//! What tests of the pure core share, and what holds across its modules.

pub(super) mod fixture;
mod properties;
