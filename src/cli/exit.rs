//! How a verb ends: exit codes a pipeline can branch on, and what is said when it fails.

use std::process::ExitCode;

/// How a verb ended. The numbers are part of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done, or there was nothing to do.
    Done = 0,
    /// Something on this machine failed.
    Failed = 1,
    /// The command line or the configuration is wrong.
    Usage = 2,
    /// The router or its store cannot be reached; try again later.
    Unreachable = 3,
    /// The router refused: not allowed now, not a valid value, or somebody else was first.
    Refused = 4,
    /// No token, an unknown one, or one that may not do this.
    Unauthorised = 5,
    /// Done, but not every router has said that it applies it.
    NotEverywhere = 6,
}

impl Exit {
    /// What an HTTP status of the API means for a pipeline.
    pub(super) fn of_status(status: u16) -> Self {
        match status {
            202 => Self::NotEverywhere,
            200..=299 => Self::Done,
            401 | 403 | 429 => Self::Unauthorised,
            // What this router cannot do, or leads back to it, it cannot do later either.
            501 | 508 => Self::Refused,
            500..=599 => Self::Unreachable,
            _ => Self::Refused,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a verb failed.
#[derive(Debug)]
pub(super) struct Failure {
    /// What it exits with.
    pub(super) exit: Exit,
    /// For the person who has to act.
    pub(super) message: String,
    /// The answer for a program, if it asked for JSON.
    pub(super) json: Option<String>,
    /// The status of a router's refusal.
    pub(super) status: Option<u16>,
}

impl Failure {
    /// A failure with this exit code.
    pub(super) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), json: None, status: None }
    }

    /// Whether a router refused a change because somebody else was first.
    pub(super) fn is_stale(&self) -> bool {
        self.status == Some(412)
    }

    /// Something on this machine failed.
    pub(super) fn here(message: impl Into<String>) -> Self {
        Self::new(Exit::Failed, message)
    }

    /// The command line is wrong in a way only known now.
    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// The same for a program that asked for JSON: the API's own error, or one of the same shape.
    pub(super) fn as_json(&self) -> String {
        let code = match self.exit {
            Exit::Unreachable => "unreachable",
            Exit::Unauthorised => "unauthorised",
            Exit::Usage => "usage",
            Exit::Refused => "refused",
            Exit::Done | Exit::Failed | Exit::NotEverywhere => "failed",
        };
        let message = &self.message;
        let made = || serde_json::json!({ "error": { "code": code, "message": message } }).to_string();
        self.json.clone().unwrap_or_else(made)
    }

    /// An error with everything that caused it, outermost first.
    pub(super) fn chain(exit: Exit, error: &dyn std::error::Error) -> Self {
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            let text = error.to_string();
            // Some libraries repeat the cause in their own words.
            if !message.ends_with(&text) {
                message = format!("{message}: {text}");
            }
            cause = error.source();
        }
        Self::new(exit, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_of_the_api_has_its_exit_code() {
        let of = |status| Exit::of_status(status) as u8;
        assert_eq!([200, 202].map(of), [0, 6]);
        assert_eq!([400, 404, 409, 412, 415, 421, 422, 423, 428, 501, 508].map(of), [4; 11]);
        assert_eq!([401, 403, 429].map(of), [5; 3]);
        assert_eq!([500, 502, 503, 507].map(of), [3; 4]);
    }

    #[test]
    fn json_keeps_the_routers_own_words() {
        let mut failure = Failure::new(Exit::Refused, "no");
        failure.json = Some("{\"error\":1}".into());
        assert_eq!(failure.as_json(), "{\"error\":1}");
        let made = Failure::new(Exit::Unreachable, "gone").as_json();
        assert_eq!(made, r#"{"error":{"code":"unreachable","message":"gone"}}"#);
    }
}
