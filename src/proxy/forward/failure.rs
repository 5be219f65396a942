//! What can go wrong with an exchange: who failed, and whether the request may be sent again.

use crate::proxy::codec::{fault::Malformed, head::Framing};

/// Why an exchange failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The endpoint refused the connection, or could not be reached.
    #[error("the endpoint cannot be reached")]
    Connect,
    /// Connecting took longer than `connect_ms`.
    #[error("connecting to the endpoint took too long")]
    ConnectTimeout,
    /// The endpoint did not prove in TLS who it is, or does not speak TLS.
    #[error("the TLS handshake with the endpoint failed: {0}")]
    Handshake(&'static str),
    /// The endpoint did nothing for the request: it said goodbye before, or refused the stream.
    #[error("the endpoint refused the request before it did anything for it")]
    Refused,
    /// The endpoint closed or reset the connection before a byte of its response.
    #[error("the endpoint closed the connection before its response")]
    Reset,
    /// The endpoint's response is malformed.
    #[error("the endpoint's response is malformed: {0}")]
    Malformed(&'static str),
    /// No first byte within `first_byte_ms`.
    #[error("the endpoint did not answer in time")]
    FirstByte,
    /// The candidate has not answered yet, and stable is asked as well.
    #[error("the candidate is silent")]
    Silent,
    /// The endpoint answered 502, 503 or 504, and stable will be asked instead.
    #[error("the endpoint answered {0}")]
    Status(u16),
    /// The endpoint ended a call of gRPC with UNAVAILABLE before it began an answer, and another one will be asked instead.
    #[error("the endpoint is unavailable for the call")]
    Unavailable,
    /// The endpoint does not have the asset that is asked for, and siblings may have it.
    #[error("the release does not have this asset")]
    Missing,
    /// The endpoint cut its response's body, or stopped sending it.
    #[error("the endpoint's response was cut: {0}")]
    BodyCut(&'static str),
    /// The endpoint has no room: its queue is full, or the wait was too long.
    #[error("the endpoint has too many requests")]
    Queue,
    /// This router has no descriptors or buffers left.
    #[error("the router is out of resources")]
    Resources,
    /// The client broke its request's body.
    #[error("the request's body is malformed: {0}")]
    RequestBody(&'static str),
    /// The request's body is longer than the app takes.
    #[error("the request's body is larger than `body_max`")]
    RequestLarge,
    /// The client did not send its body at the least rate.
    #[error("the request's body came too slowly")]
    RequestSlow,
    /// The client did not take the response at the least rate.
    #[error("the client took the response too slowly")]
    ResponseSlow,
    /// The time that the call's client gave it (`grpc-timeout`) is over.
    #[error("the call's deadline has passed")]
    Deadline,
    /// The client left.
    #[error("the client left")]
    ClientGone,
    /// The release ended: retired, aborted, rolled back.
    #[error("the release ended")]
    ReleaseEnded,
}

/// Whose fault it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The client.
    Downstream,
    /// The endpoint.
    Upstream,
    /// This router.
    Router,
}

impl Side {
    /// The word for it in logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Downstream => "client",
            Self::Upstream => "endpoint",
            Self::Router => "router",
        }
    }
}

impl Failure {
    /// Whose fault it is.
    pub fn side(self) -> Side {
        match self {
            Self::Connect
            | Self::ConnectTimeout
            | Self::Handshake(_)
            | Self::Refused
            | Self::Reset
            | Self::Malformed(_)
            | Self::FirstByte
            | Self::Status(_)
            | Self::Unavailable
            | Self::BodyCut(_) => Side::Upstream,
            Self::RequestBody(_)
            | Self::RequestLarge
            | Self::RequestSlow
            | Self::ResponseSlow
            | Self::Deadline
            | Self::ClientGone => Side::Downstream,
            Self::Silent | Self::Missing | Self::Queue | Self::Resources | Self::ReleaseEnded => Side::Router,
        }
    }

    /// The status a client gets when no byte of a response went to it yet.
    pub fn status(self) -> u16 {
        match self {
            Self::Connect
            | Self::Handshake(_)
            | Self::Reset
            | Self::Malformed(_)
            | Self::Status(_)
            | Self::BodyCut(_) => 502,
            Self::ConnectTimeout | Self::FirstByte | Self::Silent | Self::Deadline => 504,
            Self::Refused | Self::Unavailable | Self::Queue | Self::Resources | Self::ReleaseEnded => 503,
            Self::RequestBody(_) => 400,
            Self::RequestLarge => 413,
            Self::Missing => 404,
            Self::RequestSlow | Self::ResponseSlow => 408,
            Self::ClientGone => 499,
        }
    }

    /// The status that says best what the endpoint did: its own, or the one that stands for it.
    pub fn said(self) -> u16 {
        match self {
            Self::Status(status) => status,
            other => other.status(),
        }
    }

    /// Whether stable is asked instead, if the request may be sent there.
    pub fn worth_shielding(self) -> bool {
        self.timed_out()
            || self.is_refusal()
            || matches!(
                self,
                Self::Refused | Self::Unavailable | Self::Reset | Self::Malformed(_) | Self::Status(_)
            )
    }

    /// Whether no connection came about, so that the endpoint did nothing for the request.
    pub fn is_refusal(self) -> bool {
        matches!(self, Self::Connect | Self::Handshake(_))
    }

    /// Whether the client has waited already, so that no other endpoint of the same release is tried.
    pub fn timed_out(self) -> bool {
        matches!(self, Self::ConnectTimeout | Self::FirstByte)
    }

    /// Whether another attempt could succeed, if the request may be sent again.
    pub fn worth_repeating(self) -> bool {
        self.is_refusal()
            || matches!(
                self,
                Self::ConnectTimeout
                    | Self::Refused
                    | Self::Unavailable
                    | Self::Reset
                    | Self::Malformed(_)
                    | Self::Queue
            )
    }
}

impl From<Malformed> for Failure {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed.0)
    }
}

/// How far a request has got: decides with [`Failure::worth_repeating`] whether it is sent again.
#[derive(Debug, Clone, Copy)]
pub struct SendState {
    /// Some of it was sent.
    pub sent: bool,
    /// All of it is still held.
    pub held: bool,
    /// Repeating it has the effect of doing it once.
    pub idempotent: bool,
    /// Some of the final response went to the client.
    pub answered: bool,
}

impl SendState {
    /// The repeat rule: nothing was sent, or the method is idempotent and the body still held; and no byte of the final
    /// response went to the client.
    pub fn may_repeat(self) -> bool {
        !self.answered && self.held && (!self.sent || self.idempotent)
    }
}

/// Whether a request of this framing has a body.
pub fn has_body(framing: Framing) -> bool {
    !matches!(framing, Framing::None | Framing::Length(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repeat_rule() {
        let rule =
            |sent, held, idempotent, answered| SendState { sent, held, idempotent, answered }.may_repeat();
        assert!(rule(false, true, false, false), "nothing was sent");
        assert!(rule(true, true, true, false), "idempotent, body held");
        assert!(!rule(true, true, false, false), "a POST may have been done");
        assert!(!rule(true, false, true, false), "the body is gone");
        assert!(!rule(false, true, true, true), "the client has seen a response");
    }
}
