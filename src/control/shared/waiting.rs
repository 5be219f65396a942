//! Releases that a raw `stable/id` names and that may not become stable yet: since when each of them waits, and why
//! (docs/design.md section 4, "One gate for everything that makes a release stable").
//!
//! Each router keeps its own account. It decides nothing but how long this router asks, and what it shows.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use keyvalues::Revision;
use parking_lot::Mutex;

use crate::{
    control::limits::{GIVEN_UP_PAUSE, WAITING_PAUSE},
    rollout::{app::AppName, keys, keyspace::Problem, release::ReleaseId},
};

/// The key is about to be written, so that its revision is not known yet.
pub const UNWRITTEN: Revision = Revision::MAX;

/// A release that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingRelease {
    pub release: ReleaseId,
    /// The revision at which the key was written: one that is written again waits anew.
    pub written: Revision,
    /// Since when (monotonic).
    pub since: Duration,
    /// Why its endpoints did not pass, when they were asked last.
    pub failure: Option<String>,
    /// Why it may not become stable, and what can be done about it; none: it has no endpoint, which is shown as such.
    pub why: Option<String>,
    /// It has waited for too long, and is not asked any more.
    pub is_given_up: bool,
}

/// All that wait, by app. Written by what adopts, read by what publishes.
#[derive(Debug, Default)]
pub struct WaitingReleases {
    apps: Mutex<BTreeMap<AppName, WaitingRelease>>,
    is_changed: AtomicBool,
}

impl WaitingReleases {
    /// What is known of a release that waits by a key which was written at this revision; none: it does not wait yet.
    pub fn find(&self, app: &AppName, release: &ReleaseId, written: Revision) -> Option<WaitingRelease> {
        let apps = self.apps.lock();
        apps.get(app).filter(|known| known.release == *release && known.written == written).cloned()
    }

    /// The key that was about to be written is, at this revision.
    pub fn set_written(&self, app: &AppName, revision: Revision) {
        let mut apps = self.apps.lock();
        apps.get_mut(app)
            .filter(|known| known.written == UNWRITTEN)
            .into_iter()
            .for_each(|known| known.written = revision);
    }

    /// Keeps what was found of a release.
    pub fn note(&self, app: &AppName, waiting: WaitingRelease) {
        let is_news = |known: &WaitingRelease| known.release != waiting.release || known.why != waiting.why;
        let mut apps = self.apps.lock();
        if apps.get(app).is_none_or(is_news) {
            self.is_changed.store(true, Ordering::Relaxed);
            if let Some(why) = &waiting.why {
                tracing::warn!(%app, release = %waiting.release, "a raw stable/id is not adopted: {why}");
            }
        }
        apps.insert(app.clone(), waiting);
    }

    /// The app's release does not wait any more.
    pub fn forget(&self, app: &AppName) {
        if self.apps.lock().remove(app).is_some() {
            self.is_changed.store(true, Ordering::Relaxed);
        }
    }

    /// A key that was about to be written is not.
    pub fn forget_unwritten(&self, app: &AppName) {
        let mut apps = self.apps.lock();
        if apps.get(app).is_some_and(|known| known.written == UNWRITTEN) {
            apps.remove(app);
            self.is_changed.store(true, Ordering::Relaxed);
        }
    }

    /// Forgets the apps of which nothing is left to adopt at this revision.
    pub fn retain(&self, revision: Revision, is_unsettled: impl Fn(&AppName) -> bool) {
        self.apps.lock().retain(|app, waiting| waiting.written > revision || is_unsettled(app));
    }

    /// When an app is looked at again, though nothing has changed in the store; none: it need not be.
    pub fn pause(&self, app: &AppName) -> Option<Duration> {
        let apps = self.apps.lock();
        let waiting = apps.get(app).filter(|waiting| waiting.why.is_some())?;
        Some(if waiting.is_given_up { GIVEN_UP_PAUSE } else { WAITING_PAUSE })
    }

    /// What is shown of them.
    pub fn problems(&self) -> Vec<Problem> {
        let apps = self.apps.lock();
        let problem = |(app, waiting): (&AppName, &WaitingRelease)| {
            let why = waiting.why.clone()?;
            let allowed = format!("a release that may become stable: {why}");
            Some(Problem { key: keys::stable_id(app), value: waiting.release.to_string(), allowed })
        };
        apps.iter().filter_map(problem).collect()
    }

    /// Whether something else is to be shown than when this was last asked.
    pub fn take_change(&self) -> bool {
        self.is_changed.swap(false, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(written: Revision, why: &str) -> WaitingRelease {
        let release = "apps/shop-2-80/containers".parse().unwrap();
        let why = (!why.is_empty()).then(|| why.to_owned());
        let since = Duration::from_secs(7);
        WaitingRelease { release, written, since, failure: None, why, is_given_up: false }
    }

    #[test]
    fn a_key_that_is_written_again_waits_anew() {
        let (all, app) = (WaitingReleases::default(), "shop".parse().unwrap());
        all.note(&app, waiting(3, "refused"));
        let release = waiting(3, "").release;
        let other = "apps/shop-3-80/containers".parse().unwrap();
        assert_eq!(all.find(&app, &release, 3).map(|known| known.since), Some(Duration::from_secs(7)));
        assert_eq!((all.find(&app, &release, 4), all.find(&app, &other, 3)), (None, None));
        all.note(&app, waiting(UNWRITTEN, "refused"));
        all.set_written(&app, 4);
        assert!(all.find(&app, &release, 4).is_some());
    }

    #[test]
    fn what_is_shown_goes_with_its_cause() {
        let (all, app) = (WaitingReleases::default(), "shop".parse().unwrap());
        all.note(&app, waiting(3, ""));
        assert_eq!((all.problems(), all.pause(&app)), (vec![], None), "it is shown as one without endpoints");
        all.note(&app, waiting(3, "refused"));
        assert!(all.take_change() && !all.take_change());
        assert_eq!(all.problems()[0].key, "rolling/shop/stable/id");
        assert_eq!(all.pause(&app), Some(WAITING_PAUSE));
        all.note(&app, waiting(3, "refused"));
        assert!(!all.take_change(), "that is no news");
        // What was written later than what is published is not known to be settled.
        all.retain(2, |_| false);
        assert_eq!(all.problems().len(), 1);
        all.retain(3, |_| false);
        assert_eq!(all.problems(), []);
    }
}
