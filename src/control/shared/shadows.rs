//! What was found by repeating requests at two releases, by app. Written by `shadow` alone.

use std::collections::HashMap;

use parking_lot::Mutex;

use crate::rollout::{app::AppName, record::Tenure, shadow::Findings};

/// What was found of one candidate.
#[derive(Debug, Clone, Default)]
pub struct AppShadow {
    /// The candidate's tenure.
    pub tenure: Tenure,
    /// Since when requests are repeated, Unix ms.
    pub since: u64,
    pub findings: Findings,
    /// Requests that were not repeated, since so many wait for answers.
    pub skipped: u64,
}

/// The findings by app.
#[derive(Debug, Default)]
pub struct ShadowBoard {
    apps: Mutex<HashMap<AppName, AppShadow>>,
}

impl ShadowBoard {
    /// What was found of this tenure of a candidate.
    pub fn of(&self, app: &AppName, tenure: Tenure) -> Option<AppShadow> {
        self.apps.lock().get(app).filter(|known| known.tenure == tenure).cloned()
    }

    /// Whether stable is to be asked twice at the next request, so that its noise becomes known.
    pub fn wants_noise(&self, app: &AppName, tenure: Tenure) -> bool {
        let apps = self.apps.lock();
        let known = apps.get(app).filter(|known| known.tenure == tenure);
        known.is_none_or(|known| known.findings.wants_noise())
    }

    /// Changes what is known of this tenure. What was found of an earlier one goes.
    pub fn change(&self, app: &AppName, tenure: Tenure, now_ms: u64, change: impl FnOnce(&mut AppShadow)) {
        let mut apps = self.apps.lock();
        let known = apps.entry(app.clone()).or_default();
        if known.tenure > tenure {
            return;
        }
        if known.tenure < tenure {
            *known = AppShadow { tenure, since: now_ms, ..AppShadow::default() };
        }
        change(known);
    }

    /// Forgets the apps of which this is not so.
    pub fn retain(&self, stays: impl Fn(&AppName) -> bool) {
        self.apps.lock().retain(|app, _| stays(app));
    }
}
