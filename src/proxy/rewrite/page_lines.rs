//! The lines by which a page knows which release it is of, and until when it may stay: `Rolling-Release`, and
//! `Rolling-Moves-At` while that release drains.

use std::{
    io::Write as _,
    time::{Duration, UNIX_EPOCH},
};

use httpdate::HttpDate;

use crate::rollout::table::Standing;

const RELEASE: &[u8] = b"rolling-release";
const MOVES_AT: &[u8] = b"rolling-moves-at";
/// The end of the year 9999, Unix ms: dates of HTTP have years of four digits (RFC 9110 section 5.6.7).
const LAST_DATE_MS: u64 = 253_402_300_799_000;

/// What a page is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageLines<'a> {
    /// The id of its release.
    pub release: &'a str,
    /// When its client moves at the next navigation, Unix ms; none: it stays.
    pub moves_at: Option<u64>,
}

impl PageLines<'_> {
    /// Whether a line of this name is the router's alone.
    pub fn replaces(name: &[u8]) -> bool {
        name.eq_ignore_ascii_case(RELEASE) || name.eq_ignore_ascii_case(MOVES_AT)
    }

    /// Appends the lines.
    pub fn write(&self, out: &mut Vec<u8>) {
        for part in [RELEASE, b": ", self.release.as_bytes(), b"\r\n"] {
            out.extend_from_slice(part);
        }
        if let Some(ms) = self.moves_at {
            let date = HttpDate::from(UNIX_EPOCH + Duration::from_millis(ms.min(LAST_DATE_MS)));
            out.extend_from_slice(MOVES_AT);
            let _ = write!(out, ": {date}\r\n");
        }
    }
}

/// When the clients of a release move at their next navigation, Unix ms: once `drainseconds` have passed, or at its end.
pub fn moves_at(standing: Standing, drain_seconds: u32) -> Option<u64> {
    match standing {
        Standing::Draining { since, until } => {
            Some(since.saturating_add(u64::from(drain_seconds) * 1_000).min(until))
        }
        Standing::Stable | Standing::Candidate | Standing::Previous => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_told_when_its_client_moves() {
        let written = |moves_at| {
            let mut out = Vec::new();
            PageLines { release: "apps/a-1-80/containers", moves_at }.write(&mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(written(None), "rolling-release: apps/a-1-80/containers\r\n");
        let moving = written(Some(784_111_777_000));
        assert!(moving.ends_with("\r\nrolling-moves-at: Sun, 06 Nov 1994 08:49:37 GMT\r\n"), "{moving}");
        assert!(written(Some(u64::MAX)).contains("9999"), "a clock that is wrong breaks nothing");
        let draining = Standing::Draining { since: 5_000, until: 20_000 };
        assert_eq!((moves_at(draining, 10), moves_at(draining, 60)), (Some(15_000), Some(20_000)));
        assert_eq!(moves_at(Standing::Stable, 10), None);
        assert!(PageLines::replaces(b"Rolling-Moves-At") && !PageLines::replaces(b"x-rolling-release"));
    }
}
