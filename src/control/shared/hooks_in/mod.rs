//! Hooks in: what other systems may tell this router, how it knows them, and what it makes of it.

pub mod board;
pub mod delivery;
pub mod filter;
pub mod hook_in;
pub mod pattern;
pub mod secret;
pub mod sender;
pub mod template;
