//! Who is at the other end of a client's connection.

use std::net::IpAddr;

/// Where a client came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// A front listener.
    Front,
    /// The private listener, where the admin port says whom it asks for.
    Admin,
    /// A host of the admin port that shows a track.
    Track(Track),
}

/// A track that a host of the admin port shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Track {
    /// `stable.`
    Stable,
    /// `candidate.`
    Candidate,
}

/// Who asked, as far as the router knows.
#[derive(Debug, Clone, Copy)]
pub struct Client {
    /// The address that connected.
    pub peer: IpAddr,
    /// The client's own address: the peer's, or behind trusted proxies what the last of them says.
    pub address: IpAddr,
    /// Whether `address` is the client's own: a trusted proxy may say of one that it does not know where it is.
    pub named: bool,
    /// The peer is a proxy whose forwarding headers are believed.
    pub trusted: bool,
    /// It came in TLS.
    pub secure: bool,
    /// Where it came in.
    pub door: Door,
}

impl Client {
    /// One whose peer speaks for itself.
    pub fn new(peer: IpAddr, trusted: bool, secure: bool, door: Door) -> Self {
        Self { peer, address: peer, named: true, trusted, secure, door }
    }
}
