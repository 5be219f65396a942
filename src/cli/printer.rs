//! The one place that writes to standard output and standard error.
//!
//! Colour only where a person looks at it: a terminal, without `NO_COLOR`. A reader that goes away (`| head`) is
//! no error.

use std::{
    cell::Cell,
    fmt::Display,
    io::{self, IsTerminal, Write},
};

use super::exit::Failure;

/// Writes what a verb has to say.
#[derive(Debug)]
pub(super) struct Printer {
    colour: bool,
    json: Cell<bool>,
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
        Self { colour: wanted && io::stdout().is_terminal(), json: Cell::new(false) }
    }

    /// Without colour, wherever it goes.
    #[cfg(test)]
    pub(super) fn plain() -> Self {
        Self { colour: false, json: Cell::new(false) }
    }

    /// One line, or several, to standard output.
    pub(super) fn line(&self, text: impl Display) {
        let _ = writeln!(io::stdout().lock(), "{text}");
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
            let _ = writeln!(io::stderr().lock(), "rolling-router: {}", failure.message);
        }
    }

    /// Sets a word off, if colour is wanted.
    pub(super) fn styled(&self, style: Style, text: impl Display) -> String {
        let code = match style {
            Style::Bold => "1",
            Style::Faint => "2",
            Style::Good => "32",
            Style::Bad => "31",
            Style::Stable => "1;34",
            Style::Candidate => "1;32",
        };
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
    }
}
