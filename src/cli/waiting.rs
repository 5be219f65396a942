//! `--wait fleet`: an answer when every router applied a change, and how that is told.

use std::time::Duration;

use clap::Args;

use super::{
    client::{self, Request},
    duration,
};
use crate::schema::apply_status::ApplyStatus;

/// For whom an answer waits.
#[derive(Debug, Args)]
pub(super) struct WaitOptions {
    /// `fleet`: wait until every router applies it (exit code 6 if some have not said so in time). A time such as 30s: where
    /// a release becomes stable, wait that long until its endpoints pass the health check. Both can be given
    #[arg(long, value_name = "WHAT", value_parser = parse_wait)]
    wait: Vec<Wait>,

    /// How long to wait for them
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = duration::parse)]
    timeout: Duration,
}

impl WaitOptions {
    /// For nobody.
    #[cfg(test)]
    pub(super) fn none() -> Self {
        Self { wait: Vec::new(), timeout: Duration::ZERO }
    }

    /// Asks for an answer that waits, and waits for it.
    pub(super) fn ask(&self, request: &mut Request) {
        if self.wait.contains(&Wait::Fleet) {
            request.query.push(("wait", "fleet".to_owned()));
            request.query.push(("timeout", duration::seconds(self.timeout)));
            request.timeout = client::ANSWER + self.timeout;
        }
        if let Some(time) = self.gate() {
            request.timeout += time;
        }
    }

    /// How long the endpoints of a release that becomes stable may take until they pass.
    pub(super) fn gate(&self) -> Option<Duration> {
        self.wait.iter().find_map(|wait| match wait {
            Wait::Gate(time) => Some(*time),
            Wait::Fleet => None,
        })
    }
}

/// What an answer waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wait {
    /// Every router.
    Fleet,
    /// The endpoints of the release that becomes stable, for this time.
    Gate(Duration),
}

fn parse_wait(text: &str) -> Result<Wait, String> {
    match text {
        "fleet" => Ok(Wait::Fleet),
        time => duration::parse(time)
            .map(Wait::Gate)
            .map_err(|_| "allowed is `fleet`, or a time such as 30s".to_owned()),
    }
}

/// How far a change is applied, behind what was done; nothing if nobody asked.
pub(super) fn applied(applied: Option<&ApplyStatus>) -> String {
    match applied {
        Some(applied) if applied.text.is_empty() => {
            format!(", applied {} of {}", applied.applied, applied.members)
        }
        Some(applied) => format!(", {}", applied.text),
        None => String::new(),
    }
}

/// `fleet`, which is none, or a time.
pub(super) fn parse_fleet_or_time(text: &str) -> Result<Option<Duration>, String> {
    match text {
        "fleet" => Ok(None),
        time => duration::parse(time)
            .map(Some)
            .map_err(|_| "allowed is `fleet`, or a time such as 30s".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_for_the_fleet_waits_longer_for_the_answer() {
        let waiting = WaitOptions {
            wait: vec![Wait::Fleet, Wait::Gate(Duration::from_secs(30))],
            timeout: Duration::from_secs(90),
        };
        let mut request = Request::get(&[]);
        waiting.ask(&mut request);
        assert_eq!(request.query, [("wait", "fleet".into()), ("timeout", "90s".to_owned())]);
        assert_eq!(request.timeout, client::ANSWER + Duration::from_secs(120));
    }
}
