//! Names in settings: tokens.

/// A token (RFC 9110 section 5.6.2), which is what RFC 6265 takes as a cookie's name.
pub(super) fn is_token(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(allowed)
}
