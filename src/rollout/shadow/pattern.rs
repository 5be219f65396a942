//! The path of a request, with what names one thing among many as `*`, so that requests for the same kind of thing are one.

/// The longest pattern, in characters.
const PATTERN_CHARS_MAX: usize = 200;
/// The longest segment that is a word. Longer ones are names of things.
const WORD_CHARS_MAX: usize = 32;

/// `/orders/8417/items?page=2` is `/orders/*/items`.
pub fn pattern_of(target: &str) -> String {
    let path = target.split(['?', '#']).next().unwrap_or_default();
    let segments: Vec<&str> =
        path.split('/').map(|segment| if names_a_thing(segment) { "*" } else { segment }).collect();
    segments.join("/").chars().take(PATTERN_CHARS_MAX).collect()
}

/// Numbers, ids and long names. A version such as `v2` is a word.
fn names_a_thing(segment: &str) -> bool {
    let bytes = segment.as_bytes();
    let version = bytes.len() <= 3 && bytes.first() == Some(&b'v');
    segment.len() > WORD_CHARS_MAX || !version && bytes.iter().any(u8::is_ascii_digit)
}
