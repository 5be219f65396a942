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
    /// Wait until every router applies it (exit code 6 if some have not said so in time)
    #[arg(long, value_name = "WHOM", value_parser = ["fleet"])]
    wait: Option<String>,

    /// How long to wait for them
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = duration::parse)]
    timeout: Duration,
}

impl WaitOptions {
    /// For nobody.
    #[cfg(test)]
    pub(super) fn none() -> Self {
        Self { wait: None, timeout: Duration::ZERO }
    }

    /// Asks for an answer that waits, and waits for it.
    pub(super) fn ask(&self, request: &mut Request) {
        if let Some(whom) = &self.wait {
            request.query.push(("wait", whom.clone()));
            request.query.push(("timeout", duration::seconds(self.timeout)));
            request.timeout = client::ANSWER + self.timeout;
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_for_the_fleet_waits_longer_for_the_answer() {
        let waiting = WaitOptions { wait: Some("fleet".into()), timeout: Duration::from_secs(90) };
        let mut request = Request::get(&[]);
        waiting.ask(&mut request);
        assert_eq!(request.query, [("wait", "fleet".into()), ("timeout", "90s".to_owned())]);
        assert_eq!(request.timeout, client::ANSWER + Duration::from_secs(90));
    }
}
