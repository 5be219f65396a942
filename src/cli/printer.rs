//! The one place that writes to standard output and standard error.
//!
//! Colour only where a person looks at it: a terminal, without `NO_COLOR`. A reader that goes away (`| head`) is
//! no error.
//!
//! Nothing but this file's own colours reaches a terminal as something to act on: every other hidden character is escaped
//! here, whoever chose it. Line ends are the verbs' own: in texts from a router they are escaped where its answer is read, in
//! words of the command line here.

use std::{
    borrow::Cow,
    cell::Cell,
    fmt::Display,
    io::{self, IsTerminal, Write},
};

use super::exit::Failure;
use crate::printable::{escaped, escaped_lines};

/// How a style begins, before its code.
const STYLE: &str = "\x1b[";
/// How every style ends.
const PLAIN: &str = "\x1b[0m";

/// Writes what a verb has to say.
#[derive(Debug)]
pub(super) struct Printer {
    colour: bool,
    json: Cell<bool>,
    /// Words of the command line with line ends in them, which a pipeline may have taken from elsewhere.
    words: Vec<String>,
}

/// How a word is set off.
#[derive(Debug, Clone, Copy)]
pub(super) enum Style {
    /// What it is about.
    Bold,
    /// What may be skipped.
    Faint,
    /// All is well.
    Good,
    /// Look here.
    Bad,
    /// Stable's colour.
    Stable,
    /// The candidate's colour.
    Candidate,
}

impl Printer {
    pub(super) fn new() -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let words = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned());
        let values = words.flat_map(|word| {
            let value = word.split_once('=').map(|(_, value)| value.to_owned());
            [Some(word), value].into_iter().flatten()
        });
        let words = values.filter(|word| word.contains(['\n', '\t'])).collect();
        Self { colour: wanted && io::stdout().is_terminal(), json: Cell::new(false), words }
    }

    /// Without colour, wherever it goes.
    #[cfg(test)]
    pub(super) fn plain() -> Self {
        Self { colour: false, json: Cell::new(false), words: Vec::new() }
    }

    /// One line, or several, to standard output.
    pub(super) fn line(&self, text: impl Display) {
        let _ = writeln!(io::stdout().lock(), "{}", shown(&self.with_words(text.to_string())));
    }

    /// Bytes as they are, to standard output.
    pub(super) fn bytes(&self, bytes: &[u8]) {
        let mut out = io::stdout().lock();
        let _ = out.write_all(bytes).and_then(|()| out.flush());
    }

    /// Whether a person reads standard output.
    pub(super) fn to_terminal(&self) -> bool {
        io::stdout().is_terminal()
    }

    /// From here on a program reads standard output.
    pub(super) fn expect_json(&self, json: bool) {
        self.json.set(json);
    }

    /// Whether a program reads standard output.
    pub(super) fn is_json(&self) -> bool {
        self.json.get()
    }

    /// A failure: as JSON to standard output if that was asked for, else as a sentence to standard error.
    pub(super) fn failure(&self, failure: &Failure) {
        if self.is_json() {
            self.line(failure.as_json());
        } else {
            let message = self.with_words(failure.message.clone());
            let _ = writeln!(io::stderr().lock(), "rolling-router: {}", escaped_lines(&message));
        }
    }

    /// Says something beside what a program reads.
    pub(super) fn note(&self, text: &str) {
        let text = self.with_words(text.to_owned());
        let _ = writeln!(io::stderr().lock(), "rolling-router: {}", escaped_lines(&text));
    }

    /// A text in which no word of the command line ends a line.
    fn with_words(&self, text: String) -> String {
        let replace = |text: String, word: &String| text.replace(word, &escaped(word));
        self.words.iter().fold(text, replace)
    }

    /// Sets a word off, if colour is wanted.
    pub(super) fn styled(&self, style: Style, text: impl Display) -> String {
        let code = style.code();
        if self.colour { format!("{STYLE}{code}m{text}{PLAIN}") } else { text.to_string() }
    }
}

impl Style {
    const ALL: [Self; 6] = [Self::Bold, Self::Faint, Self::Good, Self::Bad, Self::Stable, Self::Candidate];

    /// Its code in an escape sequence.
    const fn code(self) -> &'static str {
        match self {
            Self::Bold => "1",
            Self::Faint => "2",
            Self::Good => "32",
            Self::Bad => "31",
            Self::Stable => "1;34",
            Self::Candidate => "1;32",
        }
    }
}

/// A text with its styles, and everything else that is hidden in it escaped.
fn shown(text: &str) -> Cow<'_, str> {
    if !text.contains('\x1b') {
        return escaped_lines(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\x1b') {
        let (before, sequence) = rest.split_at(at);
        out += &escaped_lines(before);
        let length = style_length(sequence).unwrap_or(0);
        if length == 0 {
            out += "\\u{1b}";
        }
        out += &sequence[..length];
        rest = &sequence[length.max(1)..];
    }
    out += &escaped_lines(rest);
    out.into()
}

/// How long the style is that a text begins with.
fn style_length(text: &str) -> Option<usize> {
    if text.starts_with(PLAIN) {
        return Some(PLAIN.len());
    }
    let rest = text.strip_prefix(STYLE)?;
    let known = |style: &Style| rest.strip_prefix(style.code()).is_some_and(|rest| rest.starts_with('m'));
    let style = Style::ALL.into_iter().find(known)?;
    Some(STYLE.len() + style.code().len() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_colours_stay_and_everything_else_is_escaped() {
        let printer = Printer { colour: true, ..Printer::plain() };
        let line = format!(
            "{} by \x1b[31mroot\x1b]0;x\x07\u{202e}\n  {}",
            printer.styled(Style::Bold, "a"),
            "b\x1b"
        );
        assert_eq!(shown(&line), "\x1b[1ma\x1b[0m by \x1b[31mroot\\u{1b}]0;x\\u{7}\\u{202e}\n  b\\u{1b}");
        assert_eq!(shown("\x1b[2J \x1b[1;5m"), "\\u{1b}[2J \\u{1b}[1;5m");
        assert_eq!(shown("plain"), "plain");
    }
}
