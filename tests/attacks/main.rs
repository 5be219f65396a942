//! Attacks on the running router: each stands for a kind, and must stay without effect. docs/security.md has the table.

mod client_addresses;
mod endpoints;
mod loops;
mod redirects;
