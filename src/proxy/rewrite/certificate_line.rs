//! What a head that goes upstream says of the client's certificate (RFC 9440).

/// What endpoints are told about the client's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateLine<'a> {
    /// Nothing: the app does not ask for one. What a trusted proxy says goes on.
    Unasked,
    /// Nothing: the client has none.
    Missing,
    /// This line.
    Shown(&'a [u8]),
}
