//! Preview grants: what lets a tester see a release that the blend would not show them (docs/design.md section 5).
//!
//! A grant is two things that must agree: a signed [token](token) that only its holder has, and an entry in the list of
//! the app's live grants that every router of a fleet reads. Removing the entry revokes the token everywhere. A token
//! cannot be made from what the list holds.

mod id;
mod list;
mod routes;
#[cfg(test)]
mod tests;
mod token;

pub use self::{
    id::{PreviewId, PreviewIdError},
    list::{Preview, Previews},
    routes::PreviewRoutes,
    token::{PreviewCodec, PreviewToken, TOKEN_CHARS},
};

/// The path of a preview link, on the front port. Its query is `token=` and the token, then perhaps `&to=` and a path.
pub const PREVIEW_PATH: &str = "/_rolling/preview";

/// The tester's cookie is named like the app's pin cookie, with this suffix. So apps that share a host stay apart.
pub const COOKIE_SUFFIX: &str = "_preview";
