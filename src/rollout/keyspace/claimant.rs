//! An app as it claims hosts, paths and cookies.

use std::sync::Arc;

use crate::rollout::{app::AppName, settings::Settings};

/// One app's claims.
pub(super) struct Claimant<'a> {
    pub(super) name: &'a AppName,
    pub(super) settings: &'a Arc<Settings>,
    /// Whether it is routed. An app that is not yet owns its hosts all the same, and has no path.
    pub(super) is_routed: bool,
    /// When its settings were written (store revision): the order in which claims count.
    pub(super) modified: u64,
}
