//! The labels by which containers of apps are known.

/// The label that names a container's app.
pub const LABEL_APP: &str = "rolling.app";
/// The label that names a container's release.
pub const LABEL_RELEASE: &str = "rolling.release";
/// The label that names the port which a container of somebody else serves on.
pub const LABEL_PORT: &str = "rolling.port";
/// The label that names a container's deployment. What does not carry it is not ours to stop.
pub const LABEL_DEPLOYMENT: &str = "rolling.deployment";
/// The label that tells the containers of one stored deployment from those of another with its id: two fleets may use one engine.
pub const LABEL_MARK: &str = "rolling.mark";
