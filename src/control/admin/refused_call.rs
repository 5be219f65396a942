//! What the log says of a call that was refused for who sent it.

use std::net::{IpAddr, SocketAddr};

use axum::{
    extract::{ConnectInfo, Request},
    http::Method,
    response::Response,
};

use super::client_address::client_address;
use crate::{control::shared::core::Core, schema::error::ErrorDetail};

/// The longest path that is told: longer ones are nobody's mistake.
const PATH_CHARS_MAX: usize = 200;

/// Whoever guesses tokens is told of by how many there were (`guard`), not once more for each.
const TOLD_BY_COUNT: u16 = 429;

/// A call below the API, as long as nobody knows how it ends; none for what anybody may have.
pub struct RefusedCall(Option<Call>);

struct Call {
    method: Method,
    /// Less its query, which may hold anything.
    path: String,
    client: Option<IpAddr>,
}

impl RefusedCall {
    /// The call that a request is.
    pub fn of(core: &Core, request: &Request) -> Self {
        let path = request.uri().path();
        if !["/api/", "/v1/"].iter().any(|root| path.starts_with(root)) {
            return Self(None);
        }
        let peer =
            request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_canonical());
        let trusted = &core.options.trusted_networks;
        Self(Some(Call {
            method: request.method().clone(),
            path: path.chars().take(PATH_CHARS_MAX).collect(),
            client: peer.map(|peer| client_address(request.headers(), peer, trusted)),
        }))
    }

    /// Counts it, and tells of it, if this answer refuses it.
    pub fn tell(self, core: &Core, response: &Response) {
        let status = response.status().as_u16();
        let Some(call) = self.0.filter(|_| core.refusals.count(status)) else { return };
        if status == TOLD_BY_COUNT {
            return;
        }
        let Some(left_out) = core.refusals.line(core.clock.monotonic()) else { return };
        let why = response.extensions().get::<ErrorDetail>().map(|error| error.message.as_str());
        tracing::warn!(
            client = call.client.map(|client| client.to_string()),
            method = %call.method,
            path = ?call.path,
            status,
            left_out,
            "a call was refused: {}",
            why.unwrap_or_default()
        );
    }
}
