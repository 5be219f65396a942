//! What hooks are, what is told to them, and how far that went.

pub mod board;
pub mod claim;
pub mod event;
pub mod header;
pub mod hook;
pub mod message;
pub mod progress;
pub mod secret;

pub mod text;
