//! A router whose app speaks with its endpoints by another protocol.

use serde_json::Value;
use std::net::SocketAddr;
use support::router::id;
use support::{RouterBuilder, router};

/// A router with these endpoints of the stable release, and these settings.
pub fn before(endpoints: &[SocketAddr], settings: &Value) -> RouterBuilder {
    let builder = release(router(), "v1", endpoints);
    let builder = builder.key("rolling/hello/stable/id", &id("v1"));
    builder.key("rolling/hello/settings", &settings.to_string())
}

/// The same with a release, on no track.
pub fn release(builder: RouterBuilder, release: &str, endpoints: &[SocketAddr]) -> RouterBuilder {
    endpoints.iter().enumerate().fold(builder, |builder, (n, address)| {
        builder.key(&format!("{}/c{n}", id(release)), &address.to_string())
    })
}
