//! The HTTP API as its callers rely on it: shapes, statuses, compare-and-set, roles, history, the live stream, raw keyvalues.

mod commands;
mod description;
mod history;
mod keyvalues;
mod locks;
mod roles;
mod settings;
mod state;
mod stream;
