//! The way from the admin port to the data plane, for hosts that show a track.

use std::net::SocketAddr;

/// The data plane's private listener.
#[derive(Clone)]
pub struct FrontDoor {
    /// Where it listens.
    pub address: SocketAddr,
    /// What proves that a request comes from here.
    pub secret: Box<str>,
}

impl std::fmt::Debug for FrontDoor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FrontDoor({})", self.address)
    }
}
