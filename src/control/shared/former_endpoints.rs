//! Former endpoints: the published table no longer names them, and something may still be open there.

use std::{sync::Arc, time::Duration};

use by_address::ByAddress;
use imbl::OrdMap;
use keyvalues::Revision;

use crate::{live::endpoints::EndpointState, rollout::app::AppName};

/// For how long a former endpoint is kept although nothing is open there: a request that was routed earlier may still be
/// on its way to it.
const SETTLED: Duration = Duration::from_secs(60);

/// An endpoint that the published table no longer names.
#[derive(Debug, Clone)]
pub struct FormerEndpoint {
    /// What is still open there.
    pub state: Arc<EndpointState>,
    /// The store revision of the first table without it.
    pub revision: Revision,
    /// When this router saw it go.
    pub since: Duration,
    /// When what is open there is ended; `None` if the endpoint came back, or if its app has ended.
    pub ends_at: Option<Duration>,
}

/// All former endpoints, by app.
pub type FormerEndpoints = OrdMap<AppName, ByAddress<Arc<Vec<FormerEndpoint>>>>;

impl FormerEndpoint {
    /// Whether nothing is open there, and no request can be on its way.
    pub fn is_settled(&self, now: Duration) -> bool {
        self.state.in_flight() == 0 && now.saturating_sub(self.since) >= SETTLED
    }
}
