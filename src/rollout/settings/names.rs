//! Names in settings: tokens and host names.

/// A token (RFC 9110 section 5.6.2), which is what RFC 6265 takes as a cookie's name.
pub(super) fn is_token(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(allowed)
}

/// Whether a text is a host name: labels of letters, digits, `-` and `_` (which service names do use), at most 63
/// long, 253 in all (RFC 1035 section 2.3.4); an IPv4 address is one too.
pub fn is_host(text: &str) -> bool {
    let label = |label: &str| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        (1..=63).contains(&label.len())
            && label.bytes().all(allowed)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(label)
}
