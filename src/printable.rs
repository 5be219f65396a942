//! Text from outside, made fit to be shown: what a terminal acts on, and what a reader cannot see, is escaped.
//!
//! A reason, a note or a name is chosen by whoever has a token. Printed as it came, it could recolour or retitle a terminal,
//! forge a line of its own, or turn the order of what stands beside it (bidirectional formatting).

use std::borrow::Cow;

/// Whether a character is hidden: it does something, and shows nothing.
pub fn is_hidden(char: char) -> bool {
    char.is_control()
        || matches!(
            char,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

/// The text with every hidden character escaped, line ends too: it stays on one line.
pub fn escaped(text: &str) -> Cow<'_, str> {
    replaced(text, is_hidden, |char, out| out.extend(char.escape_debug()))
}

/// The text with every hidden character but line ends and tabs escaped: as many lines as it has.
pub fn escaped_lines(text: &str) -> Cow<'_, str> {
    let hidden = |char| is_hidden(char) && !matches!(char, '\n' | '\t');
    replaced(text, hidden, |char, out| out.extend(char.escape_debug()))
}

/// A JSON text in which every hidden character of its strings is written as JSON writes it; it says the same.
pub fn escaped_json(text: &str) -> Cow<'_, str> {
    let hidden = |char| is_hidden(char) && !matches!(char, '\n' | '\r' | '\t');
    replaced(text, hidden, |char, out| {
        let mut units = [0; 2];
        for unit in char.encode_utf16(&mut units) {
            out.push_str(&format!("\\u{unit:04x}"));
        }
    })
}

/// Cuts a text to so many bytes at most, and no character in two.
pub fn cut(text: &mut String, bytes_max: usize) {
    if text.len() > bytes_max {
        let end = (0..=bytes_max).rev().find(|end| text.is_char_boundary(*end));
        text.truncate(end.unwrap_or(0));
    }
}

fn replaced(text: &str, hidden: impl Fn(char) -> bool, escape: impl Fn(char, &mut String)) -> Cow<'_, str> {
    if !text.contains(&hidden) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for char in text.chars() {
        if hidden(char) { escape(char, &mut out) } else { out.push(char) }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_acts_on_is_shown() {
        for (text, shown) in [
            ("plain, \"quoted\" and größer", "plain, \"quoted\" and größer"),
            ("\x1b]0;root@prod\x07", "\\u{1b}]0;root@prod\\u{7}"),
            ("one\ntwo\r\u{9b}2J", "one\\ntwo\\r\\u{9b}2J"),
            ("\u{202e}detcelfer\u{2066}\u{200b}", "\\u{202e}detcelfer\\u{2066}\\u{200b}"),
        ] {
            assert_eq!(escaped(text), shown);
        }
        assert_eq!(escaped_lines("one\n\ttwo\x1b[0m"), "one\n\ttwo\\u{1b}[0m");
    }

    #[test]
    fn json_says_the_same() {
        let text = "{\n  \"a\": \"\u{9b}31m \u{202e} \u{7f} \u{e0041} ü\"\n}";
        let shown = escaped_json(text);
        assert!(!shown.contains(|char| is_hidden(char) && char != '\n'), "{shown}");
        let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(value(&shown), value(text));
    }
}
