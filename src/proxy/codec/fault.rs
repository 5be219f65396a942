//! What can be wrong with a message, and what a client is told about it.

/// Why a request is refused before anything of it is forwarded. The connection closes after the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RequestFault {
    /// Malformed, or ambiguous enough that two readers could differ.
    #[error("{0}")]
    Malformed(&'static str),
    /// CONNECT and TRACE.
    #[error("this method is not supported")]
    MethodRefused,
    /// The target is longer than `target_bytes_max`.
    #[error("the request target is too long")]
    TargetTooLong,
    /// The head is longer than `header_bytes_max`.
    #[error("the header is too long")]
    HeaderTooLong,
    /// More lines than `header_count_max`.
    #[error("there are too many header lines")]
    HeaderTooMany,
    /// An Expect other than `100-continue`.
    #[error("this value of Expect is not supported")]
    ExpectationUnknown,
    /// A transfer coding other than chunked.
    #[error("this transfer coding is not supported")]
    CodingUnknown,
    /// Neither HTTP/1.0 nor HTTP/1.1.
    #[error("this version of HTTP is not supported")]
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
            Self::CodingUnknown => 501,
            Self::VersionUnknown => 505,
        }
    }
}

/// Why a response, or the body of either side, cannot be taken further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub &'static str);
