//! Containers of others that are endpoints because their labels say so.

use std::{net::SocketAddr, time::Duration};

use crate::{
    engine::{Container, Engine, LABEL_APP, LABEL_PORT, LABEL_RELEASE, Signal},
    rollout::app::AppName,
};

/// How long an engine lets a container go on after its signal, unless the container says otherwise.
const STOP_TIMEOUT_DEFAULT: Duration = Duration::from_secs(10);

/// A container that is to be an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adopted {
    pub app: AppName,
    /// The release as the label names it.
    pub release: String,
    pub address: SocketAddr,
}

impl Adopted {
    /// Reads a container. None: it is not to be an endpoint, or not now.
    ///
    /// # Errors
    /// Its labels say that it is, and not at which port.
    pub fn read(container: &Container, engine: &Engine) -> Result<Option<Self>, String> {
        let (Some(app), Some(release)) = (container.label(LABEL_APP), container.label(LABEL_RELEASE)) else {
            return Ok(None);
        };
        let Ok(app) = app.parse::<AppName>() else { return Ok(None) };
        // What the router started is registered by whoever started it.
        if container.is_ours() || !engine.policy().adopts(&app) || !container.is_running() {
            return Ok(None);
        }
        let port = match container.label(LABEL_PORT) {
            Some(text) => text.parse().ok().filter(|port| *port > 0).ok_or_else(|| {
                format!(
                    "its label {LABEL_PORT} is `{}`; allowed: a port from 1 to 65535",
                    text.escape_debug()
                )
            })?,
            None => container.only_port().ok_or_else(|| {
                format!("it names no port, or several; say by the label {LABEL_PORT} which one serves")
            })?,
        };
        let address = container.address(port, engine.network()).ok_or_else(|| match engine.network() {
            Some(network) => format!("it is not in the network {network} of the engine"),
            None => format!("its port {port} is not published"),
        })?;
        Ok(Some(Self { app, release: release.to_owned(), address }))
    }
}

/// Whether a signal asks a container to end: those that always do, and the one that its image names for it.
pub fn is_end(signal: Option<Signal>, container: &Container) -> bool {
    signal.is_some_and(|signal| signal.ends() || Some(signal) == container.stop_signal)
}

/// How long a container may go on after such a signal.
pub fn stop_timeout(container: &Container) -> Duration {
    container.stop_timeout.unwrap_or(STOP_TIMEOUT_DEFAULT)
}
