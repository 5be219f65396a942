//! Why the program cannot start, and the exit code of that: the numbers of rolling-router's own command line.

use std::{
    error::Error,
    io::{self, Write as _},
    process::ExitCode,
};

/// Something on this machine failed.
const FAILED: u8 = 1;
/// The command line or a file that it names is wrong.
const USAGE: u8 = 2;

/// Why the program cannot start.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    /// For the person who has to act.
    message: String,
}

impl Failure {
    /// Something on this machine failed.
    pub(crate) fn here(message: impl Into<String>) -> Self {
        Self { code: FAILED, message: message.into() }
    }

    /// The command line, or what it leads to, is wrong.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { code: USAGE, message: message.into() }
    }

    /// Says it on standard error.
    pub(crate) fn tell(self) -> ExitCode {
        // Where nobody reads it the exit code still tells.
        let _ = writeln!(io::stderr(), "error: {}", self.message);
        self.code.into()
    }
}

/// The cause at the bottom, which is what happened; the layers above only say where.
pub(crate) fn innermost(error: &dyn Error) -> String {
    let mut error = error;
    while let Some(cause) = error.source() {
        error = cause;
    }
    one_line(&error.to_string())
}

/// A text of somebody else, without what would begin another line of the log or be acted on by a terminal.
pub(crate) fn one_line(text: &str) -> String {
    text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
