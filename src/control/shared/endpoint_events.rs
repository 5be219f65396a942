//! The number of each app's newest event about endpoints, as the watch tells of it.

use std::collections::HashMap;

use keyvalues::Listing;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::rollout::{
    app::AppName,
    keys::{self, Meaning},
};

/// The newest numbers. An app that is made anew goes on above the numbers of the one before it.
#[derive(Debug, Default)]
pub struct NewestEvents {
    numbers: Mutex<HashMap<AppName, u64>>,
    changed: watch::Sender<()>,
}

impl NewestEvents {
    /// The number of the newest event of an app; 0 if there is none.
    pub fn of(&self, app: &AppName) -> u64 {
        self.numbers.lock().get(app).copied().unwrap_or(0)
    }

    /// An event was written.
    pub fn note(&self, app: AppName, number: u64) {
        let mut newest = self.numbers.lock();
        let known = newest.entry(app).or_insert(0);
        *known = number.max(*known);
        drop(newest);
        self.changed.send_replace(());
    }

    /// Tells of each event. The table may stay as it is: that a pipeline has taken the lock changes no route.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Everything was listed.
    pub fn replace(&self, listing: &Listing) {
        self.numbers.lock().clear();
        for entry in &listing.entries {
            if let Some(Meaning::EndpointEvent(app, number)) = keys::meaning(entry.key.as_str()) {
                self.note(app, number);
            }
        }
    }
}
