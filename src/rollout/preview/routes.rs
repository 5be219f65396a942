//! What an app's routes know of its preview grants.

use std::sync::Arc;

use super::{list::Previews, token::PreviewCodec};
/// An app's preview grants, ready for requests.
#[derive(Debug, Clone)]
pub struct PreviewRoutes {
    /// The live grants.
    pub live: Arc<Previews>,
    /// Verifies their tokens.
    pub codec: PreviewCodec,
}
