//! Tokens of preview links, which stay out of the log however the link was mistyped: whoever reads a log could else use them.

use std::borrow::Cow;

use crate::rollout::preview::TOKEN_CHARS;

/// How many characters may be missing at a token's end, or be too many: a link that was copied in a hurry.
const SLIP_CHARS: usize = 6;
/// What stays of a token: not enough to use it, and enough to see that it was one.
const SHOWN_CHARS: usize = 2;

/// A target or a Referer less what has the form of a preview link's token.
pub fn without_tokens(text: &[u8]) -> Cow<'_, [u8]> {
    // Most are shorter than a token alone.
    if text.len() < TOKEN_CHARS - SLIP_CHARS { Cow::Borrowed(text) } else { searched(text) }
}

fn searched(text: &[u8]) -> Cow<'_, [u8]> {
    let mut out = Vec::new();
    let mut kept = 0;
    let mut at = 0;
    while at < text.len() {
        let length = text[at..].iter().position(|byte| !is_of_a_token(*byte)).unwrap_or(text.len() - at);
        if is_token(&text[at..at + length]) {
            out.extend_from_slice(&text[kept..at + SHOWN_CHARS]);
            out.extend_from_slice(b"...");
            kept = at + length;
        }
        at += length + 1;
    }
    if kept == 0 {
        return Cow::Borrowed(text);
    }
    out.extend_from_slice(&text[kept..]);
    out.into()
}

/// Characters of base64url.
fn is_of_a_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

/// Whether a word has a token's length and begins as every token does: its first byte is the format, 2.
fn is_token(word: &[u8]) -> bool {
    (TOKEN_CHARS - SLIP_CHARS..=TOKEN_CHARS + SLIP_CHARS).contains(&word.len())
        && word[0] == b'A'
        && (b'g'..=b'v').contains(&word[1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_left_out_wherever_it_stands_and_nothing_else_is() {
        let token = format!("Ag{}", "x-_9".repeat(16).get(..62).unwrap());
        for (before, after) in
            [("/_rolling/preveiw?token=", "&to=/shop"), ("/", ""), ("http://h/a?b=", "%20"), ("/?t=", "/")]
        {
            let shown = without_tokens(format!("{before}{token}{after}").as_bytes()).into_owned();
            assert_eq!(String::from_utf8(shown).unwrap(), format!("{before}Ag...{after}"));
        }
        let short = format!("/?token={}", &token[..60]);
        assert_eq!(&*without_tokens(short.as_bytes()), b"/?token=Ag...");
        let twice = format!("/{token}?{token}");
        assert_eq!(&*without_tokens(twice.as_bytes()), b"/Ag...?Ag...");
        for text in [
            "",
            "/",
            &format!("/{}", "a".repeat(64)),
            &format!("/{token}{token}"),
            &format!("/?jwt=ey{}.{}", "J".repeat(70), "A".repeat(80)),
        ] {
            assert_eq!(&*without_tokens(text.as_bytes()), text.as_bytes());
        }
    }
}
