//! Hooks: what happens is told to real receivers, signed, in order, at least once, by one router of a fleet; and whoever may
//! not read or write them does not.

mod api;
mod header;
mod restart;
mod roles;
mod telling;
mod tokens;
mod verbs;
