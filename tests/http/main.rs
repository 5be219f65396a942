//! HTTP as docs/http.md has it, and what the proxy does with good traffic.

mod activation;
mod app_settings;
mod back_pressure;
mod certificates;
mod client_certificates;
mod compression;
mod haproxy;
mod health_path;
mod http2;
mod http_requests;
mod http_responses;
mod logins;
mod origins;
mod proxying;
mod shutdown;
mod tls;
mod unix_sockets;
mod upstream;
