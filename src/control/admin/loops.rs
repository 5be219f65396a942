//! Requests that a router of this fleet made on behalf of an end user. The admin port is nobody's endpoint, so one that
//! comes here by way of a front shows that some endpoint leads here.

use axum::http::{HeaderMap, HeaderName};

use crate::{
    control::shared::{
        core::Core,
        error::{ApiError, Kind},
    },
    rollout::cdn_loop,
};

const CDN_LOOP: HeaderName = HeaderName::from_static("cdn-loop");

/// Refuses what has passed a router of this fleet.
pub fn refuse_forwarded(core: &Core, headers: &HeaderMap) -> Result<(), ApiError> {
    let values = headers.get_all(CDN_LOOP).into_iter();
    let mut nodes = values.flat_map(|value| cdn_loop::nodes(value.as_bytes()));
    match nodes.find(|node| core.roster.knows(node)) {
        None => Ok(()),
        Some(node) => {
            let message = format!(
                "the router {node} passed this request on as an end user's; an endpoint must not lead to an admin port"
            );
            Err(ApiError::new(Kind::Looped, message))
        }
    }
}
