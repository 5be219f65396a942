//! What operators and pipelines use: the API and who may, the command line, hooks, logs and metrics.

mod admin_tls;
mod api;
mod api_security;
mod command_line;
mod hooks;
mod hooks_in;
mod observability;
mod old_api;
mod packages;
