//! What can be wrong with a message, and what a client is told about it.

use std::fmt;

/// Why a request is refused before anything of it is forwarded. The connection closes after the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestFault {
    /// Malformed, or ambiguous enough that two readers could differ.
    Malformed(&'static str),
    /// CONNECT and TRACE.
    MethodRefused,
    /// The target is longer than `target_bytes_max`.
    TargetTooLong,
    /// The head is longer than `header_bytes_max`.
    HeaderTooLong,
    /// More lines than `header_count_max`.
    HeaderTooMany,
    /// An Expect other than `100-continue`.
    ExpectationUnknown,
    /// A transfer coding other than chunked.
    CodingUnknown,
    /// A protocol other than `websocket` in an extended CONNECT (RFC 8441).
    ProtocolUnknown,
    /// Neither HTTP/1.0 nor HTTP/1.1.
    VersionUnknown,
}

impl RequestFault {
    /// The status that says so.
    pub fn status(self) -> u16 {
        match self {
            Self::Malformed(_) => 400,
            Self::MethodRefused => 405,
            Self::TargetTooLong => 414,
            Self::HeaderTooLong | Self::HeaderTooMany => 431,
            Self::ExpectationUnknown => 417,
            Self::CodingUnknown | Self::ProtocolUnknown => 501,
            Self::VersionUnknown => 505,
        }
    }

    /// What the client is told.
    pub fn detail(self) -> &'static str {
        match self {
            Self::Malformed(what) => what,
            Self::MethodRefused => "this method is not supported",
            Self::TargetTooLong => "the request target is too long",
            Self::HeaderTooLong => "the header is too long",
            Self::HeaderTooMany => "there are too many header lines",
            Self::ExpectationUnknown => "this value of Expect is not supported",
            Self::CodingUnknown => "this transfer coding is not supported",
            Self::ProtocolUnknown => "this protocol is not supported",
            Self::VersionUnknown => "this version of HTTP is not supported",
        }
    }
}

impl fmt::Display for RequestFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.detail())
    }
}

impl std::error::Error for RequestFault {}

/// Why a response, or the body of either side, cannot be taken further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub &'static str);
