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
    /// The peer's address.
    pub address: IpAddr,
    /// The peer is a proxy whose forwarding headers are believed.
    pub trusted: bool,
    /// It came in TLS.
    pub secure: bool,
    /// Where it came in.
    pub door: Door,
}
