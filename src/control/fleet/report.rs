//! What this router writes about itself: its entry and its report.
//!
//! What is stored is compared with what should be stored, so it does not matter why they differ: something new is served,
//! an answer was lost, an operator removed a member that lives, a lease ended while the store was down.

use std::{sync::Arc, time::Duration};

use keyvalues::{Outcome, Write};
use tokio::{sync::watch, time::sleep};

use crate::control::{
    limits::{REPORT_AGAIN, REPORT_BYTES, REPORT_PAUSE_MAX, REPORT_RETRY, REPORT_SPACING},
    shared::{
        core::Core,
        entries::{encode, own_key},
        fleet::member::{Kind, Report},
    },
};

/// Keeps this router's entry and report in the store up to date.
pub struct Reporter {
    core: Core,
    serving: watch::Receiver<Arc<Report>>,
    changes: watch::Receiver<u64>,
    /// The report that was written last, and when (monotonic). The watch may not have brought it back yet.
    written: Option<(Arc<Report>, Duration)>,
}

impl Reporter {
    pub fn new(core: Core) -> Self {
        let (serving, changes) = (core.roster.serving(), core.roster.changes());
        Self { core, serving, changes, written: None }
    }

    pub async fn run(mut self) {
        loop {
            let pause = self.write_differences().await;
            sleep(pause).await;
            tokio::select! {
                // Both senders live as long as `core`.
                _ = self.serving.changed() => {}
                _ = self.changes.changed() => {}
                // Repeats what a lost answer or an outage left undone.
                () = sleep(REPORT_AGAIN) => {}
            }
        }
    }

    /// Writes what differs, and returns the pause until the next time.
    async fn write_differences(&mut self) -> Duration {
        // At the start nothing is served yet, and the fleet of another store is not this router's.
        if !self.core.replica.status.is_followed() || self.core.roster.epoch().is_empty() {
            return Duration::ZERO;
        }
        let report = Arc::clone(&self.serving.borrow_and_update());
        let others = self.core.roster.others();
        let writes = self.differences(&report, others);
        if writes.is_empty() {
            return Duration::ZERO;
        }
        let bytes: usize = writes.iter().filter_map(Write::value).map(<[u8]>::len).sum();
        match self.core.store.commit(Vec::new(), writes).await {
            Ok(Outcome::Done(_)) => {
                self.written = Some((report, self.core.clock.monotonic()));
                pause_of(others + 1, bytes)
            }
            // It may not be stored, or surely is not.
            Ok(Outcome::Conflict(_) | Outcome::Unknown(_)) | Err(_) => REPORT_RETRY,
        }
    }

    fn differences(&self, report: &Arc<Report>, others: usize) -> Vec<Write> {
        let own = self.core.roster.own();
        let mut writes = Vec::new();
        let mut put = |kind: Kind, json: Vec<u8>| {
            writes.push(Write::put(own_key(&kind.key(&self.core.node)), json));
        };
        let entry = self.core.own_entry();
        if own.entry.as_ref() != Some(&entry) {
            put(Kind::Entry, encode(&entry));
        }
        if others > 0 && own.report.as_deref() != Some(&**report) && !self.is_on_the_way(report) {
            put(Kind::Report, encode(&**report));
        }
        writes
    }

    fn is_on_the_way(&self, report: &Arc<Report>) -> bool {
        let now = self.core.clock.monotonic();
        self.written
            .as_ref()
            .is_some_and(|(written, at)| written == report && now.saturating_sub(*at) < REPORT_AGAIN)
    }
}

/// The pause after a report: the larger the fleet and the longer the report, the longer.
fn pause_of(members: usize, bytes: usize) -> Duration {
    let units = members.saturating_mul(1 + bytes / REPORT_BYTES);
    (REPORT_SPACING * u32::try_from(units).unwrap_or(u32::MAX)).min(REPORT_PAUSE_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fleet_of_any_size_writes_at_most_so_many_reports_a_second() {
        for members in [2, 5, 50, 300] {
            let pause = pause_of(members, 100).as_secs_f64();
            #[allow(clippy::cast_precision_loss, reason = "a few hundred")]
            let per_second = members as f64 / pause;
            assert!(per_second <= 200.1, "{members}: {per_second}");
        }
        assert!(pause_of(5, 100_000) > pause_of(5, 100) * 10);
        assert_eq!(pause_of(usize::MAX, usize::MAX), REPORT_PAUSE_MAX);
    }
}
