//! How host names are spelled, wherever people write them.

/// The longest host name, without a dot at its end (RFC 1035 section 2.3.4).
pub const HOST_CHARS_MAX: usize = 253;

/// The longest label of one (RFC 1035 section 2.3.4).
pub const LABEL_CHARS_MAX: usize = 63;

/// Whether a text is a host name: labels with dots between them; an IPv4 address is one too.
pub fn is_host(text: &str) -> bool {
    text.len() <= HOST_CHARS_MAX && text.split('.').all(is_label)
}

/// Whether a text is a label of a host name: letters, digits and `-` as RFC 1123 section 2.1 says, and `_`, which names of
/// services do use.
pub fn is_label(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    (1..=LABEL_CHARS_MAX).contains(&text.len())
        && text.bytes().all(allowed)
        && !text.starts_with('-')
        && !text.ends_with('-')
}
