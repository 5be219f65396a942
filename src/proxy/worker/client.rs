//! Who sends requests on a connection, and where it came in.

use std::net::IpAddr;

use crate::live::handover::Track;

/// Where a connection came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// A front listener.
    Front,
    /// A host of the admin port that shows a track.
    Track(Track),
}

/// Who sends a request, as far as the router knows.
#[derive(Debug, Clone, Copy)]
pub struct Client {
    /// The address that connected.
    pub peer: IpAddr,
    /// The port of the peer, which tells its connections apart; 0 where nobody knows.
    pub peer_port: u16,
    /// The client's own address: the peer's, or behind trusted proxies what the last of them says.
    pub address: IpAddr,
    /// Whether `address` is the client's own: a trusted proxy may say of one that it does not know where it is.
    pub named: bool,
    /// The peer is a proxy whose forwarding headers are believed.
    pub trusted: bool,
    /// The client speaks https: the connection uses TLS, or a trusted proxy says that its own does.
    pub secure: bool,
    /// Where the connection came in.
    pub door: Door,
    /// The connection speaks HTTP/2, and not HTTP/1.
    pub http2: bool,
}

impl Client {
    /// One whose peer speaks for itself.
    pub fn new(peer: IpAddr, trusted: bool, secure: bool, door: Door) -> Self {
        Self { peer, peer_port: 0, address: peer, named: true, trusted, secure, door, http2: false }
    }
}
