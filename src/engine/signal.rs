//! Signals, by the names that an engine knows them by.

use std::fmt;

use super::refusal::Refusal;

/// The signals that a container may be sent, with their numbers on Linux.
const SIGNALS: [(&str, u8); 12] = [
    ("HUP", 1),
    ("INT", 2),
    ("QUIT", 3),
    ("ABRT", 6),
    ("KILL", 9),
    ("USR1", 10),
    ("USR2", 12),
    ("ALRM", 14),
    ("TERM", 15),
    ("CONT", 18),
    ("STOP", 19),
    ("WINCH", 28),
];

/// Those that end a process as a rule.
const ENDING: [&str; 4] = ["TERM", "INT", "QUIT", "KILL"];

/// A signal. `SIGTERM`, `term` and `15` are the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Signal(&'static str, u8);

impl Signal {
    /// What ends a container that says nothing else.
    pub const TERM: Self = Self("TERM", 15);

    /// Its name, such as `SIGTERM`.
    pub fn name(self) -> String {
        format!("SIG{}", self.0)
    }

    /// Whether a process ends by it as a rule, whatever its image says.
    pub fn ends(self) -> bool {
        ENDING.contains(&self.0)
    }
}

impl std::str::FromStr for Signal {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        let upper = text.trim().to_ascii_uppercase();
        let name = upper.strip_prefix("SIG").unwrap_or(&upper);
        let is_meant = |(known, number): &&(&str, u8)| *known == name || upper.parse() == Ok(*number);
        let found = SIGNALS.iter().find(is_meant);
        let allowed = || format!("one of {}", SIGNALS.map(|(name, _)| format!("SIG{name}")).join(", "));
        found.map(|(name, number)| Self(name, *number)).ok_or_else(|| Refusal::new("signal", text, allowed()))
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SIG{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_has_three_spellings() {
        let read = |text: &str| text.parse::<Signal>();
        assert_eq!(read("SIGTERM").unwrap(), Signal::TERM);
        assert_eq!(read("term").unwrap(), Signal::TERM);
        assert_eq!(read("15").unwrap(), Signal::TERM);
        assert!(read("HUP").is_ok_and(|signal| !signal.ends()));
        assert!(read("9").is_ok_and(Signal::ends));
        assert!(read("SIGNOTHING").unwrap_err().to_string().contains("one of SIGHUP, SIGINT"));
    }
}
