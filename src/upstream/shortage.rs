//! Whether this machine ran out of something when a connection could not be opened.

use std::io;

/// Whether this machine ran out of descriptors, ports or memory, which says nothing about the endpoint.
pub fn is_shortage(error: &io::Error) -> bool {
    // ENFILE, EMFILE: the standard library has no names for them.
    let descriptors = matches!(error.raw_os_error(), Some(23 | 24));
    descriptors || matches!(error.kind(), io::ErrorKind::OutOfMemory | io::ErrorKind::AddrNotAvailable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_endpoint_does_is_no_shortage() {
        assert!(is_shortage(&io::Error::from_raw_os_error(24)));
        assert!(!is_shortage(&io::ErrorKind::ConnectionRefused.into()));
        assert!(!is_shortage(&io::ErrorKind::TimedOut.into()));
    }
}
