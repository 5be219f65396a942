//! The number of each app's newest event about endpoints, as the watch tells of it.

use std::collections::HashMap;

use keyvalues::Listing;
use parking_lot::Mutex;

use crate::rollout::{
    app::AppName,
    keys::{self, Meaning},
};

/// The newest numbers. An app that is made anew goes on above the numbers of the one before it.
#[derive(Debug, Default)]
pub struct NewestEvents(Mutex<HashMap<AppName, u64>>);

impl NewestEvents {
    /// The number of the newest event of an app; 0 if there is none.
    pub fn of(&self, app: &AppName) -> u64 {
        self.0.lock().get(app).copied().unwrap_or(0)
    }

    /// An event was written.
    pub fn note(&self, app: AppName, number: u64) {
        let mut newest = self.0.lock();
        let known = newest.entry(app).or_insert(0);
        *known = number.max(*known);
    }

    /// Everything was listed.
    pub fn replace(&self, listing: &Listing) {
        self.0.lock().clear();
        for entry in &listing.entries {
            if let Some(Meaning::EndpointEvent(app, number)) = keys::meaning(entry.key.as_str()) {
                self.note(app, number);
            }
        }
    }
}
