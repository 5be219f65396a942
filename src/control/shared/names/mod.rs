//! Endpoints by name: the resolver that is asked, and the board of what it answered.

pub mod board;
pub mod resolver;
