//! Why a check failed, and how much of an answer is looked at.

use std::{io, time::Duration};

use crate::client_tls::HandshakeFault;

/// How long a check that has its result still waits for the end of the response, so that it can close in order.
pub const CLOSE_MAX: Duration = Duration::from_secs(1);
/// How much of a body is searched for `body_contains`, in bytes: a page that says how a service does is shorter.
pub const BODY_BYTES_MAX: usize = 65_536;

/// Why a check failed. What it prints stands in the API, `status` and the GUI.
#[derive(Debug, thiserror::Error)]
pub enum CheckFailure {
    /// Nothing listens there.
    #[error("refused the connection")]
    Refused,
    /// No connection could be opened.
    #[error("cannot be reached: {0}")]
    Unreachable(io::Error),
    /// It did not prove in TLS who it is.
    #[error("failed the TLS handshake: {0}")]
    Handshake(#[from] HandshakeFault),
    /// The time-out, in ms, has passed.
    #[error("did not answer within {0} ms")]
    Late(u64),
    /// The connection ended before the response did.
    #[error("closed the connection without an answer")]
    Closed,
    /// What it sent is no response.
    #[error("answered something that is not HTTP/1.1")]
    NotHttp,
    /// What it sent is not HTTP/2, which the app's endpoints are said to speak.
    #[error("answered something that is not HTTP/2")]
    NotHttp2,
    /// What it sent is no answer of the health protocol of gRPC.
    #[error("answered something that is not the health protocol of gRPC")]
    NotGrpc,
    /// A service that does not serve, by the health protocol of gRPC; with an empty name, the server.
    #[error("{} answered {said}", named(service))]
    #[allow(missing_docs, reason = "they are named in the message")]
    Grpc { service: String, said: String },
    /// A status that the setting `health.status` does not allow.
    #[error("{path} answered {status}; allowed is {allowed}")]
    #[allow(missing_docs, reason = "they are named in the message")]
    Status { path: String, status: u16, allowed: String },
    /// The setting `health.body_contains` names a text that is not there.
    #[allow(missing_docs, reason = "they are named in the message")]
    #[error("{path} answered {status}, and its body does not contain `{wanted}`")]
    Body { path: String, status: u16, wanted: String },
    /// The settings make no valid request.
    #[error("cannot be asked: {0}")]
    Request(#[from] http::Error),
}

fn named(service: &str) -> String {
    if service.is_empty() { "the server of gRPC".into() } else { format!("the service `{service}` of gRPC") }
}

impl CheckFailure {
    /// What the system said when no connection could be opened, which may be this machine's fault.
    pub fn system_error(&self) -> Option<&io::Error> {
        match self {
            Self::Unreachable(error) => Some(error),
            _ => None,
        }
    }

    /// No connection could be opened.
    pub fn of_connect(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::Refused,
            _ => Self::Unreachable(error),
        }
    }

    /// The exchange broke off.
    pub fn of_exchange(error: &hyper::Error) -> Self {
        if error.is_parse() { Self::NotHttp } else { Self::Closed }
    }
}
