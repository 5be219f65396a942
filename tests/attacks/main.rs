//! Attacks on the running router: each stands for a kind, and must stay without effect. docs/security.md has the table.

mod admin_connections;
mod audit;
mod caps;
mod client_addresses;
mod damaged_store;
mod endpoints;
mod fleet;
mod framing;
mod guessing;
mod json_bodies;
mod limits_of_tokens;
mod listings;
mod loops;
mod metric_series;
mod operator;
mod passwords;
mod preview_links;
mod quotas;
mod redirects;
mod registration;
mod roles;
mod streams;
mod terminal;
mod together;
mod token_file;
mod two_apps;
