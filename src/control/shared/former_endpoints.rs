//! Endpoints that no table names any more, and where something may still be open.

use std::{sync::Arc, time::Duration};

use keyvalues::Revision;

use crate::{blocks::BlockMap, live::endpoints::EndpointState, rollout::app::AppName};

/// How long an endpoint that is gone is remembered although nothing is open there: a request that was routed before
/// may still be on its way to it.
const SETTLED: Duration = Duration::from_secs(60);

/// An endpoint that no table names any more.
#[derive(Debug, Clone)]
pub struct FormerEndpoint {
    /// What is still open there.
    pub state: Arc<EndpointState>,
    /// The store revision of the first table without it.
    pub revision: Revision,
    /// When this router saw it go.
    pub since: Duration,
    /// When what is open ends; none where it came back, or where its app is gone.
    pub ends_at: Option<Duration>,
}

/// The endpoints that no table names, and where something may still be open, by app.
pub type FormerEndpoints = BlockMap<AppName, Arc<Vec<FormerEndpoint>>>;

impl FormerEndpoint {
    /// Nothing is open there, nor on its way.
    pub fn is_settled(&self, now: Duration) -> bool {
        self.state.in_flight() == 0 && now.saturating_sub(self.since) >= SETTLED
    }
}
