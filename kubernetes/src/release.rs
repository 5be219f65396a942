//! A release of an app, as the labels of an EndpointSlice name it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::SocketAddr,
};

/// The label that names the app.
pub(crate) const APP_LABEL: &str = "rolling-router/app";
/// The label that names the release, by its short name or the segment of its id.
pub(crate) const RELEASE_LABEL: &str = "rolling-router/release";
/// The label that names the port, where a Service has several; it counts before `--port-name`.
pub(crate) const PORT_LABEL: &str = "rolling-router/port";

/// A release of an app.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Release {
    pub(crate) app: String,
    pub(crate) name: String,
}

/// The endpoints that each release should have. One whose set is empty has slices, and no address that takes requests.
pub(crate) type Wanted = BTreeMap<Release, BTreeSet<SocketAddr>>;

impl fmt::Display for Release {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "release `{}` of the app `{}`", self.name, self.app)
    }
}
