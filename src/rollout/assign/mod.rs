//! Assignment: which release and endpoint one request goes to, and why (docs/design.md section 5).
//!
//! The pin decides the release, or else the bucket does; then an endpoint is chosen inside that release. Everything that a
//! decision depends on is an argument, so the same call routes a request, explains one, and answers "what if". Three calls:
//! [`assign`] for a usual request, [`assign_shield`] for one that the candidate failed, [`assign_override`] for one whose
//! release a tester chose. A client that is known by a header or its address ([`PinEvidence::Hashed`]) has no pin: its
//! bucket and its endpoint follow from a hash, so no release drains for it.

mod assignment;
mod decide;
mod draw;
mod endpoints;
mod evidence;
mod health;
mod reason;
mod shield;
mod testers;
#[cfg(test)]
mod tests;

pub use self::{
    assignment::{Assignment, PinChange, Unroutable},
    decide::assign,
    draw::{Draw, NewClient},
    endpoints::{another_endpoint, last_endpoint, suspected_endpoint},
    evidence::{PinEvidence, RequestFacts},
    health::Health,
    reason::Reason,
    shield::assign_shield,
    testers::assign_override,
};
