//! What an error of a stream means for the exchange.

use std::io;

/// An error as the exchange tells it: whether the endpoint did nothing for the request, so that it may be sent elsewhere.
pub fn io_error(error: &h2::Error) -> io::Error {
    // The stream was above the last that the endpoint took (RFC 9113 section 6.8), or it was refused (section 8.7).
    let goodbye = error.is_go_away() && error.is_remote() && error.reason() == Some(h2::Reason::NO_ERROR);
    let refused = error.is_reset() && error.is_remote() && error.reason() == Some(h2::Reason::REFUSED_STREAM);
    let kind =
        if goodbye || refused { io::ErrorKind::ConnectionRefused } else { io::ErrorKind::ConnectionReset };
    kind.into()
}
