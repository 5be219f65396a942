//! What is known of the fleet: what members report, and the roster that is made of it.

pub mod endpoint_loads;
pub mod evidence;
pub mod member;
pub mod past;
pub mod roster;
