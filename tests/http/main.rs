//! HTTP as docs/http.md has it, and what the proxy does with good traffic.

mod back_pressure;
mod http_requests;
mod http_responses;
mod proxying;
mod shutdown;
mod tls;
