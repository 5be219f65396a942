//! Protocols to which a connection of HTTP/1.1 may be switched (RFC 9110 section 7.8). All others are not forwarded.

/// A protocol in which bytes go both ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// WebSockets (RFC 6455).
    WebSocket,
    /// Bytes without any form, as Docker's API has them.
    Tcp,
    /// What kubectl speaks with its API server.
    Spdy,
}

impl Protocol {
    /// The protocol that an Upgrade header names, if it names one of these and no other.
    pub fn of(value: &[u8]) -> Option<Self> {
        [Self::WebSocket, Self::Tcp, Self::Spdy]
            .into_iter()
            .find(|protocol| protocol.name().as_bytes().eq_ignore_ascii_case(value))
    }

    /// Its name in an Upgrade header.
    pub const fn name(self) -> &'static str {
        match self {
            Self::WebSocket => "websocket",
            Self::Tcp => "tcp",
            Self::Spdy => "SPDY/3.1",
        }
    }

    /// Appends the lines that ask for it, or agree to it.
    pub fn write(self, out: &mut Vec<u8>) {
        for part in ["connection: upgrade\r\nupgrade: ", self.name(), "\r\n"] {
            out.extend_from_slice(part.as_bytes());
        }
    }
}
